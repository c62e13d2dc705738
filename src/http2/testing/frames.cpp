#include "http2/testing/frames.h"

#include <algorithm>

namespace fanfare::http2::testing {
namespace {

constexpr std::size_t head_bytes = 9;

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xff);
  }
  return out;
}

std::uint32_t read_number(std::string_view bytes) noexcept {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

/// A length with a 7-bit prefix (RFC 7541, 5.1), the Huffman bit clear.
std::string hpack_length(std::size_t length) {
  if (length < 127) return {static_cast<char>(length)};
  std::string out{'\x7f'};
  for (length -= 127; length >= 128; length /= 128) out += static_cast<char>(length % 128 + 128);
  return out + static_cast<char>(length);
}

std::uint8_t bits(int value) noexcept {
  return static_cast<std::uint8_t>(value);
}

}  // namespace

std::uint32_t Frame::number(std::size_t at) const noexcept {
  return payload.size() < at + 4 ? 0 : read_number(std::string_view(payload).substr(at, 4));
}

std::optional<Frame> next_frame(std::string_view& bytes) {
  if (bytes.size() < head_bytes) return std::nullopt;
  const std::size_t length = read_number(bytes.substr(0, 3));
  if (bytes.size() < head_bytes + length) return std::nullopt;
  Frame frame{static_cast<FrameType>(bytes[3]), static_cast<std::uint8_t>(bytes[4]),
              read_number(bytes.substr(5, 4)), std::string(bytes.substr(head_bytes, length))};
  bytes.remove_prefix(head_bytes + length);
  return frame;
}

std::vector<Frame> parse_frames(std::string_view bytes) {
  if (bytes.starts_with(client_preface)) bytes.remove_prefix(client_preface.size());
  std::vector<Frame> frames;
  while (auto frame = next_frame(bytes)) frames.push_back(std::move(*frame));
  return frames;
}

std::string write_frame(const Frame& frame) {
  return big_endian(frame.payload.size(), 3) + static_cast<char>(frame.type) +
         static_cast<char>(frame.flags) + big_endian(frame.stream, 4) + frame.payload;
}

std::string header_block(const Fields& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\x10';  // Literal, never indexed, new name.
    block += hpack_length(name.size()) + name + hpack_length(value.size()) + value;
  }
  return block;
}

std::string settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries) {
  std::string payload;
  for (const auto& [id, value] : entries) payload += big_endian(id, 2) + big_endian(value, 4);
  return write_frame({FrameType::settings, flag::none, 0, payload});
}

std::string settings_ack() {
  return write_frame({FrameType::settings, flag::ack, 0, {}});
}

std::string headers(std::uint32_t stream, const Fields& fields, std::uint8_t flags) {
  return write_frame(
      {FrameType::headers, bits(flags | flag::end_headers), stream, header_block(fields)});
}

std::string headers_in_pieces(std::uint32_t stream, const Fields& fields, std::size_t piece_bytes,
                              std::uint8_t flags) {
  const std::string block = header_block(fields);
  std::string out;
  for (std::size_t at = 0; at < block.size(); at += piece_bytes) {
    const bool first = at == 0;
    const bool last = at + piece_bytes >= block.size();
    out += write_frame({first ? FrameType::headers : FrameType::continuation,
                        bits((first ? flags : 0) | (last ? flag::end_headers : 0)), stream,
                        block.substr(at, piece_bytes)});
  }
  return out;
}

std::string data(std::uint32_t stream, std::string_view bytes, std::uint8_t flags) {
  return write_frame({FrameType::data, flags, stream, std::string(bytes)});
}

std::string padded_data(std::uint32_t stream, std::string_view bytes, std::uint8_t padding,
                        std::uint8_t flags) {
  std::string payload{static_cast<char>(padding)};
  payload.append(bytes).append(padding, '\0');
  return write_frame({FrameType::data, bits(flags | flag::padded), stream, payload});
}

std::string rst_stream(std::uint32_t stream, std::uint32_t error_code) {
  return write_frame({FrameType::rst_stream, flag::none, stream, big_endian(error_code, 4)});
}

std::string goaway(std::uint32_t last_stream, std::uint32_t error_code, std::string_view debug) {
  return write_frame({FrameType::goaway, flag::none, 0,
                      big_endian(last_stream, 4) + big_endian(error_code, 4) + std::string(debug)});
}

std::string ping(std::string_view eight_bytes, std::uint8_t flags) {
  return write_frame({FrameType::ping, flags, 0, std::string(eight_bytes)});
}

std::string window_update(std::uint32_t stream, std::uint32_t increment) {
  return write_frame({FrameType::window_update, flag::none, stream, big_endian(increment, 4)});
}

}  // namespace fanfare::http2::testing
