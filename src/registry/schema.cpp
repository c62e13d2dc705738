#include "registry/schema.h"

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "registry/accepted_block.h"
#include "registry/keys.h"

namespace fanfare::registry {
namespace {

using sqlite::Database;
using sqlite::Failure;

// Times are milliseconds since 1970; texts are empty rather than NULL, so that a filter's `not`
// never meets SQL's third truth value.
constexpr const char* version_1 = R"sql(
CREATE TABLE dev (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash BLOB NOT NULL UNIQUE,
  project TEXT NOT NULL,
  kind INTEGER NOT NULL,
  value TEXT NOT NULL,
  user TEXT NOT NULL,
  user_hash INTEGER,
  platform TEXT NOT NULL,
  locale TEXT NOT NULL,
  app_version TEXT NOT NULL,
  tags TEXT NOT NULL,
  last_seen INTEGER,
  state INTEGER NOT NULL,
  rule TEXT NOT NULL,
  created INTEGER NOT NULL,
  changed INTEGER,
  last_accepted INTEGER
) STRICT;
CREATE INDEX dev_user ON dev (user_hash) WHERE user_hash IS NOT NULL;
CREATE INDEX dev_not_active ON dev (changed) WHERE state <> 0;

CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  dev INTEGER NOT NULL,
  at INTEGER NOT NULL,
  from_state INTEGER NOT NULL,
  to_state INTEGER NOT NULL,
  cause TEXT NOT NULL,
  rule TEXT NOT NULL,
  evidence TEXT NOT NULL,
  campaign INTEGER
) STRICT;
CREATE INDEX event_dev ON event (dev);
CREATE INDEX event_retired ON event (campaign, rule) WHERE to_state = 2 AND campaign IS NOT NULL;

CREATE TABLE list (id INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
CREATE TABLE list_member (
  list INTEGER NOT NULL,
  dev INTEGER NOT NULL,
  PRIMARY KEY (list, dev)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state INTEGER NOT NULL,
  project TEXT NOT NULL,
  message TEXT NOT NULL,
  validate_only INTEGER NOT NULL,
  filter TEXT NOT NULL,
  list INTEGER NOT NULL,
  audience_project TEXT NOT NULL,
  last_id INTEGER NOT NULL,
  audience_count INTEGER NOT NULL,
  cursor INTEGER NOT NULL,
  done BLOB NOT NULL,
  accepted INTEGER NOT NULL,
  retired INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  unknown INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  report_bytes INTEGER NOT NULL,
  started INTEGER NOT NULL
) STRICT;
CREATE TABLE campaign_rule (
  campaign INTEGER NOT NULL,
  rule TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (campaign, rule)
) STRICT, WITHOUT ROWID;
CREATE TABLE retry_row (
  campaign INTEGER NOT NULL,
  dev INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  due INTEGER NOT NULL,
  PRIMARY KEY (campaign, dev)
) STRICT, WITHOUT ROWID;

CREATE TABLE brake (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL,
  rule TEXT NOT NULL,
  campaign INTEGER NOT NULL,
  since INTEGER NOT NULL,
  closed INTEGER,
  word TEXT NOT NULL
) STRICT;
)sql";

// The last probe of each device that ever had one (delivery/prober.h); rule '': without a result.
constexpr const char* version_2 = R"sql(
CREATE TABLE probe (
  dev INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  campaign INTEGER NOT NULL,
  rule TEXT NOT NULL
) STRICT;
)sql";

// dev.last_accepted is left as it was: it tells of what was accepted before this version, and is
// never written again (registry/accepted_block.h). To copy a million of them would keep the first
// command after an update waiting.
constexpr const char* version_3 = R"sql(
CREATE TABLE accepted (
  block INTEGER PRIMARY KEY,
  times BLOB NOT NULL
) STRICT;
CREATE INDEX dev_not_active_id ON dev (id) WHERE state <> 0;
)sql";

