// SideCalls: what a project asks of FCM beside sending: topics and device groups. Such a call takes
// as long as FCM takes, so they are made one after the other on a thread of their own.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "fanfare/client.h"
#include "fanfare/device_groups.h"
#include "fanfare/topics.h"

#include "gateway/work_thread.h"

namespace fanfare::gateway {

/// The clients, opened when they are first asked for and kept. Errors as of Topics::open.
class SideClients {
 public:
  explicit SideClients(ClientOptions options);
  [[nodiscard]] Result<Topics*> topics();
  [[nodiscard]] Result<DeviceGroups*> groups(const std::string& sender_id);

 private:
  ClientOptions options_;
  std::optional<Topics> topics_;
  std::optional<std::pair<std::string, DeviceGroups>> groups_;  // With their sender id.
};

class SideCalls {
 public:
  /// `client` is how the project sends; side calls are given up much earlier.
  explicit SideCalls(const ClientOptions& client);
  /// Waits for the call under way; the others are told that they are not made.
  ~SideCalls();

  /// On the calls' thread; null: the call is not made, since the project's sender is closing.
  using Work = std::move_only_function<void(SideClients*)>;
  /// False, and not called: too many wait.
  [[nodiscard]] bool post(Work work);
  /// No call is under way, and none waits.
  [[nodiscard]] bool idle() const { return thread_.waiting() == 0; }

 private:
  std::atomic<bool> closing_ = false;
  WorkThread<SideClients> thread_;
};

}  // namespace fanfare::gateway
