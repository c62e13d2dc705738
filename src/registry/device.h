// Device: a registration with its owner, platform, tags and state.
//
// The life of a device:
//
//   import/register -> active -> retired -> (tombstone with evidence, 30 days) -> purged
//                        ^  \      |  ^
//                        |   v     |  |
//                        |  suspect --+     a brake is on: kept, but not believed to live
//                        +---------+        re-registration, restore, accepted by FCM
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/target.h"

#include "base/time_text.h"

namespace fanfare::registry {

enum class State : std::uint8_t { active, suspect, retired };
[[nodiscard]] std::string_view to_string(State state) noexcept;
[[nodiscard]] std::optional<State> parse_state(std::string_view text) noexcept;

/// Row number in the store; the order in which an audience is walked.
using DeviceId = std::int64_t;

struct Device {
  DeviceId id = 0;      ///< 0: not stored yet.
  Target registration;  ///< Kind token or fid.
  std::string project;  ///< Empty: whichever project the store's user sends from.
  std::string user;     ///< Owner; empty: unknown.
  /// The app's own id of this installation of it, which outlives tokens; empty: unknown. Two
  /// registrations of one installation can't both be alive, see succession.h.
  std::string installation;
  std::string platform;   ///< "android", "ios", "web"; empty: unknown.
  std::string locale;     ///< BCP 47.
  std::string time_zone;  ///< IANA name, "Asia/Seoul"; empty: unknown.
  std::string app_version;
  std::vector<std::string> tags;
  std::optional<SystemTime> last_seen;  ///< When the app was last known to run.

  // Kept by the registry:
  State state = State::active;
  std::string rule;  ///< Rule of the verdict behind a suspect or retired state.
  std::optional<SystemTime> created;
  /// When it was last registered or imported in a way that changed what is stored.
  std::optional<SystemTime> refreshed;
  std::optional<SystemTime> changed;        ///< When the state last changed.
  std::optional<SystemTime> last_accepted;  ///< When FCM last accepted a message for it.
};

// What a registration and its fields may look like, wherever they come from ----------------------

/// FCM promises no length; tokens have been about 160 bytes for years and may grow.
inline constexpr std::size_t max_registration_bytes = 4096;

/// What is wrong with a token or fid; empty when nothing is: not empty, not too long, UTF-8,
/// without blanks or control characters.
[[nodiscard]] std::string registration_fault(std::string_view value);
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
[[nodiscard]] bool has_control_characters(std::string_view text) noexcept;

/// Without the white space at both ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
/// "news; sport" as tags: trimmed, without empty ones, each once.
[[nodiscard]] std::vector<std::string> split_tags(std::string_view text);
/// The inverse: a tag that contains ';' comes back as two.
[[nodiscard]] std::string join_tags(const std::vector<std::string>& tags);
/// Lower case; "webpush" and "chrome" are "web".
[[nodiscard]] std::string normal_platform(std::string_view text);

/// Why a device changed, kept with it: the raw answer, the rule, the time.
struct Event {
  SystemTime at{};
  State from = State::active;
  State to = State::active;
  /// Whose doing: "verdict", "import", "retire", "restore", "prune", "brake", "replaced" (another
  /// registration of the same installation), "owner" (the state stays, the user is another).
  std::string cause;
  std::string rule;      ///< Of the verdict; empty for deeds of a person.
  std::string evidence;  ///< JSON: {"status":404,"body":"…","campaign":7}; at most 8 KiB.
  /// The registration it happened to, when that was an earlier one of the same device; else empty.
  std::string predecessor{};
};

/// All that happened to a device, to be carried into another store.
struct DeviceHistory {
  std::size_t device = 0;             ///< Which one of those it is carried with, from 0.
  std::vector<Event> events{};        ///< Oldest first; not those of its predecessors.
  std::vector<Target> replaces{};     ///< Its direct predecessors.
  std::vector<Target> replaced_by{};  ///< Its direct successors; one, as a rule.
};

}  // namespace fanfare::registry
