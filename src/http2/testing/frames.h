// HTTP/2 frames written and read by hand, for scripts in which one side is a fake. It shares
// nothing with nghttp2, so that a mistake of ours and one of nghttp2's can't cancel out, and it
// writes wrong frames as readily as right ones. Source: RFC 9113, 4 and 6; RFC 7541, 6.2.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fanfare::http2::testing {

enum class FrameType : std::uint8_t {
  data = 0x0,
  headers = 0x1,
  priority = 0x2,
  rst_stream = 0x3,
  settings = 0x4,
  push_promise = 0x5,
  ping = 0x6,
  goaway = 0x7,
  window_update = 0x8,
  continuation = 0x9,
};

namespace flag {
inline constexpr std::uint8_t none = 0x0;
inline constexpr std::uint8_t end_stream = 0x1;  ///< On DATA and HEADERS.
inline constexpr std::uint8_t ack = 0x1;         ///< On SETTINGS and PING.
inline constexpr std::uint8_t end_headers = 0x4;
inline constexpr std::uint8_t padded = 0x8;
inline constexpr std::uint8_t priority = 0x20;
}  // namespace flag

/// Identifiers of SETTINGS.
namespace setting {
inline constexpr std::uint16_t header_table_size = 0x1;
inline constexpr std::uint16_t enable_push = 0x2;
inline constexpr std::uint16_t max_concurrent_streams = 0x3;
inline constexpr std::uint16_t initial_window_size = 0x4;
inline constexpr std::uint16_t max_frame_size = 0x5;
inline constexpr std::uint16_t max_header_list_size = 0x6;
}  // namespace setting

/// Error codes of RFC 9113, 7.
namespace code {
inline constexpr std::uint32_t no_error = 0x0;
inline constexpr std::uint32_t protocol_error = 0x1;
inline constexpr std::uint32_t internal_error = 0x2;
inline constexpr std::uint32_t flow_control_error = 0x3;
inline constexpr std::uint32_t stream_closed = 0x5;
inline constexpr std::uint32_t frame_size_error = 0x6;
inline constexpr std::uint32_t refused_stream = 0x7;
inline constexpr std::uint32_t cancel = 0x8;
inline constexpr std::uint32_t compression_error = 0x9;
inline constexpr std::uint32_t enhance_your_calm = 0xb;
}  // namespace code

struct Frame {
  FrameType type = FrameType::data;
  std::uint8_t flags = flag::none;
  std::uint32_t stream = 0;
  std::string payload;

  [[nodiscard]] bool has(std::uint8_t bits) const noexcept { return (flags & bits) == bits; }
  /// Four bytes of the payload from `at`: the error code of RST_STREAM (0) and GOAWAY (4), the
  /// last stream of GOAWAY (0), the increment of WINDOW_UPDATE (0). 0 when they are missing.
  [[nodiscard]] std::uint32_t number(std::size_t at = 0) const noexcept;
};

/// What a client sends first (RFC 9113, 3.4).
inline constexpr std::string_view client_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Takes the first frame off `bytes`; nullopt when they hold no whole one.
[[nodiscard]] std::optional<Frame> next_frame(std::string_view& bytes);

/// All whole frames, without the client preface.
[[nodiscard]] std::vector<Frame> parse_frames(std::string_view bytes);

[[nodiscard]] std::string write_frame(const Frame& frame);

using Fields = std::vector<std::pair<std::string, std::string>>;
/// Each field as a literal that is never indexed, without Huffman coding.
[[nodiscard]] std::string header_block(const Fields& fields);

[[nodiscard]] std::string settings(
    const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries = {});
[[nodiscard]] std::string settings_ack();
[[nodiscard]] std::string headers(std::uint32_t stream, const Fields& fields,
                                  std::uint8_t flags = flag::none);  ///< END_HEADERS is added.
/// HEADERS without END_HEADERS and, for each later piece, a CONTINUATION.
[[nodiscard]] std::string headers_in_pieces(std::uint32_t stream, const Fields& fields,
                                            std::size_t piece_bytes,
                                            std::uint8_t flags = flag::none);
[[nodiscard]] std::string data(std::uint32_t stream, std::string_view bytes,
                               std::uint8_t flags = flag::none);
[[nodiscard]] std::string padded_data(std::uint32_t stream, std::string_view bytes,
                                      std::uint8_t padding, std::uint8_t flags = flag::none);
[[nodiscard]] std::string rst_stream(std::uint32_t stream, std::uint32_t error_code);
[[nodiscard]] std::string goaway(std::uint32_t last_stream, std::uint32_t error_code,
                                 std::string_view debug = {});
[[nodiscard]] std::string ping(std::string_view eight_bytes, std::uint8_t flags = flag::none);
[[nodiscard]] std::string window_update(std::uint32_t stream, std::uint32_t increment);

}  // namespace fanfare::http2::testing
