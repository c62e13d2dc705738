// Whole small files, with errors a person can act on.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "fanfare/result.h"

namespace fanfare {

/// Reads a whole file of at most `max_bytes`; "-" is standard input. Error::Kind::input when it is
/// missing, a folder, unreadable or larger.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::size_t max_bytes = 16U << 20);

/// Replaces a file as a whole: a reader sees the old bytes or the new, never half of them. `mode`
/// is that of a new file (0600 for keys). Error::Kind::storage when it can't be written.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, const std::string& bytes,
                                      unsigned mode = 0644);

}  // namespace fanfare
