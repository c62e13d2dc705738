// Impersonation: one credential's token is exchanged for another service account's, at
// iamcredentials' generateAccessToken.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "fanfare/result.h"

#include "oauth/credential.h"

namespace fanfare::oauth {

struct Impersonation {
  std::string url;  ///< ".../serviceAccounts/EMAIL:generateAccessToken".
  std::vector<std::string> delegates;
  std::chrono::seconds lifetime{3600};
};

/// Reads service_account_impersonation_url and, if there are, delegates and
/// service_account_impersonation.token_lifetime_seconds. Error::Kind::input.
[[nodiscard]] Result<Impersonation> parse_impersonation(const boost::json::object& file,
                                                        std::string_view path);

/// The account's address as the URL has it.
[[nodiscard]] std::string impersonated_email(std::string_view url);

/// Reads generateAccessToken's answer. It carries the time of expiry itself; one that lies beyond
/// the asked lifetime (our clock is behind) is cut to it.
[[nodiscard]] std::expected<AccessToken, TokenError> parse_impersonation_answer(
    int status, std::string_view body, SystemTime asked_at, const Impersonation& asked);

class ImpersonatingCredential final : public Credential {
 public:
  ImpersonatingCredential(std::shared_ptr<Credential> source, Impersonation impersonation);
  [[nodiscard]] Progress begin(SystemTime now, std::string_view scope) override;

 private:
  std::shared_ptr<Credential> source_;
  std::shared_ptr<const Impersonation> impersonation_;
};

}  // namespace fanfare::oauth
