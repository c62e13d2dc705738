// From a caller's options and the environment to what a connection needs. The one place that
// decides between TLS and plaintext, and between sending with a token and without.
//
//   endpoint       FCM_EMULATOR_HOST   origin             token
//   -----------    -----------------   ----------------   ------------------------------------
//   https://…      any                 the endpoint       yes, from the key file that is found
//   http://…       any                 the endpoint       when a key file is named by the caller
//   none           host:port           http://host:port   never: a real one would go unencrypted
//   none           none                FCM                yes, from the key file that is found
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/client.h"
#include "fanfare/result.h"

#include "http2/pool.h"
#include "oauth/credentials_file.h"
#include "oauth/service_account.h"

namespace fanfare::client {

struct Connection {
  http2::Origin origin;
  std::string project;                           ///< Fit to stand in a path.
  std::optional<oauth::ServiceAccount> account;  ///< Absent: requests carry no token.
  std::optional<std::filesystem::path> ca_file;
  std::vector<std::string> warnings;  ///< For people; each names its remedy.
};

/// Reads the key file when one is needed. Error::Kind::usage for an endpoint or a project that
/// can't be, ::credentials or ::input when the key file is missing or wrong.
[[nodiscard]] Result<Connection> resolve_connection(const ClientOptions& options,
                                                    const oauth::Environment& environment);

/// The environment of this process.
[[nodiscard]] oauth::Environment process_environment();

}  // namespace fanfare::client
