#include "http2/frame_reader.h"

#include <algorithm>

#include "http2/frame_writer.h"

namespace fanfare::http2 {
namespace {

/// A block in more frames is an attack that costs the server nothing and us a buffer. With the
/// largest frames this is still more than twice what answers may have by default.
constexpr int max_continuations = 8;

constexpr std::uint32_t low_31_bits = 0x7fff'ffff;

std::uint32_t byte_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<std::uint8_t>(bytes[at]);
}

/// Of the first four bytes.
std::uint32_t read_number(std::string_view bytes) noexcept {
  return byte_at(bytes, 0) << 24 | byte_at(bytes, 1) << 16 | byte_at(bytes, 2) << 8 |
         byte_at(bytes, 3);
}

/// The length and the type are one number of four bytes.
std::size_t payload_length(std::string_view head) noexcept {
  return read_number(head) >> 8;
}

/// Part by part, not as a whole from a temporary.
void read_into(Frame& frame, std::string_view bytes) noexcept {
  frame.type = static_cast<std::uint8_t>(bytes[3]);
  frame.flags = static_cast<std::uint8_t>(bytes[4]);
  frame.stream = read_number(bytes.substr(5)) & low_31_bits;
  frame.payload = bytes.substr(frame_head_bytes, payload_length(bytes));
}

}  // namespace

std::uint32_t Frame::number(std::size_t at) const noexcept {
  return read_number(payload.substr(at));
}

std::uint32_t Frame::number31(std::size_t at) const noexcept {
  return number(at) & low_31_bits;
}

Frame read_frame(std::string_view bytes) noexcept {
  Frame frame;
  read_into(frame, bytes);
  return frame;
}

bool strip_padding(Frame& frame) noexcept {
  if (!frame.has(NGHTTP2_FLAG_PADDED)) return true;
  if (frame.payload.empty()) return false;
  const auto padding = static_cast<std::uint8_t>(frame.payload[0]);
  frame.payload.remove_prefix(1);
  if (padding > frame.payload.size()) return false;
  frame.payload.remove_suffix(padding);
  return true;
}

void FrameReader::push(std::span<const std::uint8_t> bytes) noexcept {
  input_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Frame* FrameReader::next() {
  while (next_piece()) {
    if (block_is_open_) {
      if (!continue_block()) return nullptr;
      if (!block_is_open_) return &block_head_;
    } else if (frame_.type == NGHTTP2_CONTINUATION) {
      fail(NGHTTP2_PROTOCOL_ERROR, "CONTINUATION without HEADERS");
      return nullptr;
    } else if (frame_.type == NGHTTP2_HEADERS) {
      if (!begin_block()) return nullptr;
      if (!block_is_open_) return &frame_;
    } else {
      return &frame_;
    }
  }
  return nullptr;
}

/// A frame as it is on the wire.
bool FrameReader::next_piece() {
  if (fault_) return false;
  if (partial_is_out_) partial_.clear();
  partial_is_out_ = false;

  if (partial_.empty() && input_.size() >= frame_head_bytes) {
    if (!has_head(input_)) return false;
    const std::size_t whole = frame_head_bytes + payload_length(input_);
    if (input_.size() >= whole) {
      read_into(frame_, input_);
      input_.remove_prefix(whole);
      return true;
    }
  }
  if (!gather(frame_head_bytes) || !has_head(partial_) ||
      !gather(frame_head_bytes + payload_length(partial_))) {
    return false;
  }
  partial_is_out_ = true;
  read_into(frame_, partial_);
  return true;
}

/// Fills `partial_` up to so many bytes; false when the input ends before.
bool FrameReader::gather(std::size_t bytes) {
  if (partial_.size() < bytes) {
    const std::size_t count = std::min(bytes - partial_.size(), input_.size());
    partial_.append(input_.substr(0, count));
    input_.remove_prefix(count);
  }
  return partial_.size() >= bytes;
}

/// Judges what can be judged before the payload arrives: a server that speaks another protocol may
/// never send as much as its first bytes, read as a length, seem to announce.
bool FrameReader::has_head(std::string_view bytes) {
  const bool is_settings = bytes[3] == NGHTTP2_SETTINGS && (bytes[4] & NGHTTP2_FLAG_ACK) == 0;
  if (!settled_ && !is_settings) {
    fail(NGHTTP2_PROTOCOL_ERROR, "the server's first frame is not SETTINGS");
    return false;
  }
  settled_ = true;
  if (payload_length(bytes) > frame_payload_bytes) {
    fail(NGHTTP2_FRAME_SIZE_ERROR, "a frame is larger than 16384 bytes");
    return false;
  }
  return true;
}

bool FrameReader::begin_block() {
  if (!strip_padding(frame_)) {
    fail(NGHTTP2_PROTOCOL_ERROR, "HEADERS: more padding than payload");
    return false;
  }
  if (frame_.has(NGHTTP2_FLAG_PRIORITY)) {
    if (frame_.payload.size() < priority_bytes) {
      fail(NGHTTP2_FRAME_SIZE_ERROR, "HEADERS: too short for a priority");
      return false;
    }
    frame_.payload.remove_prefix(priority_bytes);
  }
  if (!frame_.has(NGHTTP2_FLAG_END_HEADERS)) {
    block_is_open_ = true;
    block_head_ = frame_;
    block_ = frame_.payload;
    continuations_ = 0;
  }
  return true;
}

bool FrameReader::continue_block() {
  if (++continuations_ > max_continuations) {
    fail(NGHTTP2_ENHANCE_YOUR_CALM, "too many CONTINUATION frames");
    return false;
  }
  if (frame_.type != NGHTTP2_CONTINUATION || frame_.stream != block_head_.stream) {
    fail(NGHTTP2_PROTOCOL_ERROR, "another frame within a header block");
    return false;
  }
  block_ += frame_.payload;
  if (frame_.has(NGHTTP2_FLAG_END_HEADERS)) {
    block_is_open_ = false;
    block_head_.payload = block_;
  }
  return true;
}

void FrameReader::fail(std::uint32_t code, std::string_view words) {
  fault_ = {code, words};
}

}  // namespace fanfare::http2
