// WorkThread: a thread that owns something which may block, and does work with it in the order in
// which the work was posted.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace fanfare::gateway {

template <class Owned>
class WorkThread {
 public:
  using Work = std::move_only_function<void(Owned&)>;  ///< On the thread.

  explicit WorkThread(Owned owned) : owned_(std::move(owned)), thread_([this] { work(); }) {}
  /// Does all that was posted, then ends.
  ~WorkThread() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    news_.notify_one();
    thread_.join();
  }
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;

  /// From any thread.
  void post(Work work) {
    {
      const std::lock_guard lock(mutex_);
      inbox_.push_back(std::move(work));
    }
    news_.notify_one();
  }

  /// What was posted and is not done.
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return inbox_.size() + (busy_ ? 1 : 0);
  }

 private:
  void work() {
    while (true) {
      Work next;
      {
        std::unique_lock lock(mutex_);
        busy_ = false;
        news_.wait(lock, [&] { return closing_ || !inbox_.empty(); });
        if (inbox_.empty()) return;
        next = std::move(inbox_.front());
        inbox_.pop_front();
        busy_ = true;
      }
      next(owned_);
    }
  }

  Owned owned_;
  mutable std::mutex mutex_;  // Guards all below.
  std::condition_variable news_;
  std::deque<Work> inbox_;
  bool closing_ = false;
  bool busy_ = false;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace fanfare::gateway
