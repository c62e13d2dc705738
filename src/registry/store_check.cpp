#include "registry/store_check.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "registry/hash.h"
#include "registry/maintenance.h"
#include "registry/registry_impl.h"
#include "registry/schema.h"
#include "registry/store_file.h"

namespace fanfare::registry {
namespace {

using sqlite::Database;
using sqlite::Failure;
using sqlite::guarded;
using sqlite::Snapshot;
using sqlite::Transaction;

// What can be wrong ---------------------------------------------------------------------------

enum class Fault : std::uint8_t {
  damage,
  stored_twice,
  key_registration,
  key_user,
  key_installation,
  keyed,
  fleet,
  state,
  state_event,
  campaign_books,
  event_orphan,
  key_stray,
  standing_orphan,
  retry_orphan,
  member_orphan,
  probe_orphan,
  canary_orphan,
  replaced_orphan,
};

struct FaultText {
  const char* id;
  const char* noun;
  const char* what;
  bool harmless;
  bool repairable;
};

// In the order of the enumerators.
constexpr std::array texts = {
    FaultText{"damage", "fault", "in the structure of the file", false, false},
    FaultText{"registration.twice", "registration", "stored twice: messages arrive twice", false,
              false},
    FaultText{"key.registration", "device",
              "whose registration has no key: not found, and stored again by the next import",
              false, true},
    FaultText{"key.user", "device", "whose user has no key: not in any audience of that user",
              false, true},
    FaultText{"key.installation", "device",
              "whose installation has no key: not replaced by its next registration", false, true},
    FaultText{"keyed", "mark", "of written keys missing or ahead of the devices", false, false},
    FaultText{"fleet", "project", "with another number of devices than is stored of it", false,
              true},
    FaultText{"state", "device", "whose state and rule do not fit together", false, false},
    FaultText{"state.event", "device", "whose latest change of state has no event", false, false},
    FaultText{"campaign.books", "campaign", "with more settled receivers than there are", false,
              false},
    FaultText{"event.orphan", "event", "without a device", false, true},
    FaultText{"key.stray", "key", "without a device", true, true},
    FaultText{"standing.orphan", "state", "without a device", true, true},
    FaultText{"retry.orphan", "retry", "without a device", true, true},
    FaultText{"list.orphan", "list member", "without a device", true, true},
    FaultText{"probe.orphan", "probe", "without a device", true, true},
    FaultText{"canary.orphan", "canary", "without a device", true, true},
    FaultText{"replaced.orphan", "earlier registration", "without a device", true, true},
};

class Findings {
 public:
  void add(Fault fault, std::string example, bool repaired = false) {
    auto& entry = entries_[static_cast<std::size_t>(fault)];
    ++entry.count;
    entry.repaired = repaired;
    constexpr std::size_t most_examples = 10;
    if (entry.examples.size() < most_examples) entry.examples.push_back(std::move(example));
  }
  [[nodiscard]] std::vector<Finding> take() {
    std::vector<Finding> found;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (entries_[i].count == 0) continue;
      Finding& finding = entries_[i];
      finding.id = texts[i].id;
      finding.noun = texts[i].noun;
      finding.what = texts[i].what;
      finding.harmless = texts[i].harmless;
      finding.repairable = texts[i].repairable;
      found.push_back(std::move(finding));
    }
    return found;
  }

 private:
  std::array<Finding, texts.size()> entries_;
};

bool is_damage(const Failure& failure) {
  return (failure.code & 0xff) == SQLITE_CORRUPT;
}

std::string device_text(DeviceId id) {
  return fmt::format("device {}", id);
}

// Which ids were given to devices that are there.
class IdSet {
 public:
  void insert(DeviceId id) {
    const auto at = static_cast<std::size_t>(id);
    if (at / 64 >= words_.size()) words_.resize(at / 64 + 1);
    words_[at / 64] |= std::uint64_t{1} << (at % 64);
  }
  [[nodiscard]] bool contains(DeviceId id) const {
    const auto at = static_cast<std::size_t>(id);
    return id >= 0 && at / 64 < words_.size() && (words_[at / 64] >> (at % 64) & 1) != 0;
  }

