// LatencyWatch: tells from the latency of answers when FCM has more of us than it can take.
//
// An overloaded service grows slow before it refuses. FCM wants a p95 under 500 ms and a step back
// beyond it ("scale-fcm"); but a slow link has that without any load. So both must hold: over
// 500 ms, and over three times the best of the last minutes. Where the latency stays high for
// good, that is soon the best there is, and is taken for normal.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "client/steady_time.h"

namespace fanfare::client {

/// A sender of few messages is never slowed down: nothing is said about less than 20 answers within
/// a minute.
class LatencyWatch {
 public:
  /// `answers` came, after `mean` each. True: the rate should be lowered now. That is said at most
  /// once a second and once a latency, which is how long a lower rate takes to show.
  [[nodiscard]] bool on_answers(SteadyTime now, std::uint64_t answers,
                                std::chrono::nanoseconds mean);

 private:
  using Seconds = std::chrono::duration<double>;
  static constexpr Seconds none{std::numeric_limits<double>::infinity()};

  void start_look(SteadyTime now);
  void remember_best(SteadyTime now);

  // What came since the last look.
  std::optional<SteadyTime> since_;
  std::uint64_t answers_ = 0;
  Seconds sum_{0};

  std::optional<Seconds> smoothed_;
  // The best of this stretch of time and of the one before, together the last 5 to 10 minutes.
  SteadyTime stretch_start_{};
  Seconds best_ = none;
  Seconds best_before_ = none;
  std::optional<SteadyTime> said_at_;
};

}  // namespace fanfare::client
