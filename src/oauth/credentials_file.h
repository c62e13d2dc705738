// Which key file to use: Google's order of Application Default Credentials, as far as files go.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "fanfare/result.h"

namespace fanfare::oauth {

/// A variable of the environment; nullopt when it is not set. Passed in so that tests have their
/// own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The file named by the caller if any (taken as it is), else by GOOGLE_APPLICATION_CREDENTIALS,
/// else the one that gcloud writes, if it exists; an empty path when there is none of these, and
/// the metadata server is to be asked. Error::Kind::credentials when the variable names no file.
[[nodiscard]] Result<std::filesystem::path> find_credentials_file(std::string_view named,
                                                                  const Environment& environment);

/// The end of the search: names every place that was looked at. `metadata` says why the metadata
/// server gave nothing.
[[nodiscard]] Error no_credentials(const Environment& environment, std::string_view metadata);

}  // namespace fanfare::oauth
