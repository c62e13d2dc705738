// Attempts as a test writes them down: attempt(VerdictKind::service_unavailable, 30s).
#pragma once

#include <chrono>
#include <optional>

#include "client/sender.h"

namespace fanfare::client::testing {

[[nodiscard]] inline Attempt attempt(
    VerdictKind kind, std::optional<std::chrono::seconds> retry_after = std::nullopt) {
  Attempt attempt;
  attempt.answer.transport = kind == VerdictKind::unsent            ? Answer::Transport::unsent
                             : kind == VerdictKind::unknown_outcome ? Answer::Transport::unknown
                                                                    : Answer::Transport::answered;
  attempt.verdict.kind = kind;
  attempt.verdict.retry_after = retry_after;
  return attempt;
}

}  // namespace fanfare::client::testing
