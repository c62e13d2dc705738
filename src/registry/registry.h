// Registry: the devices of a fleet, their state and history, and the campaigns that walk over
// them, in one SQLite file (WAL).
//
// Every change and its evidence are one transaction. A campaign is a row: message, audience and
// cursor; only a device that waits for a retry has a row of its own. Whoever records results does
// so in batches with the new cursor, so that a crash loses or repeats both or neither.
//
// Errors are Error::Kind::storage and name the file: missing, not a Fanfare store, made by a newer
// version, locked, read-only, full. One Registry per thread; several processes may share a file.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fanfare/result.h"

#include "registry/brake.h"
#include "registry/device.h"
#include "registry/import_run.h"
#include "registry/silence_policy.h"
#include "registry/survival.h"

namespace fanfare::registry {

/// For a program's main, before any store is opened; not for a library, since it changes what
/// SQLite does for everybody in the process: it counts its memory no more.
void own_process() noexcept;

struct OpenOptions {
  enum class Mode : std::uint8_t { create, existing, read_only };
  Mode mode = Mode::create;
  /// fsync at each commit (campaigns: what was sent must stay known even after a power cut).
  bool durable = false;
  std::chrono::milliseconds lock_wait{5'000};  ///< For another process's transaction.
  std::size_t cache_bytes = 8U << 20;
};

struct UpsertCounts {
  std::uint64_t added = 0;
  std::uint64_t updated = 0;     ///< Known before; empty fields keep what is stored.
  std::uint64_t revived = 0;     ///< Retired or suspect before, and seen since then.
  std::uint64_t superseded = 0;  ///< Retired, since their installation has another registration.
};

/// What may come with devices.
struct UpsertExtras {
  const ImportRun* run = nullptr;  ///< Kept in the same transaction.
  /// Of devices that come from another store, in their order. One that is new here gets its times,
  /// its state and its events as they were; for one that is known they count for nothing.
  std::span<const DeviceHistory> histories{};
};

struct Stats {
  std::uint64_t total = 0;
  std::map<std::string, std::uint64_t> by_state;
  std::map<std::string, std::uint64_t> by_platform;  ///< Active ones; "" is unknown.
  std::map<std::string, std::uint64_t> by_rule;      ///< Of suspect and retired ones.
};

/// What `prune` found among the active devices.
struct PruneCounts {
  std::uint64_t retired = 0;     ///< Silent for longer than the limit. Would be, in a dry run.
  std::uint64_t warned = 0;      ///< Of the others: silent for as long as the policy warns of.
  std::uint64_t never_seen = 0;  ///< Without any last-seen time: kept.
  std::map<std::string, std::uint64_t> by_platform;  ///< The retired ones.
  std::map<std::string, std::uint64_t> warned_by_platform;
  std::map<std::string, SilenceClasses> ages;  ///< All, by platform; before any is retired.
};

/// How many devices match a filter.
struct FilterCounts {
  std::uint64_t total = 0;
  std::map<std::string, std::uint64_t> by_platform;
  std::map<std::string, std::uint64_t> by_state;
};

/// What `erase_user` removed, or would.
struct EraseCounts {
  std::uint64_t devices = 0;     ///< Superseded ones included.
  std::uint64_t superseded = 0;  ///< Of these: earlier registrations, without this owner's name.
  std::uint64_t events = 0;      ///< Of these devices' history.
  std::uint64_t mentions = 0;    ///< In the history of devices that stay.
  bool rebuilt = false;      ///< Free space held copies of a registration; the file was rewritten.
  bool log_emptied = false;  ///< False: another process reads the log; erase once more.
};

/// What `tidy` removed.
struct TidyCounts {
  std::uint64_t probes = 0;
  std::uint64_t retries = 0;       ///< Waiting rows of campaigns that nobody can resume.
  std::uint64_t list_members = 0;  ///< Of the audiences of such campaigns.
};

/// A snapshot of an audience: devices of the store that match and are at most `last_id`.
struct Audience {
  std::string filter{};   ///< Normal form of a filter, see filter.h; empty: everybody.
  std::int64_t list = 0;  ///< Not 0: exactly the devices of this list, whatever their state.
  std::string project;    ///< Devices of this project and those without one; not for a list.
  DeviceId last_id = 0;
  std::uint64_t count = 0;
};

/// A device as a campaign needs it.
struct Receiver {
  DeviceId id = 0;
  Target registration;
  std::string platform;
  State state = State::active;
  std::string suspected_by{};  ///< Rule behind a suspect; empty for others.

