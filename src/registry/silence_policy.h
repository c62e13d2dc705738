// For how long a device may be silent: the app was not seen to run, so it may be gone.
//
// A number of days is a bet: a limit too short retires people who would have come back, one too
// long keeps sending to nobody. Only Android has a known limit: FCM expires a token after 270 days
// without a connection and never takes it again (FCM, "Manage registration tokens").
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "base/time_text.h"

namespace fanfare::registry {

struct SilencePolicy {
  using Span = SystemTime::duration;

  /// By platform in its normal form; nullopt: however long.
  std::map<std::string, std::optional<Span>> limits;
  std::optional<Span> other;        ///< For platforms that are not named, unknown ones included.
  std::optional<Span> warn;         ///< Silent for this long: counted, on every platform.
  std::optional<std::string> only;  ///< This platform alone; nullopt: all.

  [[nodiscard]] std::optional<Span> limit_of(const std::string& platform) const;
};

/// Android 270 days, nothing elsewhere; warns at 60 days.
[[nodiscard]] SilencePolicy default_silence_policy();

/// The limits of "android=270d,ios=180d,web=90d,other=never", or of "default". A platform that is
/// not named has the limit of `other`, without that none. Error::Kind::usage naming the part that
/// can't be read. `warn` is that of the default policy.
[[nodiscard]] Result<SilencePolicy> parse_silence_policy(std::string_view text);

/// As parse_silence_policy reads it, without `warn` and `only`.
[[nodiscard]] std::string to_string(const SilencePolicy& policy);

// Classes by the time since a device was seen ---------------------------------------------------

/// Class i holds what is silent for less than this many days, and not in a class before it …
inline constexpr std::array<int, 6> silence_limits_days = {7, 30, 60, 90, 180, 270};
/// … then come the older ones, and last those that were never seen.
inline constexpr std::size_t silence_class_count = silence_limits_days.size() + 2;
using SilenceClasses = std::array<std::uint64_t, silence_class_count>;

/// "under 7 d", "7-30 d", …, "over 270 d", "never seen".
[[nodiscard]] std::string silence_class_name(std::size_t index);

}  // namespace fanfare::registry
