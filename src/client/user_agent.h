// How we introduce ourselves to Google's servers.
#pragma once

#include <string_view>

namespace fanfare::client {

inline constexpr std::string_view user_agent = "fanfare/0.1.0";

}  // namespace fanfare::client
