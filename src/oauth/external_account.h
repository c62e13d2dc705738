// Workload identity federation (type external_account): another provider's token about this
// program is exchanged for Google's at the Security Token Service (RFC 8693).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "fanfare/result.h"

#include "oauth/credential.h"
#include "oauth/subject_token.h"

namespace fanfare::oauth {

struct ExternalAccount {
  std::string audience;
  std::string subject_token_type;
  std::string token_url;
  std::string client_id;  ///< Empty: the exchange needs no client.
  Secret client_secret;
  std::string workforce_project;  ///< Who pays for a workforce pool's exchange; often empty.
  SubjectSource source;
};

/// Error::Kind::input or ::credentials, as parse_subject_source.
[[nodiscard]] Result<ExternalAccount> parse_external_account(const boost::json::object& file,
                                                             std::string_view path,
                                                             const Environment& environment);

/// What a refusal by the Security Token Service means.
[[nodiscard]] TokenError judge_exchange_refusal(std::string_view code,
                                                std::string_view description);

/// Ends with the federated token; ImpersonatingCredential goes on from there.
class ExternalCredential final : public Credential {
 public:
  explicit ExternalCredential(ExternalAccount account)
      : account_(std::make_shared<const ExternalAccount>(std::move(account))) {}
  [[nodiscard]] Progress begin(SystemTime now, std::string_view scope) override;

 private:
  std::shared_ptr<const ExternalAccount> account_;
};

}  // namespace fanfare::oauth
