// One SETTINGS frame of a server as values (RFC 9113, 6.5). Private to this module.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http2/frame_reader.h"

namespace fanfare::http2 {

/// What one frame sets; absent: it stays as it is. Of two entries with the same identifier the
/// later one counts.
struct PeerSettings {
  std::optional<std::uint32_t> table_bytes = {};
  /// The smallest on the way to `table_bytes`: the server's decoder has evicted down to that.
  std::optional<std::uint32_t> smallest_table_bytes = {};
  std::optional<std::uint32_t> push = {};
  std::optional<std::uint32_t> max_streams = {};
  std::optional<std::uint32_t> stream_window = {};
  std::optional<std::uint32_t> frame_bytes = {};
  std::optional<std::uint32_t> connect_protocol = {};
  std::optional<std::uint32_t> no_priorities = {};
};

/// `payload` has whole entries. Unknown ones are skipped, and so is MAX_HEADER_LIST_SIZE: it is a
/// hint, and a server that minds answers 431.
[[nodiscard]] PeerSettings parse_settings(std::string_view payload) noexcept;

/// What is wrong with the values themselves.
[[nodiscard]] std::optional<ConnectionFault> find_fault(const PeerSettings& settings) noexcept;

}  // namespace fanfare::http2
