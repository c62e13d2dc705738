// What the emulator knows of a device: its platform, and how FCM will answer for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fanfare::emulator {

enum class Health : std::uint8_t {
  living,
  unregistered,       ///< 404 UNREGISTERED.
  malformed,          ///< 400, a violation on message.token.
  wrong_sender,       ///< 403 SENDER_ID_MISMATCH.
  apns_disabled,      ///< 400 with ApnsError 410; a dry run passes.
  apns_disabled_404,  ///< The same as 404 UNREGISTERED with ApnsError 410.
  suspect_dead,       ///< A bare 400 that names nobody, for a dry run too.
  payload_refused,    ///< A bare 400 unless it is a dry run of an empty message.
  flaky_503,          ///< 503 with Retry-After: 1 once, then living.
  flaky_429,          ///< 429 QUOTA_EXCEEDED with Retry-After: 1 once, then living.
  flaky_cut,          ///< The connection is cut once, then living.
};

inline constexpr std::size_t health_count = 11;
using HealthCounts = std::array<std::uint64_t, health_count>;

enum class Platform : std::uint8_t { unknown, android, ios, web };

[[nodiscard]] std::string_view name_of(Health health) noexcept;
[[nodiscard]] std::string_view name_of(Platform platform) noexcept;  ///< Empty for unknown.

/// By exactly those names; nullopt for any other.
[[nodiscard]] std::optional<Health> parse_health(std::string_view name) noexcept;
[[nodiscard]] std::optional<Platform> parse_platform(std::string_view name) noexcept;

/// Whether the device fails its first request only.
[[nodiscard]] constexpr bool is_flaky(Health health) noexcept {
  return health >= Health::flaky_503;
}

}  // namespace fanfare::emulator
