// RatePacer: keeps what we send within a number of messages per minute, evenly spread.
//
// FCM counts messages in windows of a minute that begin when it likes ("throttling-and-quotas"),
// so the promise is about any 60 seconds, ends included: never more than the limit. And FCM asks
// to begin slowly and to spread a minute's quota instead of front-loading it ("scale-fcm").
// docs/protocol.md, "Quotas and rates".
//
// The generic cell rate algorithm: `next_` is when the next message would be due at a perfectly
// even pace; one may go up to `tolerance_` ahead of it, which lets a sender that woke up late
// catch up. n messages in a window W then satisfy (n - 1) * interval <= W + tolerance, from which
// the constructor computes the interval.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "client/sender.h"

namespace fanfare::client {

struct PacerOptions {
  std::uint64_t messages_per_minute = 600'000;  ///< FCM's default quota; 0: no pacing.
  /// From the slow start (1 % of the rate, at least 100 a second) to the full rate, at first and
  /// after a minute's silence; 0: full rate at once.
  std::chrono::milliseconds ramp{60'000};
};

/// How long `messages` take at this pace, when nothing else holds them up; zero without pacing.
[[nodiscard]] std::chrono::seconds time_to_send(const PacerOptions& options,
                                                std::uint64_t messages) noexcept;

/// Time is an argument. Not thread-safe.
class RatePacer final : public Pacer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RatePacer(const PacerOptions& options);

  [[nodiscard]] std::chrono::nanoseconds reserve(Time now) override;

  /// Halves the rate, which recovers within a minute. Calls soon after one that did are echoes of
  /// the same excess, from the requests that were under way, and do nothing.
  void on_throttled(Time now) override;

 private:
  [[nodiscard]] double ramp_share(Time now) const;
  [[nodiscard]] double throttle_share(Time now) const;

  bool unlimited_;
  std::chrono::nanoseconds interval_{0};   ///< Between two messages at the full rate.
  std::chrono::nanoseconds tolerance_{0};  ///< How far ahead of the even pace one may be.
  std::chrono::nanoseconds ramp_;
  double first_share_ = 1;  ///< Of the full rate, where the ramp begins.

  std::optional<Time> latest_;  ///< Message that went.
  Time ramp_start_{};
  Time next_{};
  std::optional<Time> throttled_at_;
  double throttled_share_ = 1;
};

}  // namespace fanfare::client
