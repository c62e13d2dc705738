// The attempt of a message that never left us: given up, or the sender was closing.
#pragma once

#include <string>

#include "client/sender.h"

namespace fanfare::client {

/// `reason` is for people.
[[nodiscard]] Attempt unsent_attempt(const Target& target, std::string reason);

}  // namespace fanfare::client
