// Everything that the emulator can do wrong on purpose: one name each, what it looks like to a
// client, and at which step of a request it strikes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace fanfare::emulator {

enum class Fault : std::uint8_t {
  none,
  // The project.
  project_not_found,
  api_disabled,
  iam,
  quota_429,
  // Access tokens, at the token endpoint and where they are shown.
  revoked_key,
  clock_skew,
  account_gone,
  oauth_503,
  oauth_dead,
  unauthenticated,
  expired_token,
  scope_insufficient,
  // Devices.
  apns_broken,
  outage_404,
  device_quota_429,
  // The service.
  service_503,
  internal_500,
  delivered_503,
  topic_quota_429,
  html_404,
  html_502,
  html_200,
  nameless_200,
  empty_200,
  // The message.
  payload_invalid,
  bare_invalid_argument,
  bare_payload_invalid,
  too_large,
  // The network.
  refused_stream,
  reset_before,
  reset_after,
  cut_before,
  cut_after,
  truncated,
  stalled,
  silence,
  half_close,
  slow_reader,
  goaway_before,
  goaway_after,
  goaway_notice,
  goaway_max_streams,
  goaway_pings,
  goaway_timeout,
  lower_streams,
};

/// The step of a request at which a fault strikes, in the order of the steps.
enum class Step : std::uint8_t {
  token,      ///< Where access tokens are given.
  front_end,  ///< Before anything is looked at.
  access,     ///< The access token.
  project,
  service,
  quota,
  message,
  device,
  apns,   ///< What a dry run does not reach.
  after,  ///< All is done, the answer alone fails.
};

struct FaultEntry {
  Fault fault;
  std::string_view name;
  Step step;
  std::string_view group;  ///< project, access, devices, service, message, network.
  std::string_view what;   ///< As a client sees it.
};

/// All but `none`, in the order of the enumeration.
[[nodiscard]] std::span<const FaultEntry> fault_catalogue() noexcept;

[[nodiscard]] std::string_view name_of(Fault fault) noexcept;
[[nodiscard]] std::optional<Fault> parse_fault(std::string_view name) noexcept;
/// `none` strikes nowhere.
[[nodiscard]] std::optional<Step> step_of(Fault fault) noexcept;

}  // namespace fanfare::emulator
