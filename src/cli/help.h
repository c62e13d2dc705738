// The help of a command as text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/tree.h"

namespace fanfare::cli {

/// `path` is how the command is called: "fanfare devices import". `width` in columns.
[[nodiscard]] std::string render_help(const CommandDoc& command, std::string_view path,
                                      std::size_t width = 80);

/// "Usage: fanfare devices import [OPTIONS] FILE", without the word and without a newline.
[[nodiscard]] std::string usage_line(const CommandDoc& command, std::string_view path);

/// "--target KIND", "-h, --help".
[[nodiscard]] std::string option_label(const OptionDoc& option);

/// The description with what follows from the rest: choices, variable, required, repeatable.
[[nodiscard]] std::string option_text(const OptionDoc& option);

/// Breaks text at blanks into lines of at most `width` columns; a longer word stays whole. Line
/// ends in the text stay, too.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t width);

}  // namespace fanfare::cli