  friend void swap(Receiver& a, Receiver& b) noexcept {
    std::swap(a.id, b.id);
    std::swap(a.registration.kind, b.registration.kind);
    a.registration.value.swap(b.registration.value);
    a.platform.swap(b.platform);
    std::swap(a.state, b.state);
    a.suspected_by.swap(b.suspected_by);
  }
};

/// Sums of a campaign. The books: taken == accepted + retired + failed + unknown + waiting +
/// (under way), where taken is what the cursor has passed.
struct CampaignCounts {
  std::uint64_t accepted = 0;
  std::uint64_t retired = 0;  ///< Retired by it, or made suspect because of a brake.
  std::uint64_t failed = 0;
  std::uint64_t unknown = 0;
  std::uint64_t retries = 0;
  std::map<std::string, std::uint64_t, std::less<>> by_rule;
};

struct Campaign {
  enum class State : std::uint8_t { running, finished, stopped };  ///< stopped: a person must act.
  std::int64_t id = 0;
  State state = State::running;
  std::string project;
  std::string message;  ///< JSON as it is sent.
  bool validate_only = false;
  Audience audience;
  DeviceId cursor = 0;  ///< Every receiver up to here is final or waits in a retry row …
  std::string done;     ///< … and so are those whose bit is set here; see docs/store.md.
  CampaignCounts counts;
  std::uint64_t report_bytes = 0;  ///< Length of the report file that belongs to this cursor.
  SystemTime started{};
  /// A gateway goes on with it by itself; nobody else may, or devices would be sent to twice.
  bool steered = false;
};

/// A receiver of a campaign that waits for its next attempt.
struct RetryRow {
  Receiver receiver;
  int attempts = 0;
  SystemTime due{};
};

/// A device's change through a verdict.
struct Change {
  DeviceId id = 0;
  State to = State::active;
  std::string rule;
  std::string evidence;  ///< JSON, see Event.
};

/// A device was asked about with an empty message.
struct Probe {
  DeviceId id = 0;
  SystemTime at{};
  std::string rule;  ///< Of what it came to; empty: not known.
};

/// One transaction's worth of a campaign's progress.
/// A receiver whom a campaign did not reach, through no fault of the device's.
struct Failed {
  DeviceId id = 0;
  std::string rule;
  Target registration{};   ///< Only when it is read.
  std::string platform{};  ///< The same.
};

struct Progress {
  SystemTime at{};
  std::vector<DeviceId> accepted{};    ///< Sets last_accepted; a suspect or retired one revives.
  std::vector<Change> changes{};       ///< Appends an event each; `to` may equal the present state.
  std::vector<RetryRow> waiting{};     ///< Adds or replaces retry rows.
  std::vector<DeviceId> settled{};     ///< Removes retry rows, those of `waiting` included.
  std::vector<Probe> probes{};         ///< In order; a device's later one replaces its earlier one.
  std::vector<AnswerCount> answers{};  ///< Are added to what the brake learns from.
  std::vector<Failed> failed{};        ///< Of a campaign that is steered; kept until forgotten.
};

/// Which brakes a person speaks about; without any: all.
struct BrakeChoice {
  std::optional<std::string> platform{};
  std::optional<std::string> rule{};
  std::optional<std::string> project{};
};

class Registry {
 public:
  [[nodiscard]] static Result<Registry> open(const std::filesystem::path& path,
                                             OpenOptions options = {});
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;
  ~Registry();

  struct Impl;  ///< Opaque; named here for the files that implement it.

  // Devices -----------------------------------------------------------------------------------

  /// Adds or refreshes devices in one transaction; with a list (make_list), puts them on it.
  [[nodiscard]] Result<UpsertCounts> upsert(std::span<const Device> devices, SystemTime now,
                                            std::int64_t list = 0, const UpsertExtras& extras = {});
  /// The import of this source that has not come to its end.
  [[nodiscard]] Result<std::optional<ImportRun>> unfinished_import(const std::string& source);
  /// It has come to its end: nothing is left to resume.
  [[nodiscard]] Result<void> end_import(const std::string& source);
  /// What `UpsertExtras::histories` takes to another store; its `device` is 0.
  [[nodiscard]] Result<DeviceHistory> carried_history(DeviceId id);
  /// From now on new devices' keys wait in memory and are written in sorted runs of `most` devices,
  /// for each of which some 80 bytes are taken: several times faster in a large store. Nothing is
  /// lost or wrong without them, but look-ups by other processes are slow until `write_keys`.
  void defer_keys(std::size_t most = 1'000'000) noexcept;
  [[nodiscard]] Result<void> write_keys();
  /// A new, empty list of devices: the audience of one `send --to FILE`.
  [[nodiscard]] Result<std::int64_t> make_list();
  [[nodiscard]] Result<void> drop_list(std::int64_t list);

