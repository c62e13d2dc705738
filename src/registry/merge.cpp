#include "registry/merge.h"

namespace fanfare::registry {
namespace {

template <class T>
void replace(T& stored, const T& incoming, bool& differs) {
  if (incoming.empty() || incoming == stored) return;
  stored = incoming;
  differs = true;
}

}  // namespace

Merged merge(const Device& stored, const Device& incoming, SystemTime now) {
  Merged merged{.device = stored};
  Device& device = merged.device;
  replace(device.project, incoming.project, merged.differs);
  const bool changes_owner =
      !stored.user.empty() && !incoming.user.empty() && incoming.user != stored.user;
  replace(device.user, incoming.user, merged.differs);
  replace(device.installation, incoming.installation, merged.differs);
  replace(device.platform, incoming.platform, merged.differs);
  replace(device.locale, incoming.locale, merged.differs);
  replace(device.time_zone, incoming.time_zone, merged.differs);
  replace(device.app_version, incoming.app_version, merged.differs);
  if (changes_owner) device.tags.clear();
  replace(device.tags, incoming.tags, merged.differs);
  if (incoming.last_seen && (!device.last_seen || *device.last_seen < *incoming.last_seen)) {
    device.last_seen = incoming.last_seen;
    merged.differs = true;
  }

  const bool seen_since = incoming.last_seen && stored.changed &&
                          *incoming.last_seen > *stored.changed && incoming.state == State::active;
  if (stored.state != State::active && seen_since) {
    device.state = State::active;
    device.rule.clear();
    device.changed = now;
    merged.revived = merged.differs = true;
  }
  if (merged.differs) device.refreshed = now;
  return merged;
}

}  // namespace fanfare::registry
