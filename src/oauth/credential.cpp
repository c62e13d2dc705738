#include "oauth/credential.h"

#include "oauth/assertion.h"

namespace fanfare::oauth {

Result<TokenRequest> ServiceAccountCredential::make_request(SystemTime now) const {
  auto assertion = make_assertion(account_, messaging_scope, now);
  if (!assertion) return std::unexpected(std::move(assertion).error());
  // The assertion is base64url and dots, which a form needs no escapes for.
  std::string form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
  form += assertion->reveal();
  return TokenRequest{account_.token_uri, Secret(std::move(form))};
}

}  // namespace fanfare::oauth
