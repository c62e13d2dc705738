#include "client/outcome.h"

#include <utility>

#include "client/unsent_attempt.h"

namespace fanfare::client {
namespace {

// Its own answer says it better than the one that blocked it, if that is why it is held.
bool says_blocked(const Attempt& attempt) {
  switch (attempt.verdict.kind) {
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
  if (held.tried && (!blocked_by || says_blocked(held.attempt))) return;
  held.attempt = blocked_by ? *blocked_by : unsent_attempt(held.target, "the client was closed");
}

Outcome outcome_of(Delivery delivery) {
  return {std::move(delivery.target), std::move(delivery.attempt.verdict),
          std::move(delivery.attempt.answer), delivery.attempts};
}

}  // namespace fanfare::client
