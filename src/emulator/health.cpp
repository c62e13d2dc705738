#include "emulator/health.h"

namespace fanfare::emulator {
namespace {

constexpr std::array<std::string_view, health_count> health_names = {
    "living",        "unregistered",      "malformed",    "wrong_sender",
    "apns_disabled", "apns_disabled_404", "suspect_dead", "payload_refused",
    "flaky_503",     "flaky_429",         "flaky_cut"};

constexpr std::array<std::string_view, 4> platform_names = {"", "android", "ios", "web"};

}  // namespace

std::string_view name_of(Health health) noexcept {
  return health_names[static_cast<std::size_t>(health)];
}

std::string_view name_of(Platform platform) noexcept {
  return platform_names[static_cast<std::size_t>(platform)];
}

std::optional<Health> parse_health(std::string_view name) noexcept {
  for (std::size_t i = 0; i < health_names.size(); ++i) {
    if (health_names[i] == name) return static_cast<Health>(i);
  }
  return std::nullopt;
}

std::optional<Platform> parse_platform(std::string_view name) noexcept {
  for (std::size_t i = 0; i < platform_names.size(); ++i) {
    if (platform_names[i] == name) return static_cast<Platform>(i);
  }
  return std::nullopt;
}

}  // namespace fanfare::emulator