 private:
  std::vector<std::uint64_t> words_;
};

// Keys ----------------------------------------------------------------------------------------

struct Key {
  std::int64_t hash = 0;
  DeviceId dev = 0;
  auto operator<=>(const Key&) const = default;
};

// One of the three tables of keys.
struct KeyTable {
  Fault missing;
  const char* find;
  const char* has;
  const char* insert;
  const char* walk;
  const char* erase;
};

#define FANFARE_KEY_TABLE(FAULT, TABLE)                                  \
  KeyTable{FAULT,                                                        \
           "SELECT dev FROM " TABLE " WHERE hash = ?",                   \
           "SELECT 1 FROM " TABLE " WHERE hash = ? AND dev = ?",         \
           "INSERT OR IGNORE INTO " TABLE " (hash, dev) VALUES (?, ?)",  \
           "SELECT hash, dev FROM " TABLE                                \
           " WHERE (hash, dev) > (?, ?) ORDER BY hash, dev LIMIT 50000", \
           "DELETE FROM " TABLE " WHERE hash = ? AND dev = ?"}

constexpr KeyTable registrations = FANFARE_KEY_TABLE(Fault::key_registration, "key_registration");
constexpr KeyTable users = FANFARE_KEY_TABLE(Fault::key_user, "key_user");
constexpr KeyTable installations = FANFARE_KEY_TABLE(Fault::key_installation, "key_installation");

constexpr std::uint64_t rows_a_read = 50'000;  // The LIMIT of each `walk`.

// Rows that belong to a device, in tables ordered by what `walk` selects: a number and the device.
struct DependentTable {
  Fault orphan;
  const char* stage;
  const char* walk;   // (number, dev) behind the two parameters, in order.
  const char* still;  // Whether that row is there and its device is not.
  const char* erase;
};

#define FANFARE_DEPENDENT_TABLE(FAULT, STAGE, TABLE, NUMBER)                                \
  DependentTable{FAULT, STAGE,                                                              \
                 "SELECT " NUMBER ", dev FROM " TABLE " WHERE (" NUMBER                     \
                 ", dev) > (?, ?) ORDER BY " NUMBER ", dev LIMIT 50000",                    \
                 "SELECT 1 FROM " TABLE " WHERE " NUMBER                                    \
                 " = ?1 AND dev = ?2 AND NOT EXISTS (SELECT 1 FROM dev WHERE dev.id = ?2)", \
                 "DELETE FROM " TABLE " WHERE " NUMBER " = ? AND dev = ?"}

constexpr std::array dependents = {
    FANFARE_DEPENDENT_TABLE(Fault::event_orphan, "events", "event", "id"),
    FANFARE_DEPENDENT_TABLE(Fault::standing_orphan, "states", "standing", "dev"),
    FANFARE_DEPENDENT_TABLE(Fault::retry_orphan, "retries", "retry_row", "campaign"),
    FANFARE_DEPENDENT_TABLE(Fault::member_orphan, "lists", "list_member", "list"),
    FANFARE_DEPENDENT_TABLE(Fault::probe_orphan, "probes", "probe", "dev"),
    FANFARE_DEPENDENT_TABLE(Fault::canary_orphan, "canaries", "canary", "dev"),
    FANFARE_DEPENDENT_TABLE(Fault::replaced_orphan, "successions", "replaced", "successor"),
};

// The check -----------------------------------------------------------------------------------

class StoreCheck {
 public:
  StoreCheck(Database& database, const CheckOptions& options)
      : database_(database), options_(options) {}

  CheckReport run() {
    if (check_structure()) {
      check_keyed();
      check_campaigns();
      check_devices();
      check_fleet();
      check_unkeyed();
      for (const KeyTable* table : {&registrations, &users, &installations}) check_stray(*table);
      for (const DependentTable& table : dependents) check_orphans(table);
    }
    report_.findings = findings_.take();
    return std::move(report_);
  }

 private:
  void tell(std::string_view stage, std::uint64_t done, std::uint64_t total) const {
    if (options_.progress) options_.progress(stage, done, total);
  }

  // False: nothing else can be trusted.
  bool check_structure() {
    tell("structure", 0, 0);
    bool sound = true;
    try {
      sqlite::Statement query(database_, "PRAGMA integrity_check(1000)");
      auto rows = query.rows();
      while (rows.next()) {
        const std::string words = rows.text(0);
        if (words == "ok") continue;
        sound = false;
        findings_.add(Fault::damage, words);
      }
    } catch (const Failure& failure) {
      if (!is_damage(failure)) throw;
      sound = false;
      findings_.add(Fault::damage, failure.error.what);
    }
    return sound;
  }

