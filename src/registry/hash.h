// SHA-256 keys of the store: 16 bytes find a device, 8 bytes the devices of a user. Tokens are
// long and alike at the front; as keys of an index their hashes take less than half the space.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "fanfare/target.h"

namespace fanfare::registry {

using DeviceHash = std::array<char, 16>;

[[nodiscard]] DeviceHash device_hash(TargetKind kind, std::string_view value);
[[nodiscard]] std::int64_t user_hash(std::string_view user);

}  // namespace fanfare::registry
