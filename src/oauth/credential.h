// Credential: what access tokens are asked for with. A service account's key today; other kinds
// (a person's login, workload identity, the metadata server) are further implementations.
#pragma once

#include <string>

#include "fanfare/result.h"

#include "base/secret.h"
#include "base/time_text.h"
#include "oauth/service_account.h"

namespace fanfare::oauth {

/// One POST of a form to a token endpoint.
struct TokenRequest {
  std::string url;
  Secret form;  ///< application/x-www-form-urlencoded.
};

class Credential {
 public:
  /// A request for a token, as of `now`. Error::Kind::credentials when none can be made.
  [[nodiscard]] virtual Result<TokenRequest> make_request(SystemTime now) const = 0;
  virtual ~Credential() = default;
};

class ServiceAccountCredential final : public Credential {
 public:
  explicit ServiceAccountCredential(ServiceAccount account) : account_(std::move(account)) {}
  [[nodiscard]] Result<TokenRequest> make_request(SystemTime now) const override;

 private:
  ServiceAccount account_;
};

}  // namespace fanfare::oauth
