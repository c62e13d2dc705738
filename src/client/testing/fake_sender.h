// ScriptedFcm: an FCM that answers as it is told, on the lane's thread. Shared by tests of
// everything that has a Sender below it.
//
// It outlives the lane and may be asked from the test's thread; the FakeSenders it makes
// live and die with their lanes and keep the contract of sender.h, to the end included.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/lane.h"

namespace fanfare::client::testing {

class ScriptedFcm {
 public:
  /// The answer to the `nth` attempt (from 1) at this target; nullopt: none ever comes. Called on
  /// the lane's thread.
  using Script = std::function<std::optional<Attempt>(const Target& target, int nth)>;

  explicit ScriptedFcm(Script script) : script_(std::move(script)) {}

  /// For a Lane, or for Client parts.
  [[nodiscard]] SenderFactory factory();

  /// Attempts begun.
  [[nodiscard]] std::size_t requests() const;
  [[nodiscard]] int requests_to(const std::string& token) const;
  /// Blocks until that many attempts have begun.
  void wait_for_requests(std::size_t count) const;

 private:
  friend class FakeSender;
  std::optional<Attempt> answer(const Target& target);

  Script script_;
  mutable std::mutex mutex_;
  mutable std::condition_variable begun_;
  std::map<std::string, int> by_token_;  // Guarded by mutex_.
  std::size_t requests_ = 0;             // Guarded by mutex_.
};

}  // namespace fanfare::client::testing
