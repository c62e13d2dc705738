// How long FCM asks us to wait, from its two places: the Retry-After header and RetryInfo.
// docs/protocol.md, "Retry-After".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace fanfare::fcm {

/// Longer waits are cut to this: a wait of more than a day is a mistake on the way, and no
/// wait of ours is unbounded.
inline constexpr std::chrono::seconds max_retry_after = std::chrono::hours(24);

/// Reads a Retry-After header (RFC 9110, 10.2.3): seconds, or an HTTP date counted from
/// `received_at`. A time that has passed is 0. nullopt for anything else, the empty text included.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(
    std::string_view text, std::chrono::system_clock::time_point received_at);

/// Reads RetryInfo's retryDelay, "3.5s", rounded up to whole seconds. nullopt when malformed.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_delay(std::string_view text);

}  // namespace fanfare::fcm
