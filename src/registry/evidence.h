// Evidence, cut to the size that is kept.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fanfare::registry {

inline constexpr std::size_t max_evidence_bytes = 8U << 10;

/// The evidence as it is kept. Longer than the limit, it becomes {"cut":"…"} with its beginning:
/// still JSON, still readable by a person.
[[nodiscard]] std::string bounded_evidence(std::string_view evidence);

}  // namespace fanfare::registry
