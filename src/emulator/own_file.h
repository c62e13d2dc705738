// Files that the emulator writes into a folder of somebody's choice, where a real key may lie.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "fanfare/result.h"

namespace fanfare::emulator {

/// Writes a file, or replaces one that holds `mark`, which only an emulator's has.
/// Error::Kind::input for a file of that name without it: it is somebody else's and stays as it
/// is. Error::Kind::storage when it can't be written.
[[nodiscard]] Result<void> write_own_file(const std::filesystem::path& file,
                                          const std::string& bytes, std::string_view mark,
                                          unsigned mode);

}  // namespace fanfare::emulator
