// CommitThread: the one writer of the gateway's store. Whatever was asked for while the last fsync
// ran becomes one transaction (group commit): the busier it is, the more share an fsync, and nobody
// waits for a timer.
//
//   any thread                    writer's thread
//   post(write, done) ── queue ──> BEGIN, write, write, …, COMMIT (fsync), done, done, …
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "fanfare/result.h"

#include "gateway/histogram.h"
#include "queue/store.h"

namespace fanfare::gateway {

class CommitThread {
 public:
  /// Runs inside the transaction, on the writer's thread; may throw sqlite::Failure, which fails
  /// everybody's work of this transaction.
  using Write = std::move_only_function<void()>;
  /// Called once, on the writer's thread, when the work is on the disk or has failed as a whole. It
  /// must be quick.
  using Done = std::move_only_function<void(const Result<void>&)>;

  /// The store is used by no other thread from now on, until this is destroyed.
  explicit CommitThread(queue::Store& store);
  /// Does all that was posted, then ends.
  ~CommitThread();
  CommitThread(const CommitThread&) = delete;
  CommitThread& operator=(const CommitThread&) = delete;

  /// From any thread, also from a Done.
  void post(Write write, Done done);
  /// The same, waiting for the end. Never from the writer's thread.
  [[nodiscard]] Result<void> run(Write write);

  /// Posted and not yet done.
  [[nodiscard]] std::size_t waiting() const;

  struct Stats {
    std::uint64_t commits = 0;
    std::uint64_t failures = 0;
    Histogram seconds;     ///< Of each commit, its fsync included.
    bool failing = false;  ///< The latest transaction failed.
    std::string last_error;
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Task {
    Write write;
    Done done;
  };
  void work();
  void commit(std::vector<Task>& tasks);

  queue::Store& store_;
  mutable std::mutex mutex_;  // Guards all below.
  std::condition_variable news_;
  std::vector<Task> inbox_;
  std::size_t under_way_ = 0;
  Stats stats_;
  bool closing_ = false;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace fanfare::gateway
