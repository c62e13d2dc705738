// A folder that goes with what is in it when this object does.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "fanfare/result.h"

namespace fanfare::cli {

class TemporaryFolder {
 public:
  TemporaryFolder() = default;
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  /// In TMPDIR, else /tmp. Error::Kind::storage with `remedy` behind what can be done anyway.
  [[nodiscard]] Result<std::filesystem::path> make(const std::string& remedy = {});

 private:
  std::filesystem::path path_;
};

}  // namespace fanfare::cli
