#include "http2/peer_settings.h"

#include <algorithm>

#include <nghttp2/nghttp2.h>

#include "http2/frame_writer.h"

namespace fanfare::http2 {
namespace {

constexpr std::uint32_t largest_frame = 0xff'ffff;

void set(PeerSettings& settings, std::uint32_t id, std::uint32_t value) noexcept {
  switch (id) {
    case NGHTTP2_SETTINGS_HEADER_TABLE_SIZE:
      settings.table_bytes = value;
      settings.smallest_table_bytes =
          std::min(settings.smallest_table_bytes.value_or(value), value);
      return;
    case NGHTTP2_SETTINGS_ENABLE_PUSH:
      settings.push = value;
      return;
    case NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS:
      settings.max_streams = value;
      return;
    case NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE:
      settings.stream_window = value;
      return;
    case NGHTTP2_SETTINGS_MAX_FRAME_SIZE:
      settings.frame_bytes = value;
      return;
    case NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL:
      settings.connect_protocol = value;
      return;
    case NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES:
      settings.no_priorities = value;
      return;
    default:
      return;  // Not a code of ours: anybody may add one (RFC 9113, 5.5).
  }
}

bool is_flag(const std::optional<std::uint32_t>& value) noexcept {
  return value.value_or(0) <= 1;
}

}  // namespace

PeerSettings parse_settings(std::string_view payload) noexcept {
  PeerSettings settings;
  const Frame entries{.payload = payload};
  for (std::size_t at = 0; at < payload.size(); at += setting_bytes) {
    const auto high = static_cast<std::uint8_t>(payload[at]);
    const auto low = static_cast<std::uint8_t>(payload[at + 1]);
    set(settings, high * 256U + low, entries.number(at + 2));
  }
  return settings;
}

std::optional<ConnectionFault> find_fault(const PeerSettings& settings) noexcept {
  if (settings.push.value_or(0) != 0) {
    return ConnectionFault{NGHTTP2_PROTOCOL_ERROR, "SETTINGS: a server can't be pushed to"};
  }
  if (settings.stream_window.value_or(0) > largest_window) {
    return ConnectionFault{NGHTTP2_FLOW_CONTROL_ERROR, "SETTINGS: INITIAL_WINDOW_SIZE over 2^31-1"};
  }
  const std::uint32_t frame_bytes = settings.frame_bytes.value_or(frame_payload_bytes);
  if (frame_bytes < frame_payload_bytes || frame_bytes > largest_frame) {
    return ConnectionFault{NGHTTP2_PROTOCOL_ERROR, "SETTINGS: MAX_FRAME_SIZE out of range"};
  }
  if (!is_flag(settings.connect_protocol) || !is_flag(settings.no_priorities)) {
    return ConnectionFault{NGHTTP2_PROTOCOL_ERROR, "SETTINGS: neither 0 nor 1"};
  }
  return std::nullopt;
}

}  // namespace fanfare::http2
