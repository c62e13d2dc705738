// What the end of a delivery is to a message's books, as pure functions.
#pragma once

#include <string>

#include "base/time_text.h"
#include "client/delivery.h"
#include "queue/message.h"

namespace fanfare::gateway {

/// The state in which a message ends whose delivery ended with this verdict. `expired`: its expiry
/// has come, or comes before the next attempt could be made.
[[nodiscard]] queue::State end_state(VerdictKind kind, bool expired) noexcept;

/// The message's end, with its evidence where it was not delivered.
[[nodiscard]] queue::Ending ending_of(const client::Delivery& result, const queue::Leased& message,
                                      SystemTime now);

/// One that was refused without being sent.
[[nodiscard]] queue::Ending ending_of(const Verdict& verdict, const queue::Leased& message);

}  // namespace fanfare::gateway
