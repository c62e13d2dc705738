// What becomes of a stored device when it is registered or imported again.
#pragma once

#include "registry/device.h"

namespace fanfare::registry {

struct Merged {
  Device device;
  bool differs = false;  ///< From what is stored: it must be written.
  bool revived = false;  ///< It was suspect or retired and is active now.
};

/// Fields of `incoming` that are not empty replace, empty ones keep; last_seen only grows. Tags say
/// what an owner wants, so they go when another owner comes. A
/// suspect or retired device comes back only when the app was seen after the state changed:
/// importing last week's list again must not revive the dead of yesterday.
[[nodiscard]] Merged merge(const Device& stored, const Device& incoming, SystemTime now);

}  // namespace fanfare::registry
