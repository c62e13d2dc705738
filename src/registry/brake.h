// The brake: the stop on mass removal. In a real outage FCM answered UNREGISTERED for half of all
// living devices; a sender that believes every such answer loses them.
//
// A brake belongs to a project, a platform and a rule. It is pulled when the share of fresh deaths
// (of devices that were active) is above a limit that the 30 days before have taught, or when a
// canary is called dead. While it is on, verdicts are kept and devices become suspect only. It
// lets go in a later campaign, when a sample of answers says that the wave is over; what the wave
// itself said never retires anyone. The whole of it is told in docs/brake.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time_text.h"
#include "registry/device.h"

namespace fanfare::registry {

struct BrakeLimits {
  std::uint64_t floor = 100;    ///< Fewer deaths than this never pull it, but see BrakeWatch.
  double share = 0.30;          ///< Limit while there is not enough history.
  double foreign_share = 0.10;  ///< Always the limit for device_foreign: many at once mean that
                                ///< the project is wrong, not the devices.
  /// The limit that history teaches: `factor` times its share and `margin`, within these bounds.
  double factor = 3.0;
  double margin = 0.05;
  double lowest_share = 0.10;
  double highest_share = 0.50;
  std::uint64_t enough_answers = 5'000;  ///< So many answers are history.
  std::uint64_t sample = 100;            ///< Answers that judge whether a wave is over.
  /// How old a brake must be before the fresh deaths alone say that its wave is over.
  std::chrono::seconds recheck_after = std::chrono::hours(24);
};

/// For one list without a history (topics). `retired`: devices that `rule` has retired;
/// `answered`: accepted ones and all retired ones.
[[nodiscard]] bool brake_pulls(const BrakeLimits& limits, std::string_view rule,
                               std::uint64_t retired, std::uint64_t answered) noexcept;

/// The share above which deaths by `rule` are not believed, when `dead` of `answers` were dead in
/// the 30 days before.
[[nodiscard]] double brake_limit(const BrakeLimits& limits, std::string_view rule,
                                 std::uint64_t dead, std::uint64_t answers) noexcept;

// What is counted and kept -----------------------------------------------------------------------

/// Answers are counted in buckets of this length, beginning at whole multiples since 1970.
inline constexpr std::chrono::minutes brake_bucket{10};
/// How far the sliding window goes back, and the history.
inline constexpr std::chrono::hours brake_window{1};
inline constexpr std::chrono::hours brake_history_length{24 * 30};
[[nodiscard]] SystemTime brake_bucket_of(SystemTime time) noexcept;

/// Answers that speak of devices; an empty rule: accepted.
struct AnswerCount {
  SystemTime bucket{};
  std::string platform{};
  std::string rule{};
  std::uint64_t count = 0;
};

/// Why a brake was pulled: a share above its limit, or a canary.
struct BrakeReason {
  double share = 0;
  double limit = 0;
  std::uint64_t dead = 0;
  std::uint64_t answers = 0;
  std::string canary{};  ///< Its registration; empty: the share.
};

/// Platform and rule of a brake.
using BrakeKey = std::pair<std::string, std::string>;

/// The platform of brakes from before there was one each.
inline constexpr std::string_view every_platform = "*";

/// A brake that is on.
struct BrakeState {
  std::int64_t id = 0;
  std::string project;
  std::string platform;  ///< Empty: the devices whose platform is not known.
  std::string rule;
  std::int64_t campaign = 0;
  SystemTime since{};
  std::optional<SystemTime> over{};  ///< Since then verdicts are believed again; suspects are left.
  BrakeReason why{};
  std::uint64_t suspects = 0;  ///< Devices that wait for an answer or for a person's word.
};

/// What a campaign must know at its start.
struct BrakeHistory {
  struct Open {
    BrakeState brake;
    std::uint64_t actives = 0;  ///< Active devices it is about; counted up to 100.
  };
  std::vector<AnswerCount> window{};    ///< Of the last hour.
  std::vector<AnswerCount> baseline{};  ///< Of the 30 days before; without time.
  std::vector<Open> open{};
  std::map<DeviceId, std::string> canaries{};  ///< Not retired; with their platforms.
  std::int64_t last_event = 0;                 ///< Events behind it are this run's.
};

/// A brake that is due.
struct BrakePull {
  std::string platform{};
  std::string rule{};
  SystemTime since{};   ///< What was retired from here on becomes suspect again.
  BrakeReason why{};    ///< Without the canary's registration …
  DeviceId canary = 0;  ///< … which the registry looks up; 0: none.
};

// The watch --------------------------------------------------------------------------------------

/// Watches the answers of one run of a campaign. Pure: it is given what is stored and the time.
///
/// Three looks are taken at each platform and rule: at the last hour, at this run, and at its
/// latest 1,000 answers. The last hour alone would let a wave pass that follows a large clean send.
/// A wave must not take a small platform, either: platforms above their limit count together for
/// the floor, and when one is braked in this run the others are looked at more closely, over the
/// latest 2,000 answers of all.
class BrakeWatch {
 public:
  struct Answer {
    DeviceId device = 0;
    std::string_view platform;
    State before = State::active;
    std::string_view suspected_by;  ///< Rule behind a suspect.
    std::string_view rule;          ///< Of the death; empty: accepted.
  };

