// Target: to whom one message goes. FCM takes exactly one per message.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace fanfare {

/// The four ways of the HTTP v1 API to name a receiver.
enum class TargetKind : std::uint8_t {
  token,      ///< Registration token; also a device group's notification key.
  fid,        ///< Firebase Installation ID, the successor of the token since 2026-06.
  topic,      ///< Topic name without the "/topics/" prefix.
  condition,  ///< Boolean expression over topics.
};

/// True for the kinds that name one device, which a verdict can retire.
[[nodiscard]] constexpr bool is_registration(TargetKind kind) noexcept {
  return kind == TargetKind::token || kind == TargetKind::fid;
}

/// The field of FCM's `Message` that carries this kind: "token", "fid", "topic", "condition".
[[nodiscard]] constexpr std::string_view to_string(TargetKind kind) noexcept {
  switch (kind) {
    case TargetKind::token:
      return "token";
    case TargetKind::fid:
      return "fid";
    case TargetKind::topic:
      return "topic";
    case TargetKind::condition:
      return "condition";
  }
  return "";
}

/// One receiver, as FCM names it. Ordered by kind, then by value.
struct Target {
  TargetKind kind = TargetKind::token;  ///< How `value` is to be read.
  std::string value;                    ///< The registration, name or expression; empty: none.
  auto operator<=>(const Target&) const = default;
};

}  // namespace fanfare
