// Scripts that let a shell complete the command line.
#pragma once

#include <string>

#include "cli/tree.h"

namespace fanfare::cli {

[[nodiscard]] std::string bash_completion(const CommandDoc& root);
[[nodiscard]] std::string zsh_completion(const CommandDoc& root);
[[nodiscard]] std::string fish_completion(const CommandDoc& root);

}  // namespace fanfare::cli
