#include "client/outcome.h"

#include <utility>

#include "client/unsent_attempt.h"

namespace fanfare::client {
namespace {

// Its own answer says it better than the one that blocked it, if that is why it is held.
bool says_blocked(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::platform_blocked:
    case VerdictKind::credential_stale:
    case VerdictKind::project_blocked:
      return true;
    case VerdictKind::accepted:
    case VerdictKind::device_gone:
    case VerdictKind::device_malformed:
    case VerdictKind::device_foreign:
    case VerdictKind::device_suspect:
    case VerdictKind::message_invalid:
    case VerdictKind::throttled_project:
    case VerdictKind::throttled_target:
    case VerdictKind::service_unavailable:
    case VerdictKind::unknown_outcome:
    case VerdictKind::unsent:
      return false;
  }
  return false;
}

}  // namespace

void explain_hold(Delivery& held, const std::optional<Attempt>& blocked_by) {
  if (held.tried && (!blocked_by || says_blocked(held.verdict.kind))) return;
  held.set_attempt(blocked_by ? *blocked_by : unsent_attempt(held.target, "the client was closed"));
}

}  // namespace fanfare::client
