#include "cli/interrupt.h"

#include <csignal>

namespace fanfare::cli {
namespace {

std::atomic<bool> came = false;
std::atomic<InterruptGuard::Wake> wake_up = nullptr;
std::atomic<void*> sleeper = nullptr;

void on_signal(int /*number*/) {
  came = true;
  if (const auto wake = wake_up.load()) wake(sleeper.load());
}

}  // namespace

const std::atomic<bool>& interrupted() noexcept {
  return came;
}

InterruptGuard::InterruptGuard(Wake wake, void* waiting) {
  came = false;
  sleeper = waiting;
  wake_up = wake;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  wake_up = nullptr;
}

}  // namespace fanfare::cli
