#include "registry/schema.h"

#include <array>
#include <chrono>

#include <fmt/format.h>

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

// Step i leads from version i to version i + 1. A released step is never edited.
constexpr std::array migrations = {version_1, version_2, version_3};
constexpr auto newest_version = static_cast<std::int64_t>(migrations.size());

[[noreturn]] void refuse(const Database& database, std::string_view why, std::string remedy) {
  throw Failure{{Error::Kind::storage, fmt::format("{} {}", database.path().string(), why),
                 std::move(remedy)}};
}

// The version of the store; 0 when the file is still empty.
std::int64_t known_version(Database& database) {
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

void migrate(Database& database) {
  sqlite::Transaction transaction(database);
  // Read again: another process may have done it while we waited for the lock.
  for (auto version = known_version(database); version < newest_version; ++version) {
    database.execute(migrations[static_cast<std::size_t>(version)]);
  }
  database.execute(fmt::format("PRAGMA application_id = {}", store_application_id).c_str());
  database.execute(fmt::format("PRAGMA user_version = {}", newest_version).c_str());
  transaction.commit();
}

}  // namespace

void prepare_store(Database& database, bool may_create, bool may_write,
                   std::chrono::milliseconds lock_wait) {
  const auto version = known_version(database);
  if (version == newest_version) return;
  if (version == 0 && !may_create) {
    refuse(database, "is empty, not yet a Fanfare store", "import devices into it first");
  }
  if (!may_write) {
    refuse(database, "was made by an older version of Fanfare",
           "open it once with a command that may write, such as an import");
  }
  use_write_ahead_log(database, lock_wait);
  migrate(database);
}

}  // namespace fanfare::registry
