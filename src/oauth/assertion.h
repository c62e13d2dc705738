// The signed assertion that a service account exchanges for an access token: a JSON Web Token,
// RS256 (RFC 7523; Google: "Using OAuth 2.0 for Server to Server Applications").
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "base/secret.h"
#include "base/time_text.h"
#include "oauth/scope.h"
#include "oauth/service_account.h"

namespace fanfare::oauth {

/// Google refuses assertions that live longer.
inline constexpr std::chrono::seconds assertion_lifetime{3600};

/// base64url without padding (RFC 7515, 2).
[[nodiscard]] std::string base64url(std::string_view bytes);

/// Issued at `now`, rounded down to seconds. Whoever holds it can get a token for an hour, so it
/// is a Secret. Error::Kind::credentials when the key can't sign.
[[nodiscard]] Result<Secret> make_assertion(const ServiceAccount& account, std::string_view scope,
                                            SystemTime now);

}  // namespace fanfare::oauth
