#include "delivery/deaths.h"

#include <set>

namespace fanfare::delivery {

void Deaths::tell(registry::Registry& registry, const OnChange& on_change) {
  std::set<registry::DeviceId> told;
  for (const auto& [device, verdict] : std::exchange(noted_, {})) {
    if (!told.insert(device.id).second) continue;
    // What it is now: a brake may have made the retirement a suspicion.
    const auto stored = registry.find(device.registration);
    if (stored && *stored && (*stored)->state != device.state) {
      on_change(device, (*stored)->state, verdict);
    }
  }
}

}  // namespace fanfare::delivery
