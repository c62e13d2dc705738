// How a brake that is on is told, to programs and to people.
#pragma once

#include <string>

#include "registry/brake.h"

namespace fanfare::cli {

/// {"project","platform","rule","campaign","since","over","suspects","why"}; platform is null where
/// it is not known, over is null while the wave lasts, why is {"share","limit","dead","answers"}
/// and "canary" where one was called dead.
[[nodiscard]] std::string brake_json(const registry::BrakeState& brake);

/// "52.1 % of 1,000 answers were deaths, the limit is 30.0 %", or which canary was called dead.
[[nodiscard]] std::string brake_reason(const registry::BrakeReason& why);

/// "android", "every platform", "unknown platform".
[[nodiscard]] std::string brake_platform(const std::string& platform);

}  // namespace fanfare::cli
