#include "registry/maintenance.h"

#include <array>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

#include "registry/schema.h"
#include "registry/store_file.h"

namespace fanfare::registry {

using sqlite::Database;
using sqlite::Failure;
using sqlite::guarded;
using sqlite::Statement;

// Files ---------------------------------------------------------------------------------------

namespace {

std::uint64_t size_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

std::filesystem::path log_of(std::filesystem::path store) {
  store += "-wal";
  return store;
}

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

const std::filesystem::path& require_file(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto refuse = [&](std::string_view why) {
    throw Failure{{Error::Kind::storage,
                   fmt::format("can't open the store {}: {}", path.string(), why),
                   "check the path given to --store"}};
  };
  if (std::filesystem::is_directory(path, ignored)) refuse("it is a folder");
  if (!std::filesystem::exists(path, ignored)) refuse("there is no such file");
  return path;
}

std::uint64_t number(Database& database, const char* sql) {
  return static_cast<std::uint64_t>(database.integer(sql));
}

// Of the pages that are in use.
std::uint64_t used_bytes(Database& database) {
  return (number(database, "PRAGMA page_count") - number(database, "PRAGMA freelist_count")) *
         number(database, "PRAGMA page_size");
}

}  // namespace

StoreFile::StoreFile(const std::filesystem::path& path, Access access,
                     std::chrono::milliseconds lock_wait)
    : database(require_file(path),
               access == Access::write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) {
  sqlite3_busy_timeout(database.handle(), static_cast<int>(lock_wait.count()));
  // SQLite quietly opens a file it may not write for reading.
  if (access == Access::write && sqlite3_db_readonly(database.handle(), "main") != 0) {
    database.raise(SQLITE_READONLY);
  }
  format = store_format(database);
  if (format == 0) {
    throw Failure{{Error::Kind::storage,
                   fmt::format("{} is empty, not yet a Fanfare store", path.string()),
                   "import devices into it first"}};
  }
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array units = {"KB", "MB", "GB", "TB"};
  auto size = static_cast<double>(bytes) / 1'000;
  std::size_t unit = 0;
  for (; size >= 999.5 && unit + 1 < units.size(); ++unit) size /= 1'000;
  return fmt::format("{:.{}f} {}", size, unit > 1 && size < 100 ? 1 : 0, units[unit]);
}

void require_space(const std::filesystem::path& file, std::uint64_t bytes, const char* what) {
  std::error_code error;
  const auto space = std::filesystem::space(folder_of(file), error);
  // A file system that can't say is no reason to refuse.
  if (error || space.available >= bytes) return;
  throw Failure{{Error::Kind::storage,
                 fmt::format("{} needs {} on the disk of {}, which has {} left", what,
                             size_text(bytes), file.string(), size_text(space.available)),
                 "free some space, or use another disk; nothing was changed"}};
}

// Info ----------------------------------------------------------------------------------------

namespace {

std::vector<std::string> tables(Database& database) {
  Statement query(database,
                  "SELECT name FROM sqlite_schema WHERE type = 'table'"
                  " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name");
  std::vector<std::string> names;
  auto rows = query.rows();
  while (rows.next()) names.push_back(rows.text(0));
  return names;
}

std::optional<SystemTime> event_time(Database& database, const char* sql) {
  Statement query(database, sql);
  auto rows = query.rows();
  return rows.next() ? rows.time(0) : std::nullopt;
}

std::map<std::string, std::uint64_t> campaigns(Database& database) {
  Statement query(database,
                  "SELECT CASE state WHEN 0 THEN 'running' WHEN 1 THEN 'finished'"
                  " ELSE 'stopped' END, count(*) FROM campaign GROUP BY 1");
  std::map<std::string, std::uint64_t> counts;
  auto rows = query.rows();
  while (rows.next()) counts[rows.text(0)] = rows.count(1);
  return counts;
}

}  // namespace

Result<StoreInfo> store_info(const std::filesystem::path& store) {
  return guarded([&] {
    StoreFile file(store, Access::read, maintenance_lock_wait);
    Database& database = file.database;
    StoreInfo info{
        .format = file.format,
        .newest_format = newest_format(),
        .bytes = size_of(store),
        .log_bytes = size_of(log_of(store)),
        .page_bytes = number(database, "PRAGMA page_size"),
        .pages = number(database, "PRAGMA page_count"),
        .free_pages = number(database, "PRAGMA freelist_count"),
        .rows = {},
        .oldest_event = event_time(database, "SELECT at FROM event ORDER BY id LIMIT 1"),
        .newest_event = event_time(database, "SELECT at FROM event ORDER BY id DESC LIMIT 1"),
        .campaigns = campaigns(database)};
    // A read each, so that none is long.
    for (const std::string& table : tables(database)) {
      info.rows[table] = number(database, fmt::format("SELECT count(*) FROM {}", table).c_str());
    }
    return info;
  });
}

// Copy ----------------------------------------------------------------------------------------

Result<std::uint64_t> copy_store(const std::filesystem::path& store,
                                 const std::filesystem::path& to, const CopyOptions& options) {
  return guarded([&] {
    StoreFile file(store, Access::read, maintenance_lock_wait);
    std::error_code ignored;
    if (std::filesystem::equivalent(store, to, ignored)) {
      throw Failure{{Error::Kind::usage, fmt::format("{} is the store itself", to.string()),
                     "name another file"}};
    }
    const bool there = std::filesystem::exists(std::filesystem::symlink_status(to, ignored));
    if (there && !options.replace) {
      throw Failure{{Error::Kind::usage, fmt::format("{} exists", to.string()),
                     "name another file, or give --force to replace it"}};
    }
    const std::uint64_t page = number(file.database, "PRAGMA page_size");
    require_space(to, number(file.database, "PRAGMA page_count") * page, "the copy");
    sqlite::BackUpOptions how{.replace = options.replace};
    if (options.progress) {
      how.progress = [&](int left, int pages) {
        return options.progress(static_cast<std::uint64_t>(pages - left) * page,
                                static_cast<std::uint64_t>(pages) * page);
      };
    }
    sqlite::back_up(file.database, to, how);
    return size_of(to);
  });
}

// Migration -----------------------------------------------------------------------------------

namespace {

Migration plan(StoreFile& file, const std::filesystem::path& store) {
  Migration migration{.from = file.format,
                      .to = newest_format(),
                      .steps = migration_steps(file.format),
                      .backup = {},
                      .backup_bytes = 0,
                      .needed_bytes = 0};
  if (migration.from == migration.to) return migration;
  migration.backup = migration_backup(store, migration.from);
  // The copy, the new tables beside the old ones in the log, and in the file when it comes back.
  migration.needed_bytes = 3 * used_bytes(file.database);
  return migration;
}

}  // namespace

Result<Migration> plan_migration(const std::filesystem::path& store) {
  return guarded([&] {
    StoreFile file(store, Access::read, maintenance_lock_wait);
    return plan(file, store);
  });
}

Result<Migration> migrate_store(const std::filesystem::path& store) {
  return guarded([&] {
    StoreFile file(store, Access::write, maintenance_lock_wait);
    Migration migration = plan(file, store);
    if (migration.from == migration.to) return migration;
    require_space(store, migration.needed_bytes, "the migration");
    prepare_store(file.database, false, true, maintenance_lock_wait);
    migration.backup_bytes = size_of(migration.backup);
    return migration;
  });
}

// Vacuum --------------------------------------------------------------------------------------

namespace {

// SQLite puts the new file together in its folder for temporary files, which may be another disk
// and open to others; unless somebody chose one, it is the store's own. Only the vacuum of a
// command does this: the setting is one for the whole process.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& folder) {
    if (std::getenv("SQLITE_TMPDIR") != nullptr) return;
    sqlite3_temp_directory = sqlite3_mprintf("%s", folder.c_str());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    sqlite3_free(sqlite3_temp_directory);
    sqlite3_temp_directory = nullptr;
  }
};

}  // namespace

Result<Compaction> vacuum_store(const std::filesystem::path& store,
                                std::chrono::milliseconds lock_wait) {
  return guarded([&] {
    StoreFile file(store, Access::write, lock_wait);
    Compaction done{.bytes_before = size_of(store) + size_of(log_of(store)),
                    .bytes_after = 0,
                    // Once put together in a temporary file, once in the log.
                    .needed_bytes = 2 * used_bytes(file.database)};
    require_space(store, done.needed_bytes, "to compact the store");
    {
      const TemporaryFolder folder(folder_of(store));
      file.database.execute("VACUUM");
    }
    // The file is cut, and the log emptied, unless somebody reads just now; then whoever closes it
    // last does so.
    file.database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    done.bytes_after = size_of(store) + size_of(log_of(store));
    return done;
  });
}

}  // namespace fanfare::registry
