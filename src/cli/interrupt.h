// Ctrl-C and SIGTERM while something runs that must come to a clean end: the first asks it to stop,
// the second ends the process as usual.
#pragma once

#include <atomic>

namespace fanfare::cli {

/// Set by the first signal while an InterruptGuard lives.
[[nodiscard]] const std::atomic<bool>& interrupted() noexcept;

/// At most one lives at a time.
class InterruptGuard {
 public:
  /// Called in the signal handler, so it may do only what POSIX allows there.
  using Wake = void (*)(void* waiting);

  /// With `wake`, a thread that sleeps is told.
  explicit InterruptGuard(Wake wake = nullptr, void* waiting = nullptr);
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();
};

}  // namespace fanfare::cli
