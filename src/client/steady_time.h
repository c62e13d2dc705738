// The time that machines of this module are given: it never goes backwards.
#pragma once

#include <chrono>

namespace fanfare::client {

using SteadyTime = std::chrono::steady_clock::time_point;

}  // namespace fanfare::client
