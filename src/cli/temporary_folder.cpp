#include "cli/temporary_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

namespace fanfare::cli {

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<std::filesystem::path> TemporaryFolder::make(const std::string& remedy) {
  std::error_code error;
  const auto parent = std::filesystem::temp_directory_path(error);
  std::string pattern = (parent / "fanfare-XXXXXX").string();
  if (error || ::mkdtemp(pattern.data()) == nullptr) {
    return fail(Error::Kind::storage,
                fmt::format("can't make a temporary folder in {}: {}", parent.string(),
                            error ? error.message() : std::strerror(errno)),
                "set TMPDIR to a folder that can be written" + remedy);
  }
  path_ = pattern;
  return path_;
}

}  // namespace fanfare::cli
