// Google's APIs that are called here: where each is, and what a token must be good for.
#pragma once

#include <string_view>

#include "oauth/scope.h"

namespace fanfare::client {

struct Api {
  std::string_view endpoint;  ///< Unless the caller or FCM_EMULATOR_HOST names another.
  std::string_view scope = oauth::messaging_scope;
};

inline constexpr Api fcm_api{"https://fcm.googleapis.com"};
/// Topics of old, instance information, import of APNs tokens.
inline constexpr Api instance_id_api{"https://iid.googleapis.com"};
/// The FCM Data API takes no narrower scope (its discovery document).
inline constexpr Api delivery_data_api{"https://fcmdata.googleapis.com", oauth::cloud_scope};

}  // namespace fanfare::client
