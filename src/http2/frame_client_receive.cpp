// What a server's frames mean to the streams of a FrameClientSession, and their windows.
#include <utility>

#include <fmt/format.h>

#include "base/prefetch.h"
#include "http2/frame_client_session.h"
#include "http2/frame_writer.h"
#include "http2/nghttp2_handle.h"

namespace fanfare::http2 {
namespace {

constexpr auto connection_window = static_cast<std::uint32_t>(connection_window_bytes);

/// A WINDOW_UPDATE for each half a window is rare and never late.
bool is_worth_crediting(std::uint32_t uncredited_bytes, std::uint32_t window) noexcept {
  return uncredited_bytes > 0 && uncredited_bytes >= window / 2;
}

}  // namespace

void FrameClientSession::on_frame(Frame& frame) {
  switch (frame.type) {
    case NGHTTP2_DATA:
      return on_data(frame);
    case NGHTTP2_HEADERS:
      return on_headers(frame);
    case NGHTTP2_PRIORITY:
      return on_priority(frame);
    case NGHTTP2_RST_STREAM:
      return on_rst_stream(frame);
    case NGHTTP2_SETTINGS:
      return frame.has(NGHTTP2_FLAG_ACK) ? on_settings_ack(frame) : on_settings(frame);
    case NGHTTP2_PUSH_PROMISE:
      // Ours forbade it before the first request (8.4).
      return fail(NGHTTP2_PROTOCOL_ERROR, "PUSH_PROMISE: pushes are disabled");
    case NGHTTP2_PING:
      return on_ping(frame);
    case NGHTTP2_GOAWAY:
      return on_goaway(frame);
    case NGHTTP2_WINDOW_UPDATE:
      return on_window_update(frame);
    default:
      return;  // Not a code of ours: unknown types are ignored (5.5).
  }
}

/// A stream that can't exist for the server (5.1): not yet begun, or one of its own, which only a
/// push could open.
bool FrameClientSession::is_idle(std::uint32_t stream) const noexcept {
  return stream % 2 == 0 || !writer_.has_begun(stream);
}

// --- Answers ---

void FrameClientSession::on_data(Frame& frame) {
  if (is_idle(frame.stream)) return fail(NGHTTP2_PROTOCOL_ERROR, "DATA on an idle stream");
  ClientStream* stream = streams_.find(frame.stream);
  if (stream != nullptr && stream->answer == ClientStream::Answer::none) {
    return fail(NGHTTP2_PROTOCOL_ERROR, "DATA before HEADERS");
  }
  // The padding counts (6.1), and so does what comes late for a stream that is closed (6.9).
  const auto bytes = static_cast<std::uint32_t>(frame.payload.size());
  uncredited_bytes_ += bytes;
  if (uncredited_bytes_ > connection_window) {
    return fail(NGHTTP2_FLOW_CONTROL_ERROR, "DATA over the connection's window");
  }
  if (stream == nullptr) return;
  if (!strip_padding(frame)) {
    return fail(NGHTTP2_PROTOCOL_ERROR, "DATA: more padding than payload");
  }
  const bool last = frame.has(NGHTTP2_FLAG_END_STREAM);
  stream->uncredited_bytes += bytes;
  if (stream->uncredited_bytes > stream_window_) {
    return refuse(*stream, NGHTTP2_FLOW_CONTROL_ERROR, "DATA over the stream's window");
  }
  if (!last && is_worth_crediting(stream->uncredited_bytes, stream_window_)) {
    to_credit_.push_back(stream->id);
  }
  on_answer_data(*stream, frame.payload, last);
}

void FrameClientSession::on_answer_data(ClientStream& stream, std::string_view bytes, bool last) {
  const std::size_t total = stream.body.size() + bytes.size();
  if (stream.answer == ClientStream::Answer::interim && !bytes.empty()) {
    return refuse(stream, NGHTTP2_PROTOCOL_ERROR, "DATA after an interim answer");
  }
  if (stream.length && total > *stream.length) {
    return refuse(stream, NGHTTP2_PROTOCOL_ERROR, "more DATA than its content-length");
  }
  if (total > limits_.body_bytes) {
    return give_up(stream, How::unknown,
                   fmt::format("the answer's body exceeds {} bytes", limits_.body_bytes));
  }
  if (last) return on_end_stream(stream, bytes);
  stream.body += bytes;
}

void FrameClientSession::on_headers(const Frame& frame) {
  if (is_idle(frame.stream)) return fail(NGHTTP2_PROTOCOL_ERROR, "HEADERS on an idle stream");
  // Answers come in about the order of the requests.
  streams_.prefetch(frame.stream + 2 * prefetch_distance);
  ClientStream* stream = streams_.find(frame.stream);
  const bool is_head = stream != nullptr && stream->answer != ClientStream::Answer::begun;
  const AnswerHead* head =
      heads_.read(frame.payload, is_head ? AnswerRules::Block::head : AnswerRules::Block::trailers);
  if (head == nullptr) {
    // Whatever it said, it was an answer.
    if (stream != nullptr) refuse(*stream, NGHTTP2_COMPRESSION_ERROR, "its headers are no HPACK");
    return fail(NGHTTP2_COMPRESSION_ERROR, "HEADERS: no HPACK");
  }
  if (stream == nullptr) return;  // Late, for one that we reset or that has ended.
  // Counted over interim answers and trailers too, so that neither goes on for ever.
  stream->header_bytes += head->bytes;
  if (stream->header_bytes > limits_.header_bytes) {
    return give_up(*stream, How::unknown,
                   fmt::format("the answer's headers exceed {} bytes", limits_.header_bytes));
  }
  if (!head->fault.empty()) return refuse(*stream, NGHTTP2_PROTOCOL_ERROR, head->fault);
  const bool last = frame.has(NGHTTP2_FLAG_END_STREAM);
  return is_head ? on_head(*stream, *head, last) : on_trailers(*stream, *head, last);
}

void FrameClientSession::on_head(ClientStream& stream, const AnswerHead& head, bool last) {
  if (head.status / 100 == 1) {
    stream.answer = ClientStream::Answer::interim;
    if (last) refuse(stream, NGHTTP2_PROTOCOL_ERROR, "END_STREAM on an interim answer");
    return;
  }
  stream.answer = ClientStream::Answer::begun;
  stream.status = head.status;
  if (stream.headers != head.headers) stream.headers = head.headers;
  const bool bodiless = stream.is_head || head.status == 204 || head.status == 304;
  stream.length = bodiless ? 0 : head.length;
  if (last) on_end_stream(stream);
}

void FrameClientSession::on_trailers(ClientStream& stream, const AnswerHead& trailers, bool last) {
  if (!last) return refuse(stream, NGHTTP2_PROTOCOL_ERROR, "trailers without END_STREAM");
  if (trailers.length) {
    if (stream.length) return refuse(stream, NGHTTP2_PROTOCOL_ERROR, "a second content-length");
    stream.length = trailers.length;
  }
  on_end_stream(stream);
}

/// `rest` of the body, behind what the stream has.
void FrameClientSession::on_end_stream(ClientStream& stream, std::string_view rest) {
  if (stream.answer != ClientStream::Answer::begun) {
    return refuse(stream, NGHTTP2_PROTOCOL_ERROR, "END_STREAM on an interim answer");
  }
  const std::size_t total = stream.body.size() + rest.size();
  if (stream.length.value_or(total) != total) {
    return refuse(stream, NGHTTP2_PROTOCOL_ERROR, "less DATA than its content-length");
  }
  // An answer may come before the whole request was read (8.1): it counts, and the rest of the
  // request is withdrawn.
  if (!stream.whole) append_rst_stream(output_, stream.id, NGHTTP2_CANCEL);
  answer(stream, rest);
}

// --- Streams ---

void FrameClientSession::on_rst_stream(const Frame& frame) {
  if (frame.payload.size() != 4) return fail(NGHTTP2_FRAME_SIZE_ERROR, "RST_STREAM: length");
  if (is_idle(frame.stream)) return fail(NGHTTP2_PROTOCOL_ERROR, "RST_STREAM on an idle stream");
  ClientStream* stream = streams_.find(frame.stream);
  if (stream == nullptr) return;
  // A server that has begun to answer has processed the request, whatever it says.
  const bool refused =
      frame.number() == NGHTTP2_REFUSED_STREAM && stream->answer != ClientStream::Answer::begun;
  finish(*stream, refused ? How::unsent : How::unknown, "RST_STREAM " + describe(frame.number()));
}

/// Means nothing to a client (5.3.2), and is held to its form.
void FrameClientSession::on_priority(const Frame& frame) {
  if (frame.payload.size() != priority_bytes) {
    return fail(NGHTTP2_FRAME_SIZE_ERROR, "PRIORITY: length");
  }
  if (no_priorities_ == 1U) return;
  if (frame.stream == 0) return fail(NGHTTP2_PROTOCOL_ERROR, "PRIORITY of stream 0");
  if (frame.number31() == frame.stream) {
    return fail(NGHTTP2_PROTOCOL_ERROR, "PRIORITY: a stream that depends on itself");
  }
}

// --- Windows ---

void FrameClientSession::on_window_update(const Frame& frame) {
  if (frame.payload.size() != 4) return fail(NGHTTP2_FRAME_SIZE_ERROR, "WINDOW_UPDATE: length");
  const std::uint32_t increment = frame.number31();
  ClientStream* stream = nullptr;
  if (frame.stream != 0) {
    if (is_idle(frame.stream)) {
      return fail(NGHTTP2_PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream");
    }
    stream = streams_.find(frame.stream);
    if (stream == nullptr) return;
  }
  // On a stream this may be an error of the stream alone (6.9); to end the connection is allowed,
  // too (5.4.2), and what nghttp2 does.
  if (increment == 0) return fail(NGHTTP2_PROTOCOL_ERROR, "WINDOW_UPDATE by 0");
  if (stream == nullptr) {
    if (!writer_.widen(increment)) {
      fail(NGHTTP2_FLOW_CONTROL_ERROR, "WINDOW_UPDATE: the window is over 2^31-1");
    }
  } else if (!RequestWriter::widen(*stream, increment)) {
    refuse(*stream, NGHTTP2_FLOW_CONTROL_ERROR, "WINDOW_UPDATE: the window is over 2^31-1");
  }
}

/// Gives windows back. After all that was received together, since what a server sent by then it
/// sent without knowing of this.
void FrameClientSession::credit_windows() {
  if (dead_) {
    to_credit_.clear();
    return;
  }
  if (is_worth_crediting(uncredited_bytes_, connection_window)) {
    append_window_update(output_, 0, std::exchange(uncredited_bytes_, 0));
  }
  for (const std::uint32_t id : to_credit_) {
    ClientStream* stream = streams_.find(id);
    if (stream != nullptr && is_worth_crediting(stream->uncredited_bytes, stream_window_)) {
      append_window_update(output_, id, std::exchange(stream->uncredited_bytes, 0));
    }
  }
  to_credit_.clear();
}

}  // namespace fanfare::http2
