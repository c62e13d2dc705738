// Looking after a store's file: what it holds, a copy of it, its format, its size.
//
// These open the file themselves, so that a store of an older format can be looked at and copied
// before it is brought up to date. Errors are Error::Kind::storage, as for Registry::open.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanfare/result.h"

#include "base/time_text.h"

namespace fanfare::registry {

/// For another process's transaction.
inline constexpr std::chrono::milliseconds maintenance_lock_wait{5'000};

/// "1.5 GB", "12 MB", "800 KB": 1,000 each.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

struct StoreInfo {
  std::int64_t format = 0;
  std::int64_t newest_format = 0;  ///< That this program knows.
  std::uint64_t bytes = 0;         ///< Of the file, without its log.
  std::uint64_t log_bytes = 0;     ///< Of FILE-wal; 0 when there is none.
  std::uint64_t page_bytes = 0;
  std::uint64_t pages = 0;
  std::uint64_t free_pages =
      0;  ///< Reused by what is written next; `vacuum_store` gives them back.
  std::map<std::string, std::uint64_t> rows;  ///< By table.
  std::optional<SystemTime> oldest_event;
  std::optional<SystemTime> newest_event;
  std::map<std::string, std::uint64_t> campaigns;  ///< By state.
};
/// Counts every row: some seconds for ten million devices.
[[nodiscard]] Result<StoreInfo> store_info(const std::filesystem::path& store);

struct CopyOptions {
  bool replace = false;  ///< False: a file that is there already stays, and that is an error.
  /// Bytes done and in all; returns false to give up: Error::Kind::storage, and nothing is left.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress{};
};
/// Copies a store, as it is at this moment, into one file that opens as a store, while others use
/// it. Returns the copy's bytes. Refuses when the disk has too little space for it.
[[nodiscard]] Result<std::uint64_t> copy_store(const std::filesystem::path& store,
                                               const std::filesystem::path& to,
                                               const CopyOptions& options = {});

struct Migration {
  std::int64_t from = 0;
  std::int64_t to = 0;             ///< Equal to `from`: there is nothing to do.
  std::vector<std::string> steps;  ///< A phrase each.
  std::filesystem::path backup;    ///< Where the store is kept as it was.
  std::uint64_t backup_bytes = 0;  ///< 0: it is not made yet.
  std::uint64_t needed_bytes = 0;  ///< On the store's disk, while it is done: an upper bound.
};
/// What migrate_store would do.
[[nodiscard]] Result<Migration> plan_migration(const std::filesystem::path& store);
/// Brings a store up to date in one transaction, after a copy of it: as opening it for writing
/// does, but told.
[[nodiscard]] Result<Migration> migrate_store(const std::filesystem::path& store);

struct Compaction {
  std::uint64_t bytes_before = 0;  ///< With the log.
  std::uint64_t bytes_after = 0;
  std::uint64_t needed_bytes = 0;  ///< On the store's disk, while it is done: an upper bound.
};
/// Writes the store anew, without free pages and without traces of what was deleted. One
/// transaction: a crash leaves the store as it was. Others may read meanwhile, not write. Refuses
/// when the disk has too little space.
[[nodiscard]] Result<Compaction> vacuum_store(
    const std::filesystem::path& store,
    std::chrono::milliseconds lock_wait = maintenance_lock_wait);

}  // namespace fanfare::registry
