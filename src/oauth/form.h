// Forms as token endpoints want them: application/x-www-form-urlencoded.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"

namespace fanfare::oauth {

/// Everything but RFC 3986's unreserved characters as %XX, which every decoder of forms takes.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// "name=value&…" in the order given. Forms carry keys and tokens, hence the Secret.
[[nodiscard]] Secret make_form(
    const std::vector<std::pair<std::string_view, std::string_view>>& fields);

}  // namespace fanfare::oauth
