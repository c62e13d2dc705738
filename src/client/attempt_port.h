// AttemptPort: what the driver of a RetryLoop needs of the world: attempts made, their results
// waited for, the time. Over the network it is a LanePort (lane.h); a test's fake moves time.
//
// The driver's turn: submit to the loop, hand what take_sends gives to start(), wait until
// next_due(), feed each result to on_attempt(). One thread drives a port; only interrupt() may
// be called from others.
#pragma once

#include <vector>

#include "client/retry_loop.h"

namespace fanfare::client {

class AttemptPort {
 public:
  virtual ~AttemptPort() = default;

  /// Begins one attempt for each delivery and leaves `deliveries` empty. Each comes back exactly
  /// once, from a later wait().
  virtual void start(std::vector<DeliveryPtr>& deliveries) = 0;

  /// Blocks until an attempt has come back, `until` has come, or interrupt() was called; moves all
  /// that have come back to the end of `out`. Without one, `out` stays as it is.
  virtual void wait(SteadyTime until, std::vector<DeliveryPtr>& out) = 0;

  virtual SteadyTime now() = 0;

  /// Makes the present wait(), or else the next one, return early. From any thread and from a
  /// signal handler.
  virtual void interrupt() = 0;
};

}  // namespace fanfare::client
