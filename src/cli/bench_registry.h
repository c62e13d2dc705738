// bench --registry: what the store of a large fleet does in a second, on this machine.
#pragma once

#include <cstdint>

#include "cli/app.h"

namespace fanfare::cli {

/// Makes a fleet in the temporary folder, imports, refreshes, streams, looks up and retires, and
/// prints a line for each. Needs some 600 bytes of disk a device while it runs.
[[nodiscard]] Result<ExitStatus> bench_registry(Context& context, std::uint64_t devices);

}  // namespace fanfare::cli
