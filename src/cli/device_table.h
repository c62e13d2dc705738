// Devices as rows of a table, where several commands print them.
#pragma once

#include "cli/output.h"
#include "registry/device.h"

namespace fanfare::cli {

/// With titles when it is the first of several below each other.
[[nodiscard]] Table device_table(bool first);
void add_row(Table& table, const registry::Device& device);

}  // namespace fanfare::cli
