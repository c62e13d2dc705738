// The store's format: how a file is known to be ours, its tables, and the steps from each older
// version. docs/store.md describes the tables.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "sqlite/sqlite.h"

namespace fanfare::registry {

/// "FanF" in the file's header (PRAGMA application_id), so that file(1) and we can tell it.
inline constexpr std::int64_t store_application_id = 0x46616e46;

/// The format of a store; 0 when the file is still empty. Refuses a file that is not ours or is
/// newer than this program. Throws sqlite::Failure.
[[nodiscard]] std::int64_t store_format(sqlite::Database& database);
[[nodiscard]] std::int64_t newest_format() noexcept;

/// What is done to a store of this format to bring it up to date, a phrase for each format.
[[nodiscard]] std::vector<std::string> migration_steps(std::int64_t format);
/// Where a store is copied to before that.
[[nodiscard]] std::filesystem::path migration_backup(std::filesystem::path store,
                                                     std::int64_t format);

/// Refuses what store_format refuses. A new file is laid out and an
/// older store brought up to date when `may_write`. Throws sqlite::Failure.
void prepare_store(sqlite::Database& database, bool may_create, bool may_write,
                   std::chrono::milliseconds lock_wait);

}  // namespace fanfare::registry
