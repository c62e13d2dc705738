#include "registry/succession.h"

namespace fanfare::registry {
namespace {

// An empty project is whichever project sends.
bool same_project(const Device& a, const Device& b) {
  return a.project.empty() || b.project.empty() || a.project == b.project;
}

template <class T>
void fill(T& empty, const T& known) {
  if (empty.empty()) empty = known;
}

}  // namespace

Succession succession(const Device& incoming, const Device& stored) {
  const bool one_device =
      !incoming.installation.empty() && incoming.installation == stored.installation &&
      same_project(incoming, stored) && incoming.registration != stored.registration;
  if (!one_device) return Succession::none;
  const bool older =
      incoming.last_seen && stored.last_seen && *incoming.last_seen < *stored.last_seen;
  return older ? Succession::replaced : Succession::replaces;
}

bool looks_superseded(const Device& fid, const Device& token) {
  const std::string& value = token.registration.value;
  return fid.registration.kind == TargetKind::fid && token.registration.kind == TargetKind::token &&
         !fid.user.empty() && fid.user == token.user && same_project(fid, token) &&
         value.size() > fid.registration.value.size() &&
         value.starts_with(fid.registration.value) && value[fid.registration.value.size()] == ':';
}

void inherit(Device& successor, const Device& predecessor) {
  const bool same_owner = successor.user.empty() || successor.user == predecessor.user;
  fill(successor.user, predecessor.user);
  fill(successor.platform, predecessor.platform);
  fill(successor.locale, predecessor.locale);
  fill(successor.time_zone, predecessor.time_zone);
  fill(successor.app_version, predecessor.app_version);
  if (same_owner) fill(successor.tags, predecessor.tags);
  fill(successor.project, predecessor.project);
}

}  // namespace fanfare::registry
