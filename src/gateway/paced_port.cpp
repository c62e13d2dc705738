#include "gateway/paced_port.h"

#include <algorithm>
#include <iterator>
#include <utility>

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
  inner_.wait(std::min(until, let_go()), out);
}

SteadyTime PacedPort::let_go() {
  if (line_.empty()) return SteadyTime::max();
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