// The hash leaves the row, where it stood a second time, for a table of keys that can be written in
// runs (registry/keys.h); they are all written anew, since they are shorter now. The times of
// acceptance that formats 1 and 2 kept in the row go to their blocks before that.
constexpr const char* version_4 = R"sql(
CREATE TABLE dev_4 (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL,
  kind INTEGER NOT NULL,
  value TEXT NOT NULL,
  user TEXT NOT NULL,
  installation TEXT NOT NULL,
  platform TEXT NOT NULL,
  locale TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  app_version TEXT NOT NULL,
  tags TEXT NOT NULL,
  last_seen INTEGER,
  state INTEGER NOT NULL,
  rule TEXT NOT NULL,
  created INTEGER NOT NULL,
  refreshed INTEGER,
  changed INTEGER
) STRICT;
INSERT INTO dev_4
  SELECT id, project, kind, value, user, '', platform, locale, '', app_version, tags, last_seen,
         state, rule, created, NULL, changed FROM dev;
-- An id is never given twice, not even when the last devices were purged.
DELETE FROM sqlite_sequence WHERE name = 'dev_4';
INSERT INTO sqlite_sequence SELECT 'dev_4', seq FROM sqlite_sequence WHERE name = 'dev';
DROP TABLE dev;
ALTER TABLE dev_4 RENAME TO dev;
CREATE INDEX dev_not_active ON dev (changed) WHERE state <> 0;
CREATE INDEX dev_not_active_id ON dev (id) WHERE state <> 0;

CREATE TABLE key_registration (
  hash INTEGER NOT NULL, dev INTEGER NOT NULL, PRIMARY KEY (hash, dev)
) STRICT, WITHOUT ROWID;
CREATE TABLE key_user (
  hash INTEGER NOT NULL, dev INTEGER NOT NULL, PRIMARY KEY (hash, dev)
) STRICT, WITHOUT ROWID;
CREATE TABLE key_installation (
  hash INTEGER NOT NULL, dev INTEGER NOT NULL, PRIMARY KEY (hash, dev)
) STRICT, WITHOUT ROWID;
CREATE TABLE keyed (up_to INTEGER NOT NULL) STRICT;
INSERT INTO keyed VALUES (0);

CREATE TABLE replaced (
  dev INTEGER NOT NULL, successor INTEGER NOT NULL, PRIMARY KEY (successor, dev)
) STRICT, WITHOUT ROWID;
CREATE INDEX replaced_dev ON replaced (dev);

ALTER TABLE event ADD COLUMN packed BLOB;
DROP INDEX event_retired;

ALTER TABLE brake ADD COLUMN platform TEXT NOT NULL DEFAULT '*';
ALTER TABLE brake ADD COLUMN why TEXT NOT NULL DEFAULT '{}';
ALTER TABLE brake ADD COLUMN over INTEGER;
CREATE TABLE brake_count (
  bucket INTEGER NOT NULL,
  project TEXT NOT NULL,
  platform TEXT NOT NULL,
  rule TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (bucket, project, platform, rule)
) STRICT, WITHOUT ROWID;
CREATE TABLE canary (dev INTEGER PRIMARY KEY) STRICT;

