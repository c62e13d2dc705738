// FakePort: an AttemptPort without threads, whose time passes only in wait().
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "client/attempt_port.h"

namespace fanfare::client::testing {

class FakePort final : public AttemptPort {
 public:
  /// The answer to the `nth` attempt (from 1) at this target.
  using Script = std::function<Attempt(const Target& target, int nth)>;

  explicit FakePort(Script script) : script_(std::move(script)) {}

  void start(std::vector<DeliveryPtr>& deliveries) override {
    for (DeliveryPtr& delivery : deliveries) {
      ++requests;
      times[delivery->target.value].push_back(now_);
      const int nth = static_cast<int>(times[delivery->target.value].size());
      delivery->set_attempt(script_(delivery->target, nth));
      under_way_.push_back(std::move(delivery));
    }
    deliveries.clear();
    most_under_way = std::max(most_under_way, under_way_.size());
  }

  void wait(SteadyTime until, std::vector<DeliveryPtr>& out) override {
    if (under_way_.empty()) now_ = std::max(now_, until);
    std::ranges::move(under_way_, std::back_inserter(out));
    under_way_.clear();
  }

  SteadyTime now() override { return now_; }
  void interrupt() override {}

  std::size_t requests = 0;
  std::size_t most_under_way = 0;
  std::map<std::string, std::vector<SteadyTime>> times;  ///< Of the attempts at each target.

 private:
  Script script_;
  SteadyTime now_{std::chrono::hours(1)};
  std::vector<DeliveryPtr> under_way_;
};

}  // namespace fanfare::client::testing
