// Texts that look like FCM's and are the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace fanfare::emulator {

/// FNV-1a.
[[nodiscard]] std::uint64_t stable_hash(std::string_view text) noexcept;

/// `chars` of base64url, six bits each, the lowest first.
void append_base64(std::string& out, std::uint64_t bits, std::size_t chars);
/// What append_base64 wrote; nothing for another alphabet.
[[nodiscard]] std::optional<std::uint64_t> parse_base64(std::string_view text);

/// `chars` of base64url drawn from `random`.
void append_noise(std::string& out, Random& random, std::size_t chars);

}  // namespace fanfare::emulator
