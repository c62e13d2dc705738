// From a caller's options and the environment to what a connection needs. The one place that
// decides between TLS and plaintext, and between sending with a token and without.
//
//   endpoint       FCM_EMULATOR_HOST   origin             token
//   -----------    -----------------   ----------------   ------------------------------------
//   https://…      any                 the endpoint       yes, by the credentials that are found
//   http://…       any                 the endpoint       when a file is named by the caller
//   none           host:port           http://host:port   never: a real one would go unencrypted
//   none           none                the API's host     yes, by the credentials that are found
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/client.h"
#include "fanfare/result.h"

#include "client/api.h"
#include "http2/pool.h"
#include "oauth/credential.h"
#include "oauth/credentials_file.h"

namespace fanfare::client {

struct Connection {
  http2::Origin origin;
  std::string project;                            ///< Fit to stand in a path.
  std::shared_ptr<oauth::Credential> credential;  ///< Null: requests carry no token.
  std::string credential_type;                    ///< As its file names it.
  std::string credential_name;                    ///< Who it is; empty: not known.
  std::string quota_project;                      ///< For x-goog-user-project; empty: not sent.
  std::optional<std::filesystem::path> ca_file;
  std::vector<std::string> warnings;  ///< For people; each names its remedy.
};

/// Asks a metadata server at the start, while nothing else can go on; a test answers itself.
using AskMetadata = std::function<oauth::TokenReply(const oauth::TokenRequest&)>;

/// Over the network, for at most two seconds: where there is a metadata server it is near.
[[nodiscard]] oauth::TokenReply ask_metadata(const oauth::TokenRequest& request);

/// Reads the credentials file when one is needed; without any the metadata server is asked. A file
/// that is replaced later is read anew. Error::Kind::usage for an endpoint or a project that
/// can't be, ::credentials or ::input when the key file is missing or wrong.
[[nodiscard]] Result<Connection> resolve_connection(const ClientOptions& options,
                                                    const oauth::Environment& environment,
                                                    const AskMetadata& ask = ask_metadata,
                                                    std::string_view api = fcm_api.endpoint);

/// The environment of this process.
[[nodiscard]] oauth::Environment process_environment();

}  // namespace fanfare::client
