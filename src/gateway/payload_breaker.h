// PayloadBreaker: a message that FCM calls wrong for everyone is not sent to everyone. After 50
// equal faults of one text in a row the rest that has this text is refused without being sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "fanfare/verdict.h"

namespace fanfare::gateway {

class PayloadBreaker {
 public:
  static constexpr std::uint32_t limit = 50;
  static constexpr std::size_t most_texts = 1'000;  ///< Remembered; beyond, all are forgotten.

  /// What became of an attempt with this text.
  void note(std::string_view text, const Verdict& verdict);
  /// The verdict for this text; nullopt: send it.
  [[nodiscard]] std::optional<Verdict> refuses(std::string_view text) const;

 private:
  struct Faults {
    Verdict verdict;
    std::uint32_t count = 0;
  };
  std::unordered_map<std::size_t, Faults> faults_;  // By the text's hash.
};

}  // namespace fanfare::gateway
