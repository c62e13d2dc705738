// What a token may be used for (Google: "OAuth 2.0 Scopes for Google APIs").
#pragma once

#include <string_view>

namespace fanfare::oauth {

/// The narrowest scope that may send.
inline constexpr std::string_view messaging_scope =
    "https://www.googleapis.com/auth/firebase.messaging";

/// What a token needs that only serves to impersonate another account: iamcredentials takes no
/// narrower one of use here.
inline constexpr std::string_view cloud_scope = "https://www.googleapis.com/auth/cloud-platform";

}  // namespace fanfare::oauth
