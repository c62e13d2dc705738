// What the commands about the gateway share.
#pragma once

#include <filesystem>
#include <string>

#include "fanfare/result.h"

#include "cli/app.h"

namespace fanfare::cli {

/// The gateway's own store, beside that of the devices: fanfare.queue.db for fanfare.db.
[[nodiscard]] Result<std::filesystem::path> queue_file(const Globals& globals);

}  // namespace fanfare::cli