  void check_keyed() {
    const Snapshot snapshot(database_);
    last_ = database_.integer("SELECT seq FROM sqlite_sequence WHERE name = 'dev'");
    up_to_ = database_.integer("SELECT up_to FROM keyed");
    if (database_.integer("SELECT count(*) FROM keyed") != 1 || up_to_ > last_) {
      findings_.add(Fault::keyed, fmt::format("keys up to {}, devices up to {}", up_to_, last_));
    }
  }

  void check_campaigns() {
    auto rows = database_
                    .prepared(
                        "SELECT id FROM campaign"
                        " WHERE accepted + retired + failed + unknown > audience_count"
                        " OR cursor > last_id OR cursor < 0")
                    .rows();
    while (rows.next()) {
      findings_.add(Fault::campaign_books, fmt::format("campaign {}", rows.integer(0)));
    }
  }

  // Devices -----------------------------------------------------------------------------------

  void check_devices() {
    for (DeviceId after = 0; after < last_; after += id_window) {
      read_window(after, after + id_window);
      check_events(after, after + id_window);
      tell("devices", static_cast<std::uint64_t>(std::min(after + id_window, last_)),
           static_cast<std::uint64_t>(last_));
      constexpr std::size_t run_size = 1'000'000;
      if (registration_run_.size() + user_run_.size() + installation_run_.size() >= run_size) {
        check_runs();
      }
    }
    check_runs();
  }

  void read_window(DeviceId after, DeviceId up_to) {
    auto rows = database_
                    .prepared(
                        "SELECT id, kind, value, user, installation, state, rule <> '', project"
                        " FROM device WHERE id > ? AND id <= ? ORDER BY id")
                    .rows(after, up_to);
    while (rows.next()) {
      const DeviceId id = rows.integer(0);
      ++report_.devices;
      present_.insert(id);
      ++devices_of_[rows.text(7)];
      const auto state = rows.integer(5);
      const bool has_rule = rows.integer(6) != 0;
      const bool fits = state >= 0 && state <= 2 && !(state == 0 && has_rule);
      if (!fits) findings_.add(Fault::state, device_text(id));

      const auto kind = static_cast<TargetKind>(rows.integer(1));
      const Key key{registration_hash(kind, rows.text(2)), id};
      if (id > up_to_) {
        unkeyed_.push_back(key);
        continue;
      }
      registration_run_.push_back(key);
      if (const auto user = rows.text(3); !user.empty()) {
        user_run_.push_back({text_hash(user), id});
      }
      if (const auto installation = rows.text(4); !installation.empty()) {
        installation_run_.push_back({text_hash(installation), id});
      }
    }
  }

  void check_events(DeviceId after, DeviceId up_to) {
    auto rows = database_
                    .prepared(
                        "SELECT dev FROM standing WHERE dev > ? AND dev <= ?"
                        " AND NOT EXISTS (SELECT 1 FROM event WHERE event.dev = standing.dev"
                        "  AND at = standing.changed AND to_state = standing.state)")
                    .rows(after, up_to);
    while (rows.next()) findings_.add(Fault::state_event, device_text(rows.integer(0)));
  }

  void check_runs() {
    check_run(registrations, registration_run_, true);
    check_run(users, user_run_, true);
    check_run(installations, installation_run_, true);
  }

  // In the order of the hashes, so that neighbours share a page.
  void check_run(const KeyTable& table, std::vector<Key>& run, bool must_be_there) {
    std::ranges::sort(run);
    constexpr std::size_t keys_a_read = 50'000;
    std::vector<Key> missing;
    std::vector<std::pair<DeviceId, DeviceId>> alike;
    for (std::size_t begin = 0; begin < run.size(); begin += keys_a_read) {
      {
        const Snapshot snapshot(database_);
        const auto end = std::min(begin + keys_a_read, run.size());
        for (const Key& key : std::span(run).subspan(begin, end - begin)) {
          bool there = false;
          auto rows = database_.prepared(table.find).rows(key.hash);
          while (rows.next()) {
            const DeviceId dev = rows.integer(0);
            there = there || dev == key.dev;
            if (&table == &registrations && dev > key.dev) alike.emplace_back(key.dev, dev);
          }
          if (!there && must_be_there) missing.push_back(key);
        }
      }
      settle_missing(table, missing);
      settle_alike(alike);
    }
    run.clear();
  }

