// Text that FCM sends or takes: where to cut it, and what of it stands in JSON as it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fanfare::fcm {

/// At most `max_bytes` of `text`, cut between characters; bytes that are not UTF-8 become '?'.
[[nodiscard]] std::string clean_prefix(std::string_view text, std::size_t max_bytes);

/// True for ASCII that stands in a JSON string as it is.
[[nodiscard]] constexpr bool is_plain_json_byte(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
}

/// True when all of it is; looks at sixteen bytes together.
[[nodiscard]] bool is_plain_json(std::string_view text) noexcept;

}  // namespace fanfare::fcm
