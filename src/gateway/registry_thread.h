// RegistryThread: the API's way to the devices. A thread with a Registry of its own, so that no
// request waits on the HTTP thread for a disk or for another process's lock.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "fanfare/result.h"

#include "registry/registry.h"

namespace fanfare::gateway {

class RegistryThread {
 public:
  /// Runs on the registry's thread, in the order of the calls.
  using Work = std::move_only_function<void(registry::Registry&)>;

  explicit RegistryThread(registry::Registry registry);
  /// Does all that was posted, then ends.
  ~RegistryThread();
  RegistryThread(const RegistryThread&) = delete;
  RegistryThread& operator=(const RegistryThread&) = delete;

  void post(Work work);  ///< From any thread.
  [[nodiscard]] std::size_t waiting() const;

 private:
  void work();

  registry::Registry registry_;
  mutable std::mutex mutex_;  // Guards all below.
  std::condition_variable news_;
  std::deque<Work> inbox_;
  bool closing_ = false;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace fanfare::gateway
