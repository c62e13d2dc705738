// What the emulator does wrong on purpose, for the whole project: settable at the start by a
// scenario file and while it runs by PUT or POST /_emulator/faults. README.md lists the keys.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "fanfare/result.h"

namespace fanfare::emulator {

enum class Fault : std::uint8_t {
  none,
  project_not_found,      ///< A bare 404 for every message.
  api_disabled,           ///< 403 SERVICE_DISABLED.
  iam,                    ///< 403, the permission is missing.
  revoked_key,            ///< Token endpoint: Invalid JWT Signature.
  clock_skew,             ///< Token endpoint: check your iat and exp.
  account_gone,           ///< Token endpoint: account not found.
  html_404,               ///< The front end's page.
  html_502,               ///< The front end's page.
  apns_broken,            ///< 401 THIRD_PARTY_AUTH_ERROR for iOS devices.
  outage_404,             ///< UNREGISTERED for a share of all devices.
  unauthenticated,        ///< 401 for every access token.
  service_503,            ///< 503 UNAVAILABLE for every message.
  quota_429,              ///< 429 of the project for every message.
  payload_invalid,        ///< 400 on a field of the payload for every message.
  bare_invalid_argument,  ///< 400 that names nobody for every message.
  bare_payload_invalid,   ///< The same, but a dry run of an empty message passes.
};

struct Faults {
  Fault fault = Fault::none;
  double outage_share = 0.5;  ///< Of devices, for outage_404; the same ones until `seed` changes.

  std::chrono::milliseconds latency{0};
  std::chrono::milliseconds latency_jitter{0};  ///< Added, uniformly in [0, jitter].

  double error_503_share = 0;  ///< Of messages, at random, answered 503 whatever the device.

  /// Sent with 503 and with the project's 429; absent: no Retry-After.
  std::optional<std::chrono::seconds> retry_after;
  bool retry_after_as_date = false;  ///< An HTTP date in place of seconds.

  /// Messages in a window of 60 s that starts with the first; absent: no limit.
  std::optional<std::uint64_t> quota_per_minute;

  /// The answer to a project that is not ours: a bare 404 in place of the 403.
  bool foreign_project_404 = false;

  /// Of data and notification, keys and values. 4,506 is what topics were seen to take.
  std::uint64_t size_limit_bytes = 4'096;

  std::uint64_t seed = 1;  ///< Of everything drawn at random.
};

[[nodiscard]] std::string_view name_of(Fault fault) noexcept;

/// Changes the settings named in `settings` and keeps the others. Error::Kind::input names the
/// key that is unknown or has a value out of range; then nothing is changed.
[[nodiscard]] Result<Faults> apply(Faults faults, const boost::json::object& settings);

/// Reads a scenario file's text; the same keys as TOML.
[[nodiscard]] Result<Faults> parse_scenario(std::string_view toml_text);

/// All settings, as `apply` takes them.
[[nodiscard]] boost::json::object to_json(const Faults& faults);

}  // namespace fanfare::emulator
