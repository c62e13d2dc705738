// How long a delivery waits for its next attempt: the numbers of the retry loop as one pure
// function.
//
// Sources: FCM "scale-fcm" (never again at once, 10 s and more after 500 and 503, doubling, each
// message with its own jitter) and "ErrorCode" (429: Retry-After, else a minute);
// docs/protocol.md, "Retries", has them all.
#pragma once

#include <chrono>

#include "client/retry_loop.h"

namespace fanfare::client {

/// The wait is drawn uniformly from [low, high].
struct WaitBounds {
  std::chrono::milliseconds low{0};
  std::chrono::milliseconds high{0};
};

/// After `attempts` attempts, of which the last had `verdict`. Zero for verdicts that are not
/// waited for. No wait is longer than what FCM asked for and a quarter more, or, where it asked
/// for none, than backoff_max or the floor itself.
[[nodiscard]] WaitBounds wait_bounds(const RetryOptions& options, const Verdict& verdict,
                                     int attempts) noexcept;

/// What FCM asked for or, for a 429 without a time, the quota wait: how long the whole project
/// pauses after throttled_project.
[[nodiscard]] std::chrono::milliseconds pause_after(const RetryOptions& options,
                                                    const Verdict& verdict) noexcept;

}  // namespace fanfare::client
