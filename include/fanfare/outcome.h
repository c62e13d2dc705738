// Outcome: what became of one message to one target.
#pragma once

#include "fanfare/target.h"
#include "fanfare/verdict.h"

namespace fanfare {

/// The end of one message to one target.
struct Outcome {
  Target target;     ///< As it was given.
  Verdict verdict;   ///< Of the last attempt.
  Answer answer;     ///< The raw answer behind it.
  int attempts = 0;  ///< 0: held back because project or platform is blocked; the verdict says why.
  /// FCM took the message; no display is promised.
  [[nodiscard]] bool accepted() const noexcept { return verdict.kind == VerdictKind::accepted; }
};

}  // namespace fanfare
