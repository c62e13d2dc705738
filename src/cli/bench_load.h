// What `fanfare bench` sends and how it looks at it: a message of a given size, registrations that
// cost next to nothing to make up, and how long messages take. What they cost is counted as the
// client's, so they are as cheap as they can be.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/message.h"
#include "fanfare/result.h"

namespace fanfare::cli {

/// Registrations of the shape and length of Android's that count upwards.
class MadeUpTokens {
 public:
  /// Each series has its own, so that none of them is sent to twice.
  explicit MadeUpTokens(std::uint32_t series);

  [[nodiscard]] const std::string& next();

  /// Which one of its series it is, from 0.
  [[nodiscard]] static std::uint64_t number_of(std::string_view token);

 private:
  std::string text_;
};

/// A message whose request body, a registration of MadeUpTokens' included, has so many bytes.
/// Error::Kind::usage when that is too few.
[[nodiscard]] Result<Message> message_of_size(std::size_t bytes);

/// How long messages took, in constant memory and to 5 per cent.
class LatencyCounts {
 public:
  void add(std::chrono::nanoseconds latency);
  void add(const LatencyCounts& other);

  /// So long or less did this share of them take; 0 when there was none.
  [[nodiscard]] std::chrono::nanoseconds quantile(double share) const;

 private:
  /// Sixteen to each doubling, from a microsecond to an hour.
  static constexpr std::size_t per_doubling = 16;
  std::array<std::uint32_t, 32 * per_doubling> counts_{};
  std::uint64_t total_ = 0;
};

/// Times one message of a hundred, from the moment its registration is asked for to its outcome.
class LatencySample {
 public:
  using Time = std::chrono::steady_clock::time_point;

  [[nodiscard]] static bool is_timed(std::string_view token) { return token.ends_with("00"); }

  void begin(std::string_view token, Time now) { slot_of(token) = now; }
  void end(std::string_view token, Time now) { counts_.add(now - slot_of(token)); }

  [[nodiscard]] const LatencyCounts& counts() const noexcept { return counts_; }

 private:
  /// A client has 10,000 messages open at the most, which are a hundred timed ones; far more, since
  /// one that waits for a retry stays behind while others pass.
  static constexpr std::size_t slots = 16'384;
  Time& slot_of(std::string_view token) {
    return begun_[MadeUpTokens::number_of(token) / 100 % slots];
  }

  std::vector<Time> begun_ = std::vector<Time>(slots);
  LatencyCounts counts_;
};

}  // namespace fanfare::cli
