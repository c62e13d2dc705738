#include "fanfare/verdict.h"

namespace fanfare {

std::string_view to_string(VerdictKind kind) noexcept {
  switch (kind) {
    case VerdictKind::accepted:
      return "accepted";
    case VerdictKind::device_gone:
      return "device_gone";
    case VerdictKind::device_malformed:
      return "device_malformed";
    case VerdictKind::device_foreign:
      return "device_foreign";
    case VerdictKind::device_suspect:
      return "device_suspect";
    case VerdictKind::message_invalid:
      return "message_invalid";
    case VerdictKind::platform_blocked:
      return "platform_blocked";
    case VerdictKind::credential_stale:
      return "credential_stale";
    case VerdictKind::project_blocked:
      return "project_blocked";
    case VerdictKind::throttled_project:
      return "throttled_project";
    case VerdictKind::throttled_target:
      return "throttled_target";
    case VerdictKind::service_unavailable:
      return "service_unavailable";
    case VerdictKind::unknown_outcome:
      return "unknown_outcome";
    case VerdictKind::unsent:
      return "unsent";
  }
  return "";
}

std::string_view to_string(FaultDomain domain) noexcept {
  switch (domain) {
    case FaultDomain::none:
      return "none";
    case FaultDomain::device:
      return "device";
    case FaultDomain::message:
      return "message";
    case FaultDomain::platform_credential:
      return "platform_credential";
    case FaultDomain::project:
      return "project";
    case FaultDomain::quota:
      return "quota";
    case FaultDomain::service:
      return "service";
    case FaultDomain::network:
      return "network";
  }
  return "";
}

std::string_view to_string(Action action) noexcept {
  switch (action) {
    case Action::record:
      return "record";
    case Action::retire_device:
      return "retire_device";
    case Action::probe_device:
      return "probe_device";
    case Action::fail_message:
      return "fail_message";
    case Action::hold_platform:
      return "hold_platform";
    case Action::refresh_credential:
      return "refresh_credential";
    case Action::hold_project:
      return "hold_project";
    case Action::wait_project:
      return "wait_project";
    case Action::wait_target:
      return "wait_target";
    case Action::retry:
      return "retry";
    case Action::follow_policy:
      return "follow_policy";
    case Action::resend:
      return "resend";
  }
  return "";
}

std::optional<VerdictKind> parse_verdict_kind(std::string_view text) noexcept {
  constexpr auto last = static_cast<std::uint8_t>(VerdictKind::unsent);
  for (std::uint8_t value = 0; value <= last; ++value) {
    const auto kind = static_cast<VerdictKind>(value);
    if (to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

}  // namespace fanfare
