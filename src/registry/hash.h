// Keys of the store: the first 8 bytes of SHA-256. Registrations are long and alike at the front;
// as keys their hashes take a tenth of the space. Two may share one, so whoever looks up by a hash
// compares the text as well.
#pragma once

#include <cstdint>
#include <string_view>

#include "fanfare/target.h"

namespace fanfare::registry {

[[nodiscard]] std::int64_t registration_hash(TargetKind kind, std::string_view value);
/// Of a user, or of an installation.
[[nodiscard]] std::int64_t text_hash(std::string_view text);

}  // namespace fanfare::registry