  [[nodiscard]] Result<std::optional<Device>> find(const Target& registration);
  /// The same for a bare value, as a person types it: a token, else a fid.
  [[nodiscard]] Result<std::optional<Device>> find(const std::string& value);
  /// The devices of a user that a message may go to: not retired, of this project or of none.
  [[nodiscard]] Result<std::vector<Receiver>> devices_of(const std::string& user,
                                                         const std::string& project);
  /// Whether any device is stored, in whatever state.
  [[nodiscard]] Result<bool> any_device();
  /// Oldest first.
  [[nodiscard]] Result<std::vector<Event>> history(DeviceId id);
  /// With a project: of its devices and of those without one.
  [[nodiscard]] Result<Stats> stats(const std::optional<std::string>& project = {});
  /// Calls `visit` for each device that matches the filter (whatever its state, unless the filter
  /// names one), in id order behind `after`, in constant memory; `visit` returns false to stop.
  /// Ages in the filter count back from `now`. `visit` may change this registry.
  [[nodiscard]] Result<void> each(const std::string& filter,
                                  const std::function<bool(const Device&)>& visit,
                                  SystemTime now = std::chrono::system_clock::now(),
                                  DeviceId after = 0);

  /// How many match, whatever their state, unless the filter names one.
  [[nodiscard]] Result<FilterCounts> count(const std::string& filter,
                                           SystemTime now = std::chrono::system_clock::now());
  /// At most `size` of those that match, at random, in id order; the same for the same seed.
  [[nodiscard]] Result<std::vector<Device>> sample(
      const std::string& filter, std::size_t size, std::uint64_t seed,
      SystemTime now = std::chrono::system_clock::now());

  /// Retires the active devices that were silent for longer than the policy's limit.
  [[nodiscard]] Result<PruneCounts> prune(const SilencePolicy& policy, SystemTime now,
                                          bool dry_run);
  /// Retires the active devices last seen before `before`.
  [[nodiscard]] Result<PruneCounts> prune(SystemTime before, SystemTime now, bool dry_run);
  /// Appends the next devices behind `after` that `prune` would retire, at most `limit`; none: the
  /// end.
  [[nodiscard]] Result<void> next_silent(const SilencePolicy& policy, SystemTime now,
                                         DeviceId after, std::size_t limit,
                                         std::vector<Receiver>& out);
  /// Retires those of `ids` that `prune` would still retire. How many these were.
  [[nodiscard]] Result<std::uint64_t> prune_these(std::span<const DeviceId> ids,
                                                  const SilencePolicy& policy, SystemTime now);
  /// For each platform how many devices came back from how long a silence.
  [[nodiscard]] Result<std::vector<PlatformSurvival>> survival(SystemTime now);
  /// Retires one by a person's word. False: it was retired already.
  [[nodiscard]] Result<bool> retire(DeviceId id, SystemTime now);
  /// Brings one back. False: it was active already.
  [[nodiscard]] Result<bool> restore(DeviceId id, SystemTime now);
  /// Brings back all that were retired or suspected at or after `since`, by `rule` if not empty.
  [[nodiscard]] Result<std::uint64_t> restore_since(SystemTime since, const std::string& rule,
                                                    SystemTime now);
  /// Forgets the devices retired before `before`, with their history (30 days, as a rule).
  [[nodiscard]] Result<std::uint64_t> purge(SystemTime before);
  /// Drops probes from before `before`, and what campaigns from before then keep to be resumed,
  /// the latest campaign excepted.
  [[nodiscard]] Result<TidyCounts> tidy(SystemTime before);
  /// Erases a user's devices with all that hangs on them, and every mention of the user as a former
  /// owner, so that no copy stays in the store's files. Backups, reports and exports are not known
  /// to it. Once more does no harm.
  [[nodiscard]] Result<EraseCounts> erase_user(const std::string& user, bool dry_run);
  /// Whether a device is one of those that are known to live.
  [[nodiscard]] Result<bool> is_canary(DeviceId id);

  // Audiences and campaigns ---------------------------------------------------------------------

