// Memory for bytes that are on their way for a moment: a request between session and TLS, a record
// between TLS and socket. All connections of a thread share it. With buffers of their own each
// would find its memory out of the cache, and keep it while it is idle.
#pragma once

#include <string>

namespace fanfare::http2 {

/// An empty string, with memory if there is some to spare: that which was given back last.
[[nodiscard]] std::string take_spare_buffer() noexcept;

/// Its bytes are dropped; its memory is kept for the next unless there is much of it.
void give_spare_buffer(std::string buffer) noexcept;

}  // namespace fanfare::http2
