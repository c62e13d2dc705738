// The settings of what the emulator does wrong on purpose, and of what nobody outside Google knows
// for certain: read from a scenario file (TOML) at the start, and from PUT or POST
// /_emulator/faults (JSON) while it runs. README.md lists the keys.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "fanfare/result.h"

#include "emulator/fault.h"
#include "emulator/health.h"
#include "emulator/texts.h"

namespace fanfare::emulator {

/// How the time until a request is processed is drawn.
enum class Spread : std::uint8_t {
  uniform,      ///< Between `latency` and that plus `jitter`.
  exponential,  ///< `latency` plus an exponential time with the mean `jitter`.
  lognormal,    ///< The median is `latency`, one in a hundred takes longer by `jitter` or more.
};

struct Latency {
  std::chrono::milliseconds base{0};
  std::chrono::milliseconds jitter{0};
  Spread spread = Spread::uniform;
};

/// One part of a scenario: a fault, whom it strikes, and when. Times and counts begin when the
/// settings are made.
struct Rule {
  Fault fault = Fault::none;
  double share = 1;         ///< Of requests, at random; of devices with `of_devices`.
  bool of_devices = false;  ///< The same devices always.
  std::chrono::seconds from{0};
  std::optional<std::chrono::seconds> lasts;  ///< Absent: for ever.
  std::uint64_t after_requests = 0;           ///< So many pass first.
  std::optional<std::uint64_t> times;         ///< It strikes so often at most.
  std::optional<Platform> platform;           ///< Only devices of that kind.
  std::string topic;                          ///< Only messages to that topic.
  std::optional<std::chrono::seconds> retry_after;
  std::optional<Latency> latency;  ///< While the rule is in force, in place of the general one.

  /// Whether one must know whom a message is for to say that the rule strikes.
  [[nodiscard]] bool is_aimed() const noexcept {
    return of_devices || platform.has_value() || !topic.empty();
  }
};

/// What one device may get (FCM docs, "Throttling and quotas"); absent: no limit.
struct DeviceLimits {
  std::optional<std::uint64_t> per_minute;
  std::optional<std::uint64_t> per_hour;
  /// Collapsible messages at once; then one in each `collapsible_refill`. More are delayed.
  std::optional<std::uint64_t> collapsible_burst;
  std::chrono::seconds collapsible_refill{180};

  [[nodiscard]] bool any() const noexcept { return per_minute || per_hour || collapsible_burst; }
};

struct Faults {
  /// In force for every request, beside the rules.
  Fault fault = Fault::none;
  double outage_share = 0.5;  ///< Of devices, for outage_404; the same ones until `seed` changes.
  std::vector<Rule> rules;

  Latency latency;
  std::chrono::milliseconds oauth_latency{0};  ///< Added where access tokens are given.

  double error_503_share = 0;  ///< Of messages, at random, answered 503 whatever the device.

  /// Sent with 503 and with the project's 429; absent: no Retry-After.
  std::optional<std::chrono::seconds> retry_after;
  bool retry_after_as_date = false;  ///< An HTTP date in place of seconds.

  /// Messages in a window of 60 s that starts with the first; absent: no limit.
  std::optional<std::uint64_t> quota_per_minute;
  DeviceLimits device;
  std::optional<std::uint64_t> subscriptions_per_second;  ///< Topics, of the project.
  /// Messages to topics and conditions that may be under way at once, each for `fan_out`.
  std::optional<std::uint64_t> fan_outs;
  std::chrono::milliseconds fan_out{0};

  std::uint64_t lowered_streams = 10;  ///< What `lower_streams` lowers to.

  // What nobody outside knows for certain.
  /// The answer to a project that is not ours: a bare 404 in place of the 403.
  bool foreign_project_404 = false;
  /// Of data and notification, keys and values. 4,506 is what topics were seen to take.
  std::uint64_t size_limit_bytes = 4'096;
  Texts texts = Texts::captured;
  bool fake_message_id = false;  ///< A dry run's name ends in fake_message_id, as it did once.
  std::chrono::seconds token_lifetime{3'599};  ///< Of an access token.
  /// Its length, about; Google's were seen with 180 to 1,024.
  std::uint64_t token_chars = 224;

  std::uint64_t seed = 1;  ///< Of everything drawn at random.
};

/// Changes the settings named in `settings` and keeps the others. Error::Kind::input names the
/// key that is unknown or has a value out of range; then nothing is changed.
[[nodiscard]] Result<Faults> apply(Faults faults, const boost::json::object& settings);

/// Defaults, changed by the TOML of a scenario file. Error::Kind::input names the line.
[[nodiscard]] Result<Faults> parse_scenario(std::string_view toml_text);

/// All settings, as `apply` reads them.
[[nodiscard]] boost::json::object to_json(const Faults& faults);

}  // namespace fanfare::emulator
