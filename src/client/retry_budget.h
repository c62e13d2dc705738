// RetryBudget: when the next retry may go, so that an outage does not double the load.
//
// Backoff spreads retries in time and does not make them fewer: while FCM fails every message, each
// first attempt is followed by a retry, and a service that is coming back gets twice what it had.
// FCM warns that abusive senders risk denial ("scale-fcm"). So retries live on an income: a fifth
// of a retry for each first attempt, and ten a second in any case, which lets small senders retry
// freely. What is not used is saved up to what came in lately. A retry without means is not
// dropped, it waits.
//
// The other trap is the end of a campaign: no first attempts any more, and all that failed is left
// to ten a second. So a retry that is answered for good gives back what it took and counts like a
// first attempt. While FCM fails nothing comes back; once it works again the means grow with every
// answer, as in a slow start.
//
// With a share of 0.2 all retries together are 0.2 of the first attempts while all fails, and never
// over 0.69 of them, which is when two of five attempts fail.
#pragma once

#include <chrono>
#include <cstdint>

#include "client/steady_time.h"

namespace fanfare::client {

struct RetryBudgetOptions {
  double share = 0.2;      ///< Of the first attempts.
  double per_second = 10;  ///< In any case; above 0, or the last retries may never go.
};

/// One for each retry loop. Time is an argument. Not thread-safe.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetOptions& options);

  /// So many first attempts start.
  void on_first_attempts(SteadyTime now, std::uint64_t count = 1) noexcept;

  /// When the next retry may go: `now`, or later. Ask for one at a time, the one that has been due
  /// longest; a first attempt or an answer may make it earlier. SteadyTime::max(): by these only.
  /// A `now` before the latest of the others' is taken for that.
  [[nodiscard]] SteadyTime earliest(SteadyTime now) const noexcept;

  /// A retry starts; earliest() said that it may. An attempt that never arrived (unsent) is no load
  /// and its repetition no retry.
  void on_retry(SteadyTime now) noexcept;

  /// A retry was accepted, or refused for a reason of its own: no outage.
  void on_retry_answered(SteadyTime now) noexcept;

 private:
  [[nodiscard]] double means_at(SteadyTime now) const noexcept;
  [[nodiscard]] double most_at(SteadyTime now) const noexcept;
  void add(SteadyTime now, double amount) noexcept;

  RetryBudgetOptions options_;
  double means_;  ///< In retries, at `at_`.
  SteadyTime at_{};
  // First attempts since the minute's start, and in the minute before it.
  SteadyTime minute_start_{};
  std::uint64_t firsts_ = 0;
  std::uint64_t firsts_before_ = 0;
};

}  // namespace fanfare::client
