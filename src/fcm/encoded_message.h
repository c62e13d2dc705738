// EncodedMessage: a message serialised once, with a hole where the target goes.
//
// A campaign sends the same bytes to every device but for the registration, so only that is
// written per device: {"message":{"token":"…",<common part>}}.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "fanfare/message.h"
#include "fanfare/target.h"

namespace fanfare::fcm {

class EncodedMessage {
 public:
  /// `validate_only` asks FCM to check and not to deliver.
  explicit EncodedMessage(const Message& message, bool validate_only = false);

  /// From what write_message gave for a message without a target, unchanged: nothing is parsed.
  [[nodiscard]] static EncodedMessage from_written(std::string_view written, bool validate_only);

  /// The body of one messages:send request for this target, as pieces to be written one after
  /// another: views of this message, of the target's value, and, only when the value must be
  /// escaped for JSON, of `escaped`, which is overwritten then.
  [[nodiscard]] std::array<std::string_view, 3> body(const Target& target,
                                                     std::string& escaped) const;

  /// Appends the body.
  void append_body(const Target& target, std::string& out) const;

  /// Most bytes that a body has besides those of the target's value.
  [[nodiscard]] std::size_t overhead_bytes() const noexcept {
    return before_.back().size() + after_.size();
  }

 private:
  struct Written {};
  EncodedMessage(Written tag, std::string_view written, bool validate_only);

  std::array<std::string, 4> before_;  // By the target's kind: up to its value, quote included.
  std::string after_;                  // From the quote behind the value.
};

}  // namespace fanfare::fcm
