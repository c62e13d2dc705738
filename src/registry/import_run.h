// ImportRun: which file an import reads and how far it is, so that it can be resumed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "fanfare/result.h"

namespace fanfare::registry {

struct ImportRun {
  std::string source;      ///< Absolute path; for an SQL dump with the table behind it.
  std::uint64_t size = 0;  ///< Of the file, in bytes.
  std::string head;        ///< A hash of the file's first 64 KiB.
  std::uint64_t mark = 0;  ///< How far it is: see DeviceFile::mark.
};

/// The run that would read this file from its start; `table` as in ReadOptions. nullopt for what
/// can't be read twice: standard input and pipes. Error::Kind::input when it can't be opened.
[[nodiscard]] Result<std::optional<ImportRun>> describe_import(const std::filesystem::path& path,
                                                               const std::string& table);

/// Whether the file is still the one that `earlier` was reading: it may have grown, and what lies
/// behind its first 64 KiB is not looked at.
[[nodiscard]] Result<bool> can_resume(const ImportRun& earlier, const std::filesystem::path& path);

}  // namespace fanfare::registry
