// What a delivery that was held back tells the caller of the public client.
#pragma once

#include <optional>

#include "fanfare/client.h"

#include "client/delivery.h"

namespace fanfare::client {

/// A delivery that was kept back ends too: a caller of the client has no store to keep it in. Gives
/// it the attempt that says best why. `blocked_by` is the answer that caused the hold; nullopt: the
/// client was closed.
void explain_hold(Delivery& held, const std::optional<Attempt>& blocked_by);

}  // namespace fanfare::client
