// bench --gateway: how fast a gateway accepts durably, on this machine.
#pragma once

#include "cli/app.h"

namespace fanfare::cli {

/// Starts an emulator and a gateway as processes of their own, posts single messages as fast as
/// they are taken, then at half of that rate, then 500 at a time, then until `waiting` wait; prints
/// a figure for each. With a million it needs a GiB of disk in the temporary folder.
[[nodiscard]] Result<ExitStatus> bench_gateway(Context& context, std::size_t waiting);

}  // namespace fanfare::cli
