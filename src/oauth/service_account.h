// ServiceAccount: the key file that Google issues for a service account, read and checked.
//
// A key file is wrong in a handful of ways that look alike from outside (another kind of
// credential, a key pasted through a shell, a web app's configuration), so each has its own
// message. No message ever quotes the file: it holds a private key.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "base/secret.h"

namespace fanfare::oauth {

/// Where assertions are exchanged when the key file names no other place.
inline constexpr std::string_view default_token_uri = "https://oauth2.googleapis.com/token";

struct ServiceAccount {
  std::string project_id;
  std::string client_email;
  std::string private_key_id;   ///< Empty: not named; assertions then carry no `kid`.
  std::string token_uri;        ///< https, or http to this machine.
  std::string universe_domain;  ///< "googleapis.com" unless the file names another.
  Secret private_key;           ///< PEM text of an RSA key.
};

/// Reads a key file's text; `path` only serves the messages. Error::Kind::input when the text is
/// malformed, ::credentials when it is a good file of a kind that can't be used here.
[[nodiscard]] Result<ServiceAccount> parse_service_account(std::string_view json,
                                                           std::string_view path);

/// A sentence with its remedy when others than the file's owner may read it; nullopt when all is
/// well or the file can't be looked at.
[[nodiscard]] std::optional<std::string> exposure_warning(const std::filesystem::path& path);

}  // namespace fanfare::oauth
