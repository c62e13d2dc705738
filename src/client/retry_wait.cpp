#include "client/retry_wait.h"

#include <algorithm>
#include <optional>

namespace fanfare::client {
namespace {

using std::chrono::milliseconds;

// A Retry-After beyond this is nonsense, and would overflow the clock's nanoseconds.
constexpr milliseconds kLongestWait = std::chrono::hours(24 * 365);

milliseconds doubled(milliseconds base, int times, milliseconds cap) noexcept {
  for (int i = 0; i < times && base < cap; ++i) base = base > cap / 2 ? cap : base * 2;
  return std::min(base, cap);
}

std::optional<milliseconds> asked_for(const Verdict& verdict) noexcept {
  if (!verdict.retry_after) return std::nullopt;
  const std::chrono::seconds longest =
      std::chrono::duration_cast<std::chrono::seconds>(kLongestWait);
  return std::clamp(*verdict.retry_after, std::chrono::seconds(0), longest);
}

// FCM named the wait. A service that keeps saying "at once" is not believed twice.
WaitBounds after_asking(milliseconds asked, milliseconds floor, int attempts) noexcept {
  const milliseconds low = attempts > 1 ? std::max(asked, floor) : asked;
  return {low, low + std::max<milliseconds>(std::chrono::seconds(1), asked / 4)};
}

WaitBounds backing_off(milliseconds floor, milliseconds longest, int attempts) noexcept {
  const milliseconds cap = std::clamp(longest, milliseconds(0), kLongestWait);
  const milliseconds low = std::min(floor, cap);
  return {low, std::min(low + doubled(floor, attempts - 1, cap), cap)};
}

// Doubling, so that a quota which stays used up is asked less and less. The first wait is FCM's
// minimum, which no cap of ours may shorten.
WaitBounds after_quota(milliseconds floor, milliseconds longest, int attempts) noexcept {
  const milliseconds cap = std::min(std::max(longest, floor), kLongestWait);
  const milliseconds low = doubled(floor, attempts - 1, cap);
  return {low, std::min(low + low / 4, cap)};
}

}  // namespace

WaitBounds wait_bounds(const RetryOptions& options, const Verdict& verdict, int attempts) noexcept {
  const auto asked = asked_for(verdict);
  switch (verdict.kind) {
    case VerdictKind::throttled_project:
    case VerdictKind::throttled_target:
      if (asked) return after_asking(*asked, options.backoff, attempts);
      return after_quota(options.quota_wait, options.backoff_max, attempts);
    case VerdictKind::service_unavailable:
    case VerdictKind::unknown_outcome:
      if (asked) return after_asking(*asked, options.backoff, attempts);
      return backing_off(options.backoff, options.backoff_max, attempts);
    case VerdictKind::unsent:
      return backing_off(options.unsent_backoff, options.backoff_max, attempts);
    case VerdictKind::accepted:
    case VerdictKind::device_gone:
    case VerdictKind::device_malformed:
    case VerdictKind::device_foreign:
    case VerdictKind::device_suspect:
    case VerdictKind::message_invalid:
    case VerdictKind::platform_blocked:
    case VerdictKind::credential_stale:
    case VerdictKind::project_blocked:
      return {};
  }
  return {};
}

milliseconds pause_after(const RetryOptions& options, const Verdict& verdict) noexcept {
  return asked_for(verdict).value_or(std::min(options.quota_wait, kLongestWait));
}

}  // namespace fanfare::client
