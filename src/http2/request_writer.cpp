#include "http2/request_writer.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "http2/frame_reader.h"
#include "http2/frame_writer.h"
#include "http2/spare_buffers.h"

namespace fanfare::http2 {
namespace {

/// Of names and values; nghttp2's limit, and twice what servers take.
constexpr std::size_t largest_head_bytes = 64U << 10;

std::size_t head_bytes(const RequestHead& head) noexcept {
  std::size_t bytes =
      head.method.size() + head.scheme.size() + head.authority.size() + head.path.size();
  for (const auto& header : head.headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

/// The field "content-length" as a literal that is not indexed: it differs from body to body, and
/// would drive everything else out of the table.
class LengthField {
 public:
  static constexpr std::size_t most_bytes = 3 + 20;  // Digits of the largest number.
  explicit LengthField(std::size_t body_bytes) {
    const fmt::format_int digits(body_bytes);
    bytes_ = {'\x0f', '\x0d', static_cast<char>(digits.size())};  // Index 28 (RFC 7541, 6.2.2).
    std::copy_n(digits.data(), digits.size(), bytes_.begin() + 3);
    size_ = 3 + digits.size();
  }
  [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<char, most_bytes> bytes_;
  std::size_t size_ = 0;
};

bool is_within(std::int64_t window) noexcept {
  return window <= largest_window;
}

}  // namespace

RequestWriter::RequestWriter(ClientStreams& streams, std::uint32_t max_streams)
    : streams_(streams), max_streams_(max_streams) {}

bool RequestWriter::is_too_large(const SharedHead& head) const noexcept {
  return head != known_.head && head_bytes(*head) > largest_head_bytes;
}

// --- From submit to write ---

/// Whether the request can be written without looking any further.
bool RequestWriter::is_common(const SharedHead& head, std::size_t body_bytes) const noexcept {
  return head == known_.head && known_.version == encoder_.version() && waiting_.empty() &&
         known_.block.size() + LengthField::most_bytes <= frame_payload_bytes &&
         open_count_ + ready_count_ < max_streams_ && body_bytes <= frame_payload_bytes &&
         std::cmp_less_equal(body_bytes, std::min(window_, stream_window_));
}

void RequestWriter::submit(ClientStream& stream, const SharedHead& head, const BodyPieces& body) {
  const std::size_t body_bytes = body.size();
  stream.window = stream_window_;
  if (!is_common(head, body_bytes)) {
    stream.head = head;
    for (const auto piece : body.pieces) stream.unwritten += piece;
    waiting_.push_back(&stream);
    return;
  }
  if (ready_count_ == 0) ready_ = take_spare_buffer();
  append_common(ready_, stream.id, body);
  stream.is_head = known_.is_head;
  stream.whole = true;
  stream.window -= static_cast<std::int64_t>(body_bytes);
  window_ -= static_cast<std::int64_t>(body_bytes);
  last_ready_ = stream.id;
  ++ready_count_;
}

void RequestWriter::write(std::string& out) {
  if (ready_count_ > 0) {
    if (out.empty()) {
      give_spare_buffer(std::exchange(out, std::exchange(ready_, {})));
    } else {
      out += ready_;
      ready_.clear();
    }
    last_out_ = last_ready_;
    open_count_ += std::exchange(ready_count_, 0);
  }
  for (ClientStream* stream : blocked_) write_body(*stream, out);
  std::size_t begun = 0;
  for (; begun < waiting_.size() && open_count_ < max_streams_; ++begun) {
    begin(*waiting_[begun], out);
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(begun));
  std::erase_if(blocked_, [](const ClientStream* stream) { return stream->whole; });
}

/// What is ready has the shape that `submit` gave it, so that the bodies can be read back.
void RequestWriter::withdraw() {
  if (ready_count_ == 0) return;
  std::vector<ClientStream*> taken_back;
  std::string_view left = ready_;
  while (!left.empty()) {
    const Frame frame = read_frame(left);
    left.remove_prefix(frame_head_bytes + frame.payload.size());
    if (frame.type == NGHTTP2_HEADERS) {
      taken_back.push_back(streams_.find(frame.stream));
      taken_back.back()->head = known_.head;
      taken_back.back()->whole = false;
    } else if (frame.type == NGHTTP2_DATA) {
      taken_back.back()->unwritten = frame.payload;
      taken_back.back()->window += static_cast<std::int64_t>(frame.payload.size());
      window_ += static_cast<std::int64_t>(frame.payload.size());
    }
  }
  waiting_.insert(waiting_.begin(), taken_back.begin(), taken_back.end());
  ready_.clear();
  ready_count_ = 0;
}

void RequestWriter::forget(ClientStream& stream) noexcept {
  if (!has_begun(stream.id)) {
    std::erase(waiting_, &stream);
    return;
  }
  --open_count_;
  if (!stream.whole) std::erase(blocked_, &stream);
}

// --- Frames ---

/// Leaves `head` known, with a block that must be written now if it changed the table.
void RequestWriter::know(const SharedHead& head) {
  if (head == known_.head && known_.version == encoder_.version()) return;
  known_.head = head;
  known_.version = encoder_.version();
  known_.says_length[0] = says_length(*head, 0);
  known_.says_length[1] = says_length(*head, 1);
  known_.is_head = head->method == "HEAD";
  auto& block = known_.block;
  block.clear();
  encoder_.begin_block(block);
  encoder_.add_indexed(block, ":method", head->method);
  encoder_.add_indexed(block, ":scheme", head->scheme);
  encoder_.add_indexed(block, ":authority", head->authority);
  encoder_.add_indexed(block, ":path", head->path);
  for (const auto& [name, value] : head->headers) {
    if (name == "content-length") {
      encoder_.add_unindexed(block, name, value);
    } else {
      encoder_.add_indexed(block, name, value);
    }
  }
}

/// What append_headers and a DATA frame would write, in one go.
void RequestWriter::append_common(std::string& out, std::uint32_t stream,
                                  const BodyPieces& body) const {
  const std::size_t body_bytes = body.size();
  if (body_bytes == 0) return append_headers(out, stream, body_bytes);
  const LengthField length(body_bytes);
  const std::string_view length_field = known_.says_length[1] ? length.bytes() : "";
  const std::size_t block_bytes = known_.block.size() + length_field.size();
  const auto headers = frame_head(block_bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream);
  const auto data = frame_head(body_bytes, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream);
  const std::size_t before = out.size();
  const std::size_t after = before + 2 * frame_head_bytes + block_bytes + body_bytes;
  out.resize_and_overwrite(after, [&](char* bytes, std::size_t /*or more*/) {
    char* end = bytes + before;
    const auto put = [&end](std::string_view piece) { end += piece.copy(end, piece.size()); };
    put({headers.data(), headers.size()});
    put(known_.block);
    put(length_field);
    put({data.data(), data.size()});
    for (const auto piece : body.pieces) put(piece);
    return after;
  });
}

/// HEADERS of the known head and, for what does not fit one frame, CONTINUATION.
void RequestWriter::append_headers(std::string& out, std::uint32_t stream,
                                   std::size_t body_bytes) const {
  const LengthField length(body_bytes);
  const bool has_length = known_.says_length[body_bytes > 0 ? 1 : 0];
  const std::uint8_t end_stream = body_bytes == 0 ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
  const std::size_t block_bytes = known_.block.size() + (has_length ? length.bytes().size() : 0);
  if (block_bytes <= frame_payload_bytes) {
    append_frame_head(out, block_bytes, NGHTTP2_HEADERS,
                      static_cast<std::uint8_t>(NGHTTP2_FLAG_END_HEADERS | end_stream), stream);
    out += known_.block;
    if (has_length) out += length.bytes();
    return;
  }
  std::string block = known_.block;
  if (has_length) block += length.bytes();
  for (std::size_t at = 0; at < block.size(); at += frame_payload_bytes) {
    const std::string_view piece = std::string_view(block).substr(at, frame_payload_bytes);
    const bool last = at + piece.size() == block.size();
    append_frame_head(out, piece.size(), at == 0 ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION,
                      static_cast<std::uint8_t>((last ? NGHTTP2_FLAG_END_HEADERS : 0) |
                                                (at == 0 ? end_stream : 0)),
                      stream);
    out += piece;
  }
}

void RequestWriter::begin(ClientStream& stream, std::string& out) {
  know(stream.head);
  append_headers(out, stream.id, stream.unwritten.size());
  stream.is_head = known_.is_head;
  stream.head.reset();
  stream.whole = stream.unwritten.empty();
  last_out_ = stream.id;
  ++open_count_;
  write_body(stream, out);
  if (!stream.whole) blocked_.push_back(&stream);
}

/// As much of the body as both windows allow.
void RequestWriter::write_body(ClientStream& stream, std::string& out) {
  while (!stream.whole) {
    const std::string_view rest = std::string_view(stream.unwritten).substr(stream.gone);
    const std::int64_t allowed =
        std::min({stream.window, window_, static_cast<std::int64_t>(frame_payload_bytes)});
    if (allowed <= 0) return;
    const std::string_view piece = rest.substr(0, static_cast<std::size_t>(allowed));
    stream.whole = piece.size() == rest.size();
    append_frame_head(out, piece.size(), NGHTTP2_DATA,
                      stream.whole ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE, stream.id);
    out += piece;
    stream.gone += piece.size();
    stream.window -= static_cast<std::int64_t>(piece.size());
    window_ -= static_cast<std::int64_t>(piece.size());
  }
}

// --- Windows ---

bool RequestWriter::widen(std::uint32_t increment) noexcept {
  window_ += increment;
  return is_within(window_);
}

bool RequestWriter::widen(ClientStream& stream, std::uint32_t increment) noexcept {
  stream.window += increment;
  return is_within(stream.window);
}

bool RequestWriter::set_stream_window(std::uint32_t bytes) {
  const std::int64_t difference = std::int64_t{bytes} - stream_window_;
  stream_window_ = bytes;
  bool within = true;
  for (ClientStream* stream : streams_.all()) {
    stream->window += difference;
    within = within && is_within(stream->window);
  }
  return within;
}

}  // namespace fanfare::http2
