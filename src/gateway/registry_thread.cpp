#include "gateway/registry_thread.h"

#include <utility>

namespace fanfare::gateway {

RegistryThread::RegistryThread(registry::Registry registry)
    : registry_(std::move(registry)), thread_([this] { work(); }) {}

RegistryThread::~RegistryThread() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  news_.notify_one();
  thread_.join();
}

void RegistryThread::post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(work));
  }
  news_.notify_one();
}

std::size_t RegistryThread::waiting() const {
  const std::lock_guard lock(mutex_);
  return inbox_.size();
}

void RegistryThread::work() {
  while (true) {
    Work next;
    {
      std::unique_lock lock(mutex_);
      news_.wait(lock, [&] { return closing_ || !inbox_.empty(); });
      if (inbox_.empty()) return;
      next = std::move(inbox_.front());
      inbox_.pop_front();
    }
    next(registry_);
  }
}

}  // namespace fanfare::gateway
