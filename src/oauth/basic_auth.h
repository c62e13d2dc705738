// The header by which an OAuth client names itself (RFC 7617).
#pragma once

#include <string_view>

#include "base/secret.h"

namespace fanfare::oauth {

/// "Basic …".
[[nodiscard]] Secret basic_auth(std::string_view name, std::string_view password);

}  // namespace fanfare::oauth
