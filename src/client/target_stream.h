// One message to every target of a stream, in constant memory: the driver of a RetryLoop behind
// Client::send_each.
#pragma once

#include <functional>
#include <optional>

#include "fanfare/client.h"

#include "base/random.h"
#include "client/attempt_port.h"

namespace fanfare::client {

/// Targets asked for and not yet at their end; those waiting for a retry are among them.
inline constexpr std::size_t max_open_targets = 10'000;

/// A source of targets as one that writes over the target it is given.
[[nodiscard]] std::function<bool(Target&)> filling(
    const std::function<std::optional<Target>()>& next);

/// Asks `next` for a target whenever there is room, until it gives none; reports each outcome.
/// Both are called on this thread, which is also the one that drives `port`. A hold lasts to the
/// end of the stream: what is left of it ends with the blocking verdict, unsent.
void send_to_each(AttemptPort& port, const RetryOptions& options, Random random,
                  const std::function<bool(Target&)>& next,
                  const std::function<void(const Outcome&)>& on_outcome);

}  // namespace fanfare::client