  /// Error::Kind::usage with the position when the filter can't be read. A filter that names no
  /// state means all but the retired: a suspect may well live. Ages count back from `now` once and
  /// for all, so that a campaign that is resumed tomorrow means the same devices. With a list the
  /// project does not matter.
  [[nodiscard]] Result<Audience> make_audience(const std::string& filter, std::int64_t list,
                                               const std::string& project,
                                               SystemTime now = std::chrono::system_clock::now());
  /// The next receivers behind `after`, at most `limit`; none: the end. They take the place of
  /// those in `out`, whose memory is used again.
  [[nodiscard]] Result<void> next_receivers(const Audience& audience, DeviceId after,
                                            std::size_t limit, std::vector<Receiver>& out);

  /// Whom it failed, behind `after` and in the order of their ids; retired ones are left out.
  [[nodiscard]] Result<std::vector<Failed>> failed_of(std::int64_t campaign, DeviceId after,
                                                      std::size_t limit);
  /// Those up to `last` are somebody else's now; gives how many are left.
  [[nodiscard]] Result<std::uint64_t> forget_failed(std::int64_t campaign, DeviceId last);

  /// Stores a new campaign and gives it its id.
  [[nodiscard]] Result<void> add_campaign(Campaign& campaign);
  /// The latest that no gateway steers; nullopt when there is none.
  [[nodiscard]] Result<std::optional<Campaign>> latest_campaign();
  [[nodiscard]] Result<std::optional<Campaign>> find_campaign(std::int64_t id);
  /// Appends the retry rows of a campaign for devices behind `after`, at most `limit`; none: the
  /// end.
  [[nodiscard]] Result<void> next_retries(std::int64_t campaign, DeviceId after, std::size_t limit,
                                          std::vector<RetryRow>& out);
  /// The latest probe of a device; nullopt: it never had one.
  [[nodiscard]] Result<std::optional<Probe>> latest_probe(DeviceId id);
  /// How many devices had their latest probe in this campaign.
  [[nodiscard]] Result<std::uint64_t> probe_count(std::int64_t campaign);
  /// Changes through verdicts outside of any campaign (topics), in one transaction. While a brake
  /// is on for a device's platform and the rule, it becomes suspect in place of retired, here and
  /// in `record`; so does a canary, always.
  [[nodiscard]] Result<void> apply(std::span<const Change> changes, SystemTime at);
  /// Records progress and the campaign's cursor, done, counts, state and report length, all in
  /// one transaction. With the id 0 it is of no campaign: then only its project matters, and nobody
  /// may wait.
  [[nodiscard]] Result<void> record(const Campaign& campaign, const Progress& progress);

  // The brake -----------------------------------------------------------------------------------

  /// For a BrakeWatch.
  [[nodiscard]] Result<BrakeHistory> brake_history(const std::string& project, SystemTime now);
  /// Pulls the brake for the campaign's project: what verdicts have retired since `pull.since` by
  /// this rule on this platform becomes suspect again, by an earlier campaign, too.
  [[nodiscard]] Result<void> pull_brake(const Campaign& campaign, const BrakePull& pull,
                                        SystemTime now);
  /// The wave of a brake is over: verdicts retire again, and so do those that this run of the
  /// campaign (events behind `after_event`) has already heard. How many those were. The other
  /// suspects wait for their next answer.
  [[nodiscard]] Result<std::uint64_t> settle_brake(std::int64_t id, const Campaign& campaign,
                                                   std::int64_t after_event, SystemTime now);
  /// Closes the brakes whose wave is over and whose suspects are all settled.
  [[nodiscard]] Result<void> close_settled_brakes(SystemTime now);
  [[nodiscard]] Result<std::vector<BrakeState>> brakes();
  /// Those of a project that hold verdicts now. Far cheaper.
  [[nodiscard]] Result<std::set<BrakeKey>> brakes_holding(const std::string& project);
  /// A person's word: the suspects live (release) or are dead (confirm). How many there were.
  [[nodiscard]] Result<std::uint64_t> release_brakes(SystemTime now,
                                                     const BrakeChoice& choice = {});
  [[nodiscard]] Result<std::uint64_t> confirm_brakes(SystemTime now,
                                                     const BrakeChoice& choice = {});

  /// A canary is a device that a person knows to live: a verdict never retires it, and pulls the
  /// brake. False: it was (add) or was not (remove) one already.
  [[nodiscard]] Result<bool> add_canary(DeviceId id);
  [[nodiscard]] Result<bool> remove_canary(DeviceId id);
  [[nodiscard]] Result<std::vector<Device>> canaries();

 private:
  explicit Registry(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::registry
