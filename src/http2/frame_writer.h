// The bytes of the frames that a client writes (RFC 9113, 4.1 and 6), at the end of a string.
// Types, flags and codes are RFC 9113's numbers under nghttp2's names. Private to this module.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>

namespace fanfare::http2 {

inline constexpr std::string_view client_preface{NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN};

inline constexpr std::size_t frame_head_bytes = 9;

/// The largest payload that each side may send without having been allowed more
/// (SETTINGS_MAX_FRAME_SIZE, which can't be less). We neither ask for more nor use more.
inline constexpr std::size_t frame_payload_bytes = 16'384;

/// Of PRIORITY, and of the same in HEADERS.
inline constexpr std::size_t priority_bytes = 5;

inline constexpr std::uint32_t largest_window = 0x7fff'ffff;  ///< RFC 9113, 6.9.1.

inline void append_number(std::string& out, std::uint32_t value) {
  const char bytes[4]{static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                      static_cast<char>(value >> 8), static_cast<char>(value)};
  out.append(bytes, sizeof bytes);
}

[[nodiscard]] inline std::array<char, frame_head_bytes> frame_head(std::size_t payload_bytes,
                                                                   std::uint8_t type,
                                                                   std::uint8_t flags,
                                                                   std::uint32_t stream) noexcept {
  return {static_cast<char>(payload_bytes >> 16),
          static_cast<char>(payload_bytes >> 8),
          static_cast<char>(payload_bytes),
          static_cast<char>(type),
          static_cast<char>(flags),
          static_cast<char>(stream >> 24),
          static_cast<char>(stream >> 16),
          static_cast<char>(stream >> 8),
          static_cast<char>(stream)};
}

inline void append_frame_head(std::string& out, std::size_t payload_bytes, std::uint8_t type,
                              std::uint8_t flags, std::uint32_t stream) {
  const auto bytes = frame_head(payload_bytes, type, flags, stream);
  out.append(bytes.data(), bytes.size());
}

inline void append_rst_stream(std::string& out, std::uint32_t stream, std::uint32_t error_code) {
  append_frame_head(out, 4, NGHTTP2_RST_STREAM, NGHTTP2_FLAG_NONE, stream);
  append_number(out, error_code);
}

inline void append_window_update(std::string& out, std::uint32_t stream, std::uint32_t increment) {
  append_frame_head(out, 4, NGHTTP2_WINDOW_UPDATE, NGHTTP2_FLAG_NONE, stream);
  append_number(out, increment);
}

/// `payload` has 8 bytes.
inline void append_ping(std::string& out, std::string_view payload, std::uint8_t flags) {
  append_frame_head(out, payload.size(), NGHTTP2_PING, flags, 0);
  out += payload;
}

/// Names no stream as processed: a client that forbids pushes never processes any.
inline void append_goaway(std::string& out, std::uint32_t error_code, std::string_view words) {
  append_frame_head(out, 8 + words.size(), NGHTTP2_GOAWAY, NGHTTP2_FLAG_NONE, 0);
  append_number(out, 0);
  append_number(out, error_code);
  out += words;
}

inline void append_settings_ack(std::string& out) {
  append_frame_head(out, 0, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0);
}

inline constexpr std::size_t setting_bytes = 6;

/// The head of a SETTINGS frame with so many entries, each of which follows by append_setting.
inline void append_settings_head(std::string& out, std::size_t entry_count) {
  append_frame_head(out, setting_bytes * entry_count, NGHTTP2_SETTINGS, NGHTTP2_FLAG_NONE, 0);
}
inline void append_setting(std::string& out, std::uint16_t id, std::uint32_t value) {
  out += static_cast<char>(id >> 8);
  out += static_cast<char>(id);
  append_number(out, value);
}

}  // namespace fanfare::http2
