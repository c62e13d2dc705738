// The layout of the gateway's store, told in docs/queue-format.md.
#pragma once

#include <cstdint>

namespace fanfare::queue {

inline constexpr std::int64_t application_id = 0x46616e51;  // "FanQ"
inline constexpr std::int64_t format_version = 1;

/// All statements that make an empty file a store of format_version.
extern const char* const schema_sql;

}  // namespace fanfare::queue