  // Those that were found without a key, once more: the device may have changed or gone.
  void settle_missing(const KeyTable& table, std::vector<Key>& missing) {
    if (missing.empty()) return;
    in_one_view([&] {
      for (const Key& key : missing) {
        if (hash_now(table, key.dev) != key.hash) continue;
        if (exists(table.has, key.hash, key.dev)) continue;
        if (options_.repair) database_.prepared(table.insert).run(key.hash, key.dev);
        findings_.add(table.missing, device_text(key.dev), options_.repair);
      }
    });
    missing.clear();
  }

  std::optional<std::int64_t> hash_now(const KeyTable& table, DeviceId id) {
    auto rows =
        database_.prepared("SELECT kind, value, user, installation FROM dev WHERE id = ?").rows(id);
    if (!rows.next()) return std::nullopt;
    if (&table == &users) return text_hash(rows.text(2));
    if (&table == &installations) return text_hash(rows.text(3));
    return registration_hash(static_cast<TargetKind>(rows.integer(0)), rows.text(1));
  }

  // Two devices that share a hash are one too many only when their texts are the same, too.
  void settle_alike(std::vector<std::pair<DeviceId, DeviceId>>& alike) {
    auto& same = database_.prepared(
        "SELECT 1 FROM dev AS a, dev AS b WHERE a.id = ? AND b.id = ? AND a.kind = b.kind"
        " AND a.value = b.value");
    for (const auto& [one, other] : alike) {
      auto rows = same.rows(one, other);
      if (rows.next()) {
        findings_.add(Fault::stored_twice, fmt::format("devices {} and {}", one, other));
      }
    }
    alike.clear();
  }

  // Devices whose keys are not written yet: among themselves, and against those that have theirs.
  void check_unkeyed() {
    std::ranges::sort(unkeyed_);
    std::vector<std::pair<DeviceId, DeviceId>> alike;
    for (std::size_t i = 1; i < unkeyed_.size(); ++i) {
      if (unkeyed_[i - 1].hash != unkeyed_[i].hash) continue;
      alike.emplace_back(unkeyed_[i - 1].dev, unkeyed_[i].dev);
    }
    settle_alike(alike);
    for (const Key& key : unkeyed_) {
      auto rows = database_.prepared(registrations.find).rows(key.hash);
      while (rows.next()) {
        if (rows.integer(0) <= up_to_) alike.emplace_back(rows.integer(0), key.dev);
      }
    }
    settle_alike(alike);
    unkeyed_.clear();
  }

  // The numbers were right when each window was read, if nobody wrote meanwhile; where they seem
  // wrong, all is counted once more in one read.
  void check_fleet() {
    if (devices_of_ == stored_fleet()) return;
    in_one_view([&] {
      FleetChange counted;
      auto rows = database_.prepared("SELECT project FROM dev").rows();
      while (rows.next()) ++counted[rows.text(0)];
      const FleetChange stored = stored_fleet();
      for (const auto& [project, devices] : stored) counted.try_emplace(project, 0);
      for (const auto& [project, devices] : counted) {
        const auto at = stored.find(project);
        const std::int64_t told = at == stored.end() ? 0 : at->second;
        if (told == devices) continue;
        if (options_.repair) {
          database_.prepared("INSERT OR REPLACE INTO fleet (project, devices) VALUES (?, ?)")
              .run(project, devices);
        }
        findings_.add(Fault::fleet,
                      fmt::format("project '{}': {} devices, {} stored", project, devices, told),
                      options_.repair);
      }
    });
  }

  // Projects that lost their last device are as good as not there.
  FleetChange stored_fleet() {
    FleetChange fleet;
    auto rows = database_.prepared("SELECT project, devices FROM fleet WHERE devices <> 0").rows();
    while (rows.next()) fleet.emplace(rows.text(0), rows.integer(1));
    return fleet;
  }

