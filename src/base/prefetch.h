// Asking for memory before it is needed. A client wakes up to find its memory out of every cache,
// and a walk over a batch of messages then waits for each of them in turn; asked for a few messages
// ahead, they come together.
#pragma once

#include <cstddef>
#include <string_view>

namespace fanfare {

/// How many messages ahead a walk asks: more than a message takes longer to come from memory than
/// to be looked at, few enough not to drive each other out again.
inline constexpr std::size_t prefetch_distance = 4;

/// Only a hint: what lies there need not be readable, and there is no effect where the processor
/// would first have to look up the page.
inline void prefetch(const void* from, std::size_t bytes) noexcept {
  constexpr std::size_t line_bytes = 64;
  const auto* at = static_cast<const char*>(from);
  for (std::size_t i = 0; i < bytes; i += line_bytes) __builtin_prefetch(at + i);
  // Else a function that does nothing but this has no effect to GCC, which then leaves out its
  // calls.
  __asm__ volatile("");
}

inline void prefetch(std::string_view bytes) noexcept {
  prefetch(bytes.data(), bytes.size());
}

}  // namespace fanfare
