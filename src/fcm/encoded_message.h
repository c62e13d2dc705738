// EncodedMessage: a message serialised once, with a hole where the target goes.
//
// A campaign sends the same bytes to every device but for the registration, so only that is
// written per device: {"message":{"token":"…",<common part>}}.
#pragma once

#include <cstddef>
#include <string>

#include "fanfare/message.h"
#include "fanfare/target.h"

namespace fanfare::fcm {

class EncodedMessage {
 public:
  /// `validate_only` asks FCM to check and not to deliver.
  explicit EncodedMessage(const Message& message, bool validate_only = false);

  /// Appends the body of one messages:send request for this target.
  void append_body(const Target& target, std::string& out) const;

  /// Most bytes that a body has besides those of the target's value.
  [[nodiscard]] std::size_t overhead_bytes() const noexcept {
    return before_.size() + to_string(TargetKind::condition).size() + 4 + after_.size();
  }

 private:
  std::string before_;  // Up to the target's field name, its opening quote included.
  std::string after_;   // From behind the target's value.
};

}  // namespace fanfare::fcm