CREATE TABLE silence (
  platform TEXT NOT NULL,
  days INTEGER NOT NULL,
  came_back INTEGER NOT NULL,
  PRIMARY KEY (platform, days)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_run (
  source TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  head BLOB NOT NULL,
  lines INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// Before, a gateway's campaigns could not be told from the command's.
constexpr const char* version_5 = R"sql(
ALTER TABLE campaign ADD COLUMN steered INTEGER NOT NULL DEFAULT 0;
CREATE TABLE campaign_failed (
  campaign INTEGER NOT NULL,
  dev INTEGER NOT NULL,
  rule TEXT NOT NULL,
  PRIMARY KEY (campaign, dev)
) STRICT, WITHOUT ROWID;
)sql";

// How many devices an audience without a condition has, without reading a fleet that a send is
// about to read anyway.
constexpr const char* version_6 = R"sql(
CREATE TABLE fleet (
  project TEXT PRIMARY KEY,
  devices INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO fleet SELECT project, count(*) FROM dev GROUP BY project;
)sql";

// What changes when a device dies leaves its row, the one long thing that is kept of it: the dead
// of a campaign lie close together in `standing`, while in `dev` each of them has a page of its own
// to be written. A device whose state has never changed is active and has no row there.
constexpr const char* version_7 = R"sql(
CREATE TABLE standing (
  dev INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,
  rule TEXT NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
INSERT INTO standing
  SELECT id, state, rule, coalesce(changed, created) FROM dev
  WHERE state <> 0 OR changed IS NOT NULL ORDER BY id;

CREATE TABLE dev_7 (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL,
  kind INTEGER NOT NULL,
  value TEXT NOT NULL,
  user TEXT NOT NULL,
  installation TEXT NOT NULL,
  platform TEXT NOT NULL,
  locale TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  app_version TEXT NOT NULL,
  tags TEXT NOT NULL,
  last_seen INTEGER,
  created INTEGER NOT NULL,
  refreshed INTEGER
) STRICT;
INSERT INTO dev_7
  SELECT id, project, kind, value, user, installation, platform, locale, time_zone, app_version,
         tags, last_seen, created, refreshed FROM dev;
DELETE FROM sqlite_sequence WHERE name = 'dev_7';
INSERT INTO sqlite_sequence SELECT 'dev_7', seq FROM sqlite_sequence WHERE name = 'dev';
DROP TABLE dev;
ALTER TABLE dev_7 RENAME TO dev;

CREATE INDEX standing_not_active ON standing (changed) WHERE state <> 0;
CREATE INDEX standing_suspect ON standing (rule) WHERE state = 1;
-- A device as a whole.
CREATE VIEW device AS
  SELECT dev.id, project, kind, value, user, installation, platform, locale, time_zone,
         app_version, tags, last_seen, coalesce(state, 0) AS state, coalesce(rule, '') AS rule,
         created, refreshed, changed
  FROM dev LEFT JOIN standing ON standing.dev = dev.id;
)sql";

// Devices that a store of format 1 or 2 knows to have been accepted, and no block of format 3 does.
void move_times_of_acceptance(Database& database) {
  auto& next = database.prepared(
      "SELECT id, last_accepted FROM dev WHERE last_accepted IS NOT NULL AND id > ?"
      " ORDER BY id LIMIT 1000");
  auto& read = database.prepared("SELECT times FROM accepted WHERE block = ?");
  auto& write = database.prepared("INSERT OR REPLACE INTO accepted (block, times) VALUES (?, ?)");
  std::vector<std::pair<DeviceId, SystemTime>> times;
  for (DeviceId after = 0;; after = times.back().first) {
    times.clear();
    {
      auto rows = next.rows(after);
      while (rows.next()) times.emplace_back(rows.integer(0), *rows.time(1));
    }
    if (times.empty()) return;
    for (auto at = times.begin(); at != times.end();) {
      const DeviceId number = AcceptedBlock::number_of(at->first);
      std::string stored;
      {
        auto rows = read.rows(number);
        if (rows.next()) stored = rows.text(0);
      }
      AcceptedBlock block(std::move(stored));
      for (; at != times.end() && AcceptedBlock::number_of(at->first) == number; ++at) {
        if (!block.knows(at->first)) block.set(at->first, at->second);
      }
      write.run(number, sqlite::Blob{block.bytes()});
    }
  }
}

struct Step {
  const char* what;
  const char* sql;
  void (*before)(Database&) = nullptr;  // What SQL can't say, in the same transaction.
};

// Step i leads from version i to version i + 1. A released step is never edited.
constexpr std::array migrations = {
    Step{"lay out devices, events and campaigns", version_1},
    Step{"add the latest probe of each device", version_2},
    Step{"keep times of acceptance in blocks of 1,000 devices", version_3},
    Step{"write keys in runs, pack evidence, know installations", version_4,
         move_times_of_acceptance},
    Step{"tell a gateway's campaigns from the command's, and keep whom they failed", version_5},
    Step{"count the devices of each project", version_6},
    Step{"keep states apart from the devices", version_7}};
constexpr auto newest_version = static_cast<std::int64_t>(migrations.size());

[[noreturn]] void refuse(const Database& database, std::string_view why, std::string remedy) {
  throw Failure{{Error::Kind::storage, fmt::format("{} {}", database.path().string(), why),
                 std::move(remedy)}};
}

// SQLite answers "busy" at once, without its wait, when somebody else opens the same file first.
void use_write_ahead_log(Database& database, std::chrono::milliseconds lock_wait) {
  const auto deadline = std::chrono::steady_clock::now() + lock_wait;
  while (true) {
    try {
      database.execute("PRAGMA journal_mode = WAL");
      return;
    } catch (const Failure&) {
      const bool busy = (sqlite3_errcode(database.handle()) & 0xff) == SQLITE_BUSY;
      if (!busy || std::chrono::steady_clock::now() >= deadline) throw;
      sqlite3_sleep(10);
    }
  }
}

// The store as it was, in case that the new program is not wanted after all. Our lock on the writer
// is held, so that there is no change between this copy and the migration, and nobody else copies;
// but SQLite copies only through a connection that does not write.
void keep_old(const Database& database, std::int64_t version) {
  Database reader(database.path(), SQLITE_OPEN_READONLY);
  sqlite::back_up(reader, migration_backup(database.path(), version));
}

void migrate(Database& database) {
  sqlite::Transaction transaction(database);
  // Read under the lock: another process may have done it while we waited for it.
  auto version = store_format(database);
  if (version == newest_version) return;
  if (version != 0) keep_old(database, version);
  for (; version < newest_version; ++version) {
    const Step& step = migrations[static_cast<std::size_t>(version)];
    if (step.before != nullptr) step.before(database);
    database.execute(step.sql);
  }
  Keys(database).settle();
  database.execute(fmt::format("PRAGMA application_id = {}", store_application_id).c_str());
  database.execute(fmt::format("PRAGMA user_version = {}", newest_version).c_str());
  transaction.commit();
}

}  // namespace

