// Opening the store that --store names, and reading what people type about it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "base/time_text.h"
#include "cli/app.h"
#include "registry/registry.h"

namespace fanfare::cli {

/// The file that globals.store names, which must be there. Error::Kind::usage for postgresql://,
/// which this version does not have.
[[nodiscard]] Result<std::string> store_file(const Globals& globals);

/// Opens globals.store. Where the mode does not create it and it is missing, the remedy says how
/// it comes to be. Error::Kind::usage for postgresql://, which this version does not have.
[[nodiscard]] Result<registry::Registry> open_store(const Globals& globals,
                                                    registry::OpenOptions options);

/// A moment in the past as people write it: RFC 3339, or a span, "2h", that counts back from now.
/// Error::Kind::usage naming `option`.
[[nodiscard]] Result<SystemTime> parse_moment(std::string_view option, const std::string& text,
                                              SystemTime now);

/// A span such as "30d". Error::Kind::usage naming `option`.
[[nodiscard]] Result<std::chrono::seconds> parse_age(std::string_view option,
                                                     const std::string& text);

}  // namespace fanfare::cli
