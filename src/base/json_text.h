// Writing JSON by hand where a document would cost too much: strings, quoted and escaped.
#pragma once

#include <string>
#include <string_view>

namespace fanfare {

/// Appends `text` as a JSON string with its quotes (RFC 8259, 7). Bytes that are not UTF-8 become
/// U+FFFD, so that evidence taken from the wire can't spoil the document it is kept in.
void append_json_string(std::string& out, std::string_view text);

/// The same, or `null` for empty text.
void append_json_string_or_null(std::string& out, std::string_view text);

/// Longest prefix of `text` of at most `max_bytes` that does not end inside a UTF-8 sequence.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) noexcept;

/// Bytes of the UTF-8 sequence that `text` begins with (Unicode, table 3-7); 0 when it begins with
/// none.
[[nodiscard]] std::size_t utf8_sequence_bytes(std::string_view text) noexcept;

}  // namespace fanfare