std::int64_t store_format(Database& database) {
  const auto application = database.integer("PRAGMA application_id");
  const auto version = database.integer("PRAGMA user_version");
  if (application == 0 && version == 0 &&
      database.integer("SELECT count(*) FROM sqlite_schema") == 0) {
    return 0;
  }
  if (application != store_application_id) {
    refuse(database, "is not a Fanfare store but another program's database",
           "check the path; nothing was changed");
  }
  if (version > newest_version) {
    refuse(database,
           fmt::format("was made by a newer version of Fanfare (format {}; this one knows {})",
                       version, newest_version),
           "update Fanfare, or use another store");
  }
  return version;
}

std::int64_t newest_format() noexcept {
  return newest_version;
}

std::vector<std::string> migration_steps(std::int64_t format) {
  std::vector<std::string> steps;
  for (auto at = static_cast<std::size_t>(format); at < migrations.size(); ++at) {
    steps.emplace_back(migrations[at].what);
  }
  return steps;
}

std::filesystem::path migration_backup(std::filesystem::path store, std::int64_t format) {
  store += fmt::format(".format-{}.backup", format);
  return store;
}

void prepare_store(Database& database, bool may_create, bool may_write,
                   std::chrono::milliseconds lock_wait) {
  const auto version = store_format(database);
  if (version == newest_version) return;
  if (version == 0 && !may_create) {
    refuse(database, "is empty, not yet a Fanfare store", "import devices into it first");
  }
  if (!may_write) {
    refuse(database, "was made by an older version of Fanfare",
           "bring it up to date: fanfare store migrate");
  }
  use_write_ahead_log(database, lock_wait);
  migrate(database);
}

}  // namespace fanfare::registry
