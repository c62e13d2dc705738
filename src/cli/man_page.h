// The manual page fanfare(1) as roff.
#pragma once

#include <string>
#include <string_view>

#include "cli/tree.h"

namespace fanfare::cli {

[[nodiscard]] std::string render_man(const CommandDoc& root, std::string_view version);

}  // namespace fanfare::cli
