// Opening a store's file beside class Registry; for this module only.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "sqlite/sqlite.h"

namespace fanfare::registry {

enum class Access : std::uint8_t { read, write };

/// Throws sqlite::Failure when there is no such file, or when it is not a store, empty or newer
/// than this program.
struct StoreFile {
  StoreFile(const std::filesystem::path& path, Access access, std::chrono::milliseconds lock_wait);

  sqlite::Database database;
  std::int64_t format = 0;  ///< May be an older one.
};

/// Throws sqlite::Failure, which names both numbers, when the disk that `file` is to be on has less
/// than `bytes` left.
void require_space(const std::filesystem::path& file, std::uint64_t bytes, const char* what);

}  // namespace fanfare::registry
