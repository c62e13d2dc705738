#include "gateway/paced_port.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "client/unsent_attempt.h"

namespace fanfare::gateway {

using client::DeliveryPtr;
using client::SteadyTime;

void PacedPort::start(std::vector<DeliveryPtr>& deliveries) {
  std::ranges::move(deliveries, std::back_inserter(line_));
  deliveries.clear();
  let_go();
}

// Stays within the loop's wait although its attempts do: wakes up whenever one more may go.
void PacedPort::wait(SteadyTime until, std::vector<DeliveryPtr>& out) {
  const SteadyTime next = let_go();
  if (turned_back_.empty()) return inner_.wait(std::min(until, next), out);
  std::ranges::move(turned_back_, std::back_inserter(out));
  turned_back_.clear();
}

SteadyTime PacedPort::let_go() {
  if (line_.empty()) return SteadyTime::max();
  if (is_over_()) {
    for (DeliveryPtr& each : std::exchange(line_, {})) {
      each->set_attempt(client::unsent_attempt(each->target, "it was stopped before its turn"));
      turned_back_.push_back(std::move(each));
    }
    return SteadyTime::max();
  }
  const SteadyTime at = now();
  const client::Grant grant = budget_.reserve(at, Priority::bulk, line_.size());
  for (std::size_t i = 0; i < grant.count; ++i) {
    started_.push_back(std::move(line_.front()));
    line_.pop_front();
  }
  if (!started_.empty()) inner_.start(started_);
  return line_.empty() ? SteadyTime::max() : at + grant.wait;
}

}  // namespace fanfare::gateway
