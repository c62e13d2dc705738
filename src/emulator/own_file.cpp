#include "emulator/own_file.h"

#include <system_error>

#include <fmt/format.h>

#include "base/file.h"

namespace fanfare::emulator {

Result<void> write_own_file(const std::filesystem::path& file, const std::string& bytes,
                            std::string_view mark, unsigned mode) {
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) {
    const auto old = read_file(file);
    if (!old || old->find(mark) == std::string::npos) {
      return fail(Error::Kind::input,
                  fmt::format("{} was not made by this emulator", file.string()),
                  "choose another folder for --tls-dir; nothing here is overwritten");
    }
  }
  return write_file(file, bytes, mode);
}

}  // namespace fanfare::emulator