  BrakeWatch(BrakeLimits limits, const BrakeHistory& history, std::int64_t campaign,
             SystemTime begun);
  BrakeWatch(const BrakeWatch&) = delete;
  BrakeWatch& operator=(const BrakeWatch&) = delete;
  ~BrakeWatch() = default;

  void note(const Answer& answer);
  [[nodiscard]] bool has_brakes() const noexcept { return !on_.empty(); }
  /// The brakes that are still on; a person may have closed the others. What was heard before that
  /// word no longer counts, so that what comes after it is judged anew.
  void keep(const std::set<BrakeKey>& on);
  /// What was noted since the last call, to be stored with the batch; now it counts in the window.
  [[nodiscard]] std::vector<AnswerCount> take_counts(SystemTime now);
  /// Brakes to pull now; from here on the watch takes them for pulled. `ended`: no answer follows,
  /// so that even a few devices are judged.
  [[nodiscard]] std::vector<BrakePull> take_pulls(SystemTime now, bool ended);
  /// Brakes (by id) whose wave is over. Unless the run has `ended`, the canaries are waited for.
  [[nodiscard]] std::vector<std::int64_t> take_over(SystemTime now, bool ended);

 private:
  struct Tally {
    std::uint64_t answers = 0;
    std::map<std::string, std::uint64_t, std::less<>> dead;
    void add(std::string_view rule, std::uint64_t count);
    [[nodiscard]] std::uint64_t dead_by(std::string_view rule) const;
  };
  struct Bucket {
    SystemTime start;
    Tally tally;
  };
  struct Platform {
    Tally baseline;
    std::deque<Bucket> hour;
    Tally run;
    std::deque<Tally> latest;  ///< Blocks of 100 answers, at most 10 of them.
    Tally pending;
    Tally* in_stretch = nullptr;  ///< Its own in the newest block of `stretch_`; null: none yet.
  };
  /// The question whether the wave of an open brake is over.
  struct Check {
    BrakeState brake;
    std::uint64_t wanted_suspects = 0;
    std::uint64_t wanted_actives = 0;
    std::uint64_t suspects = 0, suspects_dead = 0;
    std::uint64_t actives = 0, actives_dead = 0;
    bool share_judged = false;
    bool fresh_judged = false;
    bool looks_over = false;
    std::set<DeviceId> canaries{};  // That have not answered yet.
    bool canary_dead = false;
  };
  enum class Look : std::uint8_t { latest, run, hour, stretch };
  struct Block {
    std::uint64_t answers = 0;
    std::map<std::string, Tally, std::less<>> platforms;
  };

  [[nodiscard]] Platform& platform(std::string_view name);
  [[nodiscard]] Tally& in_newest_block(std::string_view name, Platform& its);
  [[nodiscard]] double limit(const Platform& platform, std::string_view rule) const;
  [[nodiscard]] bool is_on(std::string_view platform, std::string_view rule) const;
  [[nodiscard]] bool any_on(std::string_view rule) const;
  [[nodiscard]] BrakeReason judge(std::string_view name, const Platform& platform,
                                  std::string_view rule, Look look) const;
  void count(std::string_view name, std::string_view rule);
  void slide(SystemTime now);
  void pull(BrakePull pull, std::vector<BrakePull>& pulls);
  void look_at(std::string_view rule, Look look, SystemTime since, std::uint64_t floor,
               std::vector<BrakePull>& pulls);
  [[nodiscard]] bool looks_over(Check& check, SystemTime now);
  void let_go(const BrakeKey& brake);

  BrakeLimits limits_;
  SystemTime begun_;
  std::map<std::string, Platform, std::less<>> platforms_;
  std::deque<Block> stretch_;  // Of 100 answers, at most 20 of them.
  std::map<DeviceId, std::string> canaries_;
  std::map<BrakeKey, DeviceId> dead_canaries_;  // Whose brake is not pulled yet.
  std::set<BrakeKey> on_;
  std::vector<Check> checks_;
  std::set<std::string, std::less<>> fresh_rules_;  // Of deaths since pulls were last taken.
  std::set<std::string, std::less<>> all_rules_;    // Of this run's deaths.
  std::set<std::string, std::less<>> pulled_now_;   // Rules of brakes pulled in this run.
};

}  // namespace fanfare::registry
