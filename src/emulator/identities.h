// What else than the service account's key may ask for access tokens: a user's refresh token and
// a workload's subject token. All of it follows from the service account, so that nothing more is
// stored and a client's files stay good over a restart.
#pragma once

#include <string>

#include "base/secret.h"
#include "emulator/oauth.h"

namespace fanfare::emulator {

struct Identities {
  // authorized_user
  std::string client_id;
  Secret client_secret;
  Secret refresh_token;
  // external_account
  std::string audience;  ///< A workload identity pool's provider.
  Secret subject_token;
  // impersonated_service_account
  std::string client_email;  ///< The one account that may be impersonated.
};

[[nodiscard]] Identities make_identities(const ServiceAccount& account);

}  // namespace fanfare::emulator
