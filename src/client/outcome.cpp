#include "client/outcome.h"

#include <utility>

#include "client/unsent_attempt.h"

namespace fanfare::client {
namespace {

Outcome make_outcome(Target target, int attempts, Attempt attempt) {
  return {std::move(target), std::move(attempt.verdict), std::move(attempt.answer), attempts};
}

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

Outcome outcome_of(Final final) {
  return make_outcome(std::move(final.target), final.attempts, std::move(final.attempt));
}

Outcome outcome_of(Held held, const std::optional<Attempt>& blocked_by) {
  Attempt said;
  if (held.attempt && (!blocked_by || says_blocked(*held.attempt))) {
    said = *std::move(held.attempt);
  } else if (blocked_by) {
    said = *blocked_by;
  } else {
    said = unsent_attempt(held.target, "the client was closed");
  }
  return make_outcome(std::move(held.target), held.attempts, std::move(said));
}

}  // namespace fanfare::client
