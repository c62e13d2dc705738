// A person's login: the refresh token that gcloud keeps after `gcloud auth application-default
// login` (type authorized_user), or that workforce identity federation gave
// (external_account_authorized_user).
#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "fanfare/result.h"

#include "oauth/credential.h"

namespace fanfare::oauth {

struct UserLogin {
  std::string client_id;
  Secret client_secret;
  Secret refresh_token;
  std::string token_url;
  bool basic_auth = false;  ///< Who asks stands in a header, not in the form (workforce).
};

/// `path` only serves the messages. Error::Kind::input names the field that is missing.
[[nodiscard]] Result<UserLogin> parse_authorized_user(const boost::json::object& file,
                                                      std::string_view path);
[[nodiscard]] Result<UserLogin> parse_workforce_user(const boost::json::object& file,
                                                     std::string_view path);

/// What the endpoint's refusal of a login means.
[[nodiscard]] TokenError judge_login_refusal(std::string_view code, std::string_view description);

class UserCredential final : public Credential {
 public:
  explicit UserCredential(UserLogin login) : login_(std::move(login)) {}
  /// The scope is not asked for: a login has those it was given when the person agreed.
  [[nodiscard]] Progress begin(SystemTime now, std::string_view scope) override;

 private:
  UserLogin login_;
};

}  // namespace fanfare::oauth