  // What belongs to devices -------------------------------------------------------------------

  void check_stray(const KeyTable& table) {
    const auto stray = [&](const Key& key) {
      return exists(table.has, key.hash, key.dev) && !device_exists(key.dev);
    };
    walk("keys", table.walk, [&](const std::vector<Key>& suspects) {
      settle(suspects, stray, table.erase, Fault::key_stray);
    });
  }

  void check_orphans(const DependentTable& table) {
    const auto orphan = [&](const Key& row) { return exists(table.still, row.hash, row.dev); };
    walk(table.stage, table.walk, [&](const std::vector<Key>& suspects) {
      settle(suspects, orphan, table.erase, table.orphan);
    });
  }

  // Calls `settle` with the rows of each read whose device was not there. A read that is not full
  // is the last: somebody who goes on writing must not keep us here.
  void walk(const char* stage, const char* sql, auto&& settle) {
    Key after{std::numeric_limits<std::int64_t>::min(), 0};
    std::vector<Key> suspects;
    std::uint64_t seen = 0;
    for (std::uint64_t read = rows_a_read; read == rows_a_read;) {
      read = 0;
      suspects.clear();
      {
        auto rows = database_.prepared(sql).rows(after.hash, after.dev);
        for (; rows.next(); ++read) {
          after = {rows.integer(0), rows.integer(1)};
          if (!present_.contains(after.dev)) suspects.push_back(after);
        }
      }
      seen += read;
      tell(stage, seen, 0);
      if (!suspects.empty()) settle(suspects);
    }
    if (std::string_view(stage) == "events") report_.events = seen;
  }

  void settle(const std::vector<Key>& suspects, auto&& still, const char* erase, Fault fault) {
    in_one_view([&] {
      for (const Key& row : suspects) {
        if (!still(row)) continue;
        if (options_.repair) database_.prepared(erase).run(row.hash, row.dev);
        findings_.add(fault, device_text(row.dev), options_.repair);
      }
    });
  }

  // One read, or one transaction where there is something to repair.
  void in_one_view(auto&& body) {
    if (options_.repair) {
      Transaction transaction(database_);
      body();
      transaction.commit();
    } else {
      const Snapshot snapshot(database_);
      body();
    }
  }

  bool exists(const char* literal, std::int64_t first, std::int64_t second) {
    auto rows = database_.prepared(literal).rows(first, second);
    return rows.next();
  }
  bool device_exists(DeviceId id) {
    auto rows = database_.prepared("SELECT 1 FROM dev WHERE id = ?").rows(id);
    return rows.next();
  }

  Database& database_;
  const CheckOptions& options_;
  CheckReport report_;
  Findings findings_;
  DeviceId up_to_ = 0;
  DeviceId last_ = 0;
  IdSet present_;
  FleetChange devices_of_;
  std::vector<Key> registration_run_;
  std::vector<Key> user_run_;
  std::vector<Key> installation_run_;
  std::vector<Key> unkeyed_;
};

}  // namespace

bool CheckReport::sound() const noexcept {
  return std::ranges::all_of(
      findings, [](const Finding& finding) { return finding.harmless || finding.repaired; });
}

namespace {

CheckReport check(const std::filesystem::path& store, const CheckOptions& options) {
  StoreFile file(store, options.repair ? Access::write : Access::read, maintenance_lock_wait);
  if (file.format != newest_format()) {
    throw Failure{{Error::Kind::storage,
                   fmt::format("{} has format {}, and only format {} is checked", store.string(),
                               file.format, newest_format()),
                   "bring it up to date: fanfare store migrate"}};
  }
  // Neighbouring keys share pages; 32 MB hold the upper levels of all tables beside them.
  file.database.execute("PRAGMA cache_size = -32768");
  return StoreCheck(file.database, options).run();
}

}  // namespace

Result<CheckReport> check_store(const std::filesystem::path& store, const CheckOptions& options) {
  return guarded([&] {
    try {
      return check(store, options);
    } catch (const Failure& failure) {
      // So badly that it can't even be opened.
      if (!is_damage(failure)) throw;
      Findings findings;
      findings.add(Fault::damage, failure.error.what);
      return CheckReport{.devices = 0, .events = 0, .findings = findings.take()};
    }
  });
}

}  // namespace fanfare::registry
