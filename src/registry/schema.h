// The store's format: how a file is known to be ours, its tables, and the steps from each older
// version. docs/store.md describes the tables.
#pragma once

#include <chrono>

#include "registry/sqlite.h"

namespace fanfare::registry {

/// "FanF" in the file's header (PRAGMA application_id), so that file(1) and we can tell it.
inline constexpr std::int64_t store_application_id = 0x46616e46;

/// Refuses a file that is not ours or is newer than this program. A new file is laid out and an
/// older store brought up to date when `may_write`. Throws sqlite::Failure.
void prepare_store(sqlite::Database& database, bool may_create, bool may_write,
                   std::chrono::milliseconds lock_wait);

}  // namespace fanfare::registry
