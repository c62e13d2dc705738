// A service account and a client's half of the JWT bearer flow, for tests. Written apart from
// the emulator's verification, which it is used to check.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/time_text.h"
#include "emulator/oauth.h"

namespace fanfare::emulator::testing {

/// An account whose key is made once for the program, since that takes long.
[[nodiscard]] const ServiceAccount& account();
[[nodiscard]] const ServiceAccount& other_account();

/// The claims of a good assertion made at `now`.
[[nodiscard]] boost::json::object good_claims(SystemTime now, std::string_view audience);

/// Signed with the account's key.
[[nodiscard]] std::string make_jwt(const ServiceAccount& account, const boost::json::object& claims,
                                   const boost::json::object& header = {{"alg", "RS256"},
                                                                        {"typ", "JWT"}});

/// The form that goes to the token endpoint.
[[nodiscard]] std::string make_form(std::string_view jwt);

}  // namespace fanfare::emulator::testing
