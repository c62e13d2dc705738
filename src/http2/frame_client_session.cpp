#include "http2/frame_client_session.h"

#include <algorithm>
#include <limits>

#include "http2/frame_writer.h"
#include "http2/nghttp2_handle.h"

namespace fanfare::http2 {

FrameClientSession::FrameClientSession(const ClientLimits& limits)
    : limits_(limits), writer_(streams_, limits.streams), heads_(limits.header_bytes) {
  output_ = client_preface;
  append_settings_head(output_, 3);
  append_setting(output_, NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  append_setting(output_, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window_bytes);
  append_setting(output_, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                 static_cast<std::uint32_t>(std::min<std::size_t>(
                     limits.header_bytes, std::numeric_limits<std::uint32_t>::max())));
  append_window_update(output_, 0, connection_window_bytes - stream_window_);
}

// --- What the owner asks for ---

std::size_t FrameClientSession::free_streams() const noexcept {
  const std::size_t limit = std::min(limits_.streams, writer_.max_streams());
  return draining() || limit <= streams_.size() ? 0 : limit - streams_.size();
}

bool FrameClientSession::draining() const noexcept {
  return dead_ || shutting_down_ || !goaway_words_.empty() || submitted_count_ >= limits_.requests;
}

void FrameClientSession::submit(RequestId id, const SharedHead& head, const BodyPieces& body) {
  if (draining()) {
    ended_.add(id, How::unsent).reason = "the connection takes no more requests";
    return;
  }
  ++submitted_count_;
  if (writer_.is_too_large(head)) {
    ended_.add(id, How::unsent).reason = "the request could not be written: its head is too large";
    return;
  }
  ClientStream& stream = streams_.open(next_stream_, id);
  next_stream_ += 2;
  writer_.submit(stream, head, body);
}

void FrameClientSession::cancel(RequestId id, std::string reason) {
  if (dead_) return;
  if (ClientStream* stream = streams_.find_request(id)) {
    writer_.withdraw();
    give_up(*stream, end_of_silence(*stream), std::move(reason));
    die_when_done();
  }
}

void FrameClientSession::release_unsent(const std::string& reason) {
  if (dead_) return;
  writer_.withdraw();
  for (ClientStream* stream : streams_.all()) {
    if (end_of_silence(*stream) == How::unsent) give_up(*stream, How::unsent, reason);
  }
  die_when_done();
}

void FrameClientSession::ping() {
  if (dead_) return;
  append_ping(output_, std::string_view("\0\0\0\0\0\0\0\0", 8), NGHTTP2_FLAG_NONE);
  ++open_pings_;
}

void FrameClientSession::receive(std::span<const std::uint8_t> bytes) {
  if (dead_) return;
  reader_.push(bytes);
  while (!dead_) {
    Frame* frame = reader_.next();
    if (frame == nullptr) break;
    on_frame(*frame);
  }
  if (const auto& fault = reader_.fault()) fail(fault->code, fault->words);
  credit_windows();
  die_when_done();
}

void FrameClientSession::connection_lost(const std::string& reason) {
  die("connection lost: " + reason);
  output_.clear();
}

void FrameClientSession::shut_down() {
  if (dead_ || shutting_down_) return;
  // A peer may close as soon as it reads GOAWAY with no stream open, so requests go first.
  writer_.write(output_);
  shutting_down_ = true;
  for (ClientStream* stream : streams_.all()) {
    if (!writer_.has_begun(stream->id)) {
      give_up(*stream, How::unsent, "the connection is shutting down");
    }
  }
  append_goaway(output_, NGHTTP2_NO_ERROR, {});
  die_when_done();
}

void FrameClientSession::take_output(std::string& out) {
  out += output_;
  output_.clear();
  unsent_acknowledgements_ = 0;
  if (!dead_) writer_.write(out);
}

// --- How requests end ---

/// When no word of its end can come any more. An answer that has begun, even to half a request,
/// shows that the server acted on it.
Ended::How FrameClientSession::end_of_silence(const ClientStream& stream) const noexcept {
  const bool never_whole = !stream.whole || !writer_.has_begun(stream.id);
  return never_whole && stream.answer != ClientStream::Answer::begun ? How::unsent : How::unknown;
}

void FrameClientSession::answer(ClientStream& stream, std::string_view rest) {
  Ended& end = ended_.add_answered(stream.request, stream.headers);
  end.response.status = stream.status;
  if (!stream.body.empty()) end.response.body.swap(stream.body);
  end.response.body += rest;
  close(stream);
}

void FrameClientSession::finish(ClientStream& stream, How how, std::string reason) {
  ended_.add(stream.request, how).reason = std::move(reason);
  close(stream);
}

void FrameClientSession::close(ClientStream& stream) {
  writer_.forget(stream);
  streams_.close(stream);
}

/// By a decision of ours. The server need not be told of a stream that it never saw.
void FrameClientSession::give_up(ClientStream& stream, How how, std::string reason) {
  if (writer_.has_begun(stream.id)) append_rst_stream(output_, stream.id, NGHTTP2_CANCEL);
  finish(stream, how, std::move(reason));
}

/// The server broke a rule that concerns this stream alone (RFC 9113, 5.4.2).
void FrameClientSession::refuse(ClientStream& stream, std::uint32_t error_code,
                                std::string_view words) {
  append_rst_stream(output_, stream.id, error_code);
  finish(stream, How::unknown, "malformed answer: " + describe(error_code, words));
}

/// The server broke a rule that concerns the connection (RFC 9113, 5.4.1).
void FrameClientSession::fail(std::uint32_t error_code, std::string_view words) {
  if (dead_) return;
  append_goaway(output_, error_code, words);
  die("protocol error: " + std::string(words));
}

void FrameClientSession::die(const std::string& reason) {
  if (dead_) return;
  dead_ = true;
  writer_.withdraw();
  const std::string words = goaway_words_.empty() ? reason : goaway_words_ + "; " + reason;
  for (ClientStream* stream : streams_.all()) finish(*stream, end_of_silence(*stream), words);
}

void FrameClientSession::die_when_done() {
  const bool leaving = shutting_down_ || !goaway_words_.empty();
  if (leaving && streams_.size() == 0) die("the connection has closed");
}

std::unique_ptr<ClientSession> make_frame_client_session(const ClientLimits& limits) {
  return std::make_unique<FrameClientSession>(limits);
}

}  // namespace fanfare::http2
