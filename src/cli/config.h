// The configuration file: TOML whose keys are the long names of the global options. Its sections
// are the gateway's (gateway/settings.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

namespace fanfare::cli {

/// One key of the file, its value as the command line would take it.
struct ConfigValue {
  std::string key;  ///< "ca-file"
  std::string value;
  std::uint32_t line = 0;
};

/// Keys in the file's order. Error::Kind::input naming `path` and the line when it is not TOML or
/// a value is not a string, a number or a boolean.
[[nodiscard]] Result<std::vector<ConfigValue>> parse_config(std::string_view text,
                                                            std::string_view path);

}  // namespace fanfare::cli
