// Credentials: any credentials file, read and checked, ready to get tokens with.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "oauth/credential.h"
#include "oauth/credentials_file.h"

namespace fanfare::oauth {

struct Credentials {
  std::shared_ptr<Credential> credential;
  std::string type;             ///< As the file names it; "metadata_server" without a file.
  std::string name;             ///< Who it is, for people; empty: not known before a token is.
  std::string project_id;       ///< Empty: the file names none.
  std::string quota_project;    ///< Who pays, as the file says; empty: not said.
  std::string universe_domain;  ///< "googleapis.com" unless the file names another.
};

/// Reads the text of a file of any type. `path` only serves the messages; the environment says
/// whether a program may be run. Error::Kind::input when the text is malformed, ::credentials when
/// it is a good file that can't be used here; each fault has its own message, and none quotes the
/// file: it holds secrets.
[[nodiscard]] Result<Credentials> parse_credentials(std::string_view json, std::string_view path,
                                                    const Environment& environment);

/// The same for a file that exists.
[[nodiscard]] Result<Credentials> read_credentials(const std::filesystem::path& path,
                                                   const Environment& environment);

}  // namespace fanfare::oauth
