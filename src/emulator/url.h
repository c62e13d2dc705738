// Percent-encoded text taken apart: paths, queries and forms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanfare::emulator {

/// Decodes %XX (RFC 3986, 2.1); a % without two hex digits stays as it is.
[[nodiscard]] std::string percent_decode(std::string_view text);

/// The decoded value of a name in a query or in a form, where + is a blank; nothing when absent.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// The segments of an absolute path, cut before they are decoded, so that a %2F stays inside its
/// own; empty for a path without a leading slash.
[[nodiscard]] std::vector<std::string> path_segments(std::string_view path);

/// Letters, digits and hyphens, with a domain "example.com:name" in old ones; also what an app's
/// ID is made of. Other text must not come back in a JSON body.
[[nodiscard]] bool is_project_name(std::string_view text) noexcept;

/// The size of a page as Google reads it: absent, empty or 0 is `otherwise`, more than `most` is
/// `most`; nothing for what is no count.
[[nodiscard]] std::optional<std::uint64_t> page_size(const std::optional<std::string>& text,
                                                     std::uint64_t otherwise, std::uint64_t most);

}  // namespace fanfare::emulator
