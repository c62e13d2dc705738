#include "gateway/commit_thread.h"

#include <chrono>
#include <future>
#include <utility>

namespace fanfare::gateway {

CommitThread::CommitThread(queue::Store& store) : store_(store), thread_([this] { work(); }) {}

CommitThread::~CommitThread() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  news_.notify_one();
  thread_.join();
}

void CommitThread::post(Write write, Done done) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = inbox_.empty();
    inbox_.push_back({std::move(write), std::move(done)});
  }
  if (first) news_.notify_one();
}

Result<void> CommitThread::run(Write write) {
  std::promise<Result<void>> ended;
  post(std::move(write), [&](const Result<void>& result) { ended.set_value(result); });
  return ended.get_future().get();
}

std::size_t CommitThread::waiting() const {
  const std::lock_guard lock(mutex_);
  return inbox_.size() + under_way_;
}

CommitThread::Stats CommitThread::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void CommitThread::work() {
  std::vector<Task> tasks;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      under_way_ = 0;
      news_.wait(lock, [&] { return closing_ || !inbox_.empty(); });
      if (inbox_.empty()) return;
      tasks.swap(inbox_);
      under_way_ = tasks.size();
    }
    commit(tasks);
    tasks.clear();
  }
}

void CommitThread::commit(std::vector<Task>& tasks) {
  const auto begun = std::chrono::steady_clock::now();
  const auto result = store_.transact([&] {
    for (Task& task : tasks) task.write();
  });
  {
    const std::lock_guard lock(mutex_);
    ++(result ? stats_.commits : stats_.failures);
    stats_.failing = !result;
    if (!result) stats_.last_error = result.error().what;
    stats_.seconds.add(std::chrono::steady_clock::now() - begun);
  }
  for (Task& task : tasks) task.done(result);
}

}  // namespace fanfare::gateway
