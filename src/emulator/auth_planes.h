// Access tokens by other ways than a signed assertion: the user's refresh token, Google's security
// token service for workloads, impersonation, and the metadata server of a machine in the cloud.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time_text.h"
#include "emulator/answers.h"
#include "emulator/faults.h"
#include "emulator/identities.h"
#include "emulator/oauth.h"
#include "http2/exchange.h"

namespace fanfare::emulator {

/// POST /token with grant_type=refresh_token.
[[nodiscard]] http2::Response refresh_token(std::string_view form, const Identities& identities,
                                            TokenEndpoint& tokens, SystemTime now, Fault fault);

/// POST /v1/token of the security token service (RFC 8693): a subject token in, an access token
/// out.
[[nodiscard]] http2::Response exchange_subject_token(std::string_view form,
                                                     const Identities& identities,
                                                     TokenEndpoint& tokens, SystemTime now,
                                                     Fault fault);

/// The account of /v1/projects/-/serviceAccounts/{email}:generateAccessToken; nothing on another
/// path.
[[nodiscard]] std::optional<std::string> parse_impersonation_path(std::string_view path);

/// Answers it, once the caller's own access token was good.
[[nodiscard]] Answer impersonate(std::string_view email, const std::string& body,
                                 const Identities& identities, TokenEndpoint& tokens,
                                 SystemTime now, Fault fault);

struct MetadataServer {
  std::string_view project;
  std::string_view project_number;
  std::string_view client_email;  ///< Empty: the machine has no service account.
};

/// GET of /computeMetadata/v1/…, or of / by a client that looks for a metadata server; nothing for
/// another request. Without the header Metadata-Flavor: Google it is a 403, so that a page in a
/// browser can't ask.
[[nodiscard]] std::optional<http2::Response> answer_metadata(const http2::Request& request,
                                                             std::string_view path,
                                                             std::string_view query,
                                                             const MetadataServer& server,
                                                             TokenEndpoint* tokens, SystemTime now);

}  // namespace fanfare::emulator
