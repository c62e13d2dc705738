// What a server's frames mean to a FrameClientSession as a whole: SETTINGS, PING and GOAWAY.
#include <limits>
#include <utility>

#include "http2/frame_client_session.h"
#include "http2/frame_writer.h"
#include "http2/nghttp2_handle.h"

namespace fanfare::http2 {
namespace {

/// Acknowledgements that nobody took: more is a flood.
constexpr std::size_t most_acknowledgements = 1'000;

constexpr std::size_t most_settings = 32;

}  // namespace

void FrameClientSession::on_settings(const Frame& frame) {
  if (frame.stream != 0) return fail(NGHTTP2_PROTOCOL_ERROR, "SETTINGS of a stream");
  if (frame.payload.size() % setting_bytes != 0) {
    return fail(NGHTTP2_FRAME_SIZE_ERROR, "SETTINGS: length");
  }
  if (frame.payload.size() / setting_bytes > most_settings) {
    return fail(NGHTTP2_ENHANCE_YOUR_CALM, "SETTINGS: too many entries");
  }
  const PeerSettings settings = parse_settings(frame.payload);
  if (const auto fault = find_fault(settings)) return fail(fault->code, fault->words);
  if (!count_acknowledgement()) return;
  apply(settings);
  if (dead_) return;
  append_settings_ack(output_);
  settled_ = true;
}

void FrameClientSession::apply(const PeerSettings& settings) {
  // A setting that a server may not take back (RFC 8441, 3) and one that it may not change (RFC
  // 9218, 2.1).
  const bool connects = settings.connect_protocol.value_or(connect_protocol_ ? 1 : 0) == 1;
  if ((connect_protocol_ && !connects) ||
      (no_priorities_ && settings.no_priorities.value_or(*no_priorities_) != *no_priorities_)) {
    return fail(NGHTTP2_PROTOCOL_ERROR, "SETTINGS: a value that must not change");
  }
  connect_protocol_ = connects;
  no_priorities_ = settings.no_priorities.value_or(no_priorities_.value_or(0));

  // Requests that are ready but not handed over are written anew, by the new rules.
  writer_.withdraw();
  if (settings.table_bytes) {
    writer_.set_table_limit(*settings.smallest_table_bytes);
    writer_.set_table_limit(*settings.table_bytes);
  }
  if (settings.max_streams) {
    writer_.set_max_streams(*settings.max_streams);
  } else if (!settled_) {
    writer_.set_max_streams(std::numeric_limits<std::uint32_t>::max());
  }
  if (settings.stream_window && !writer_.set_stream_window(*settings.stream_window)) {
    fail(NGHTTP2_FLOW_CONTROL_ERROR, "SETTINGS: a stream's window over 2^31-1");  // 6.9.2
  }
}

void FrameClientSession::on_settings_ack(const Frame& frame) {
  if (frame.stream != 0) return fail(NGHTTP2_PROTOCOL_ERROR, "SETTINGS of a stream");
  if (!frame.payload.empty()) return fail(NGHTTP2_FRAME_SIZE_ERROR, "SETTINGS: ACK with entries");
  if (std::exchange(settings_acknowledged_, true)) {
    return fail(NGHTTP2_PROTOCOL_ERROR, "SETTINGS: an ACK too many");
  }
  stream_window_ = stream_window_bytes;
}

void FrameClientSession::on_ping(const Frame& frame) {
  if (frame.payload.size() != 8) return fail(NGHTTP2_FRAME_SIZE_ERROR, "PING: length");
  if (frame.stream != 0) return fail(NGHTTP2_PROTOCOL_ERROR, "PING of a stream");
  if (frame.has(NGHTTP2_FLAG_ACK)) {
    if (open_pings_ == 0) return;
    --open_pings_;
    ++pongs_;
  } else if (count_acknowledgement()) {
    append_ping(output_, frame.payload, NGHTTP2_FLAG_ACK);
  }
}

/// Each costs the server less than it costs us; false: too many, and the session is dead.
bool FrameClientSession::count_acknowledgement() {
  if (++unsent_acknowledgements_ <= most_acknowledgements) return true;
  fail(NGHTTP2_ENHANCE_YOUR_CALM, "a flood of PING or SETTINGS");
  return false;
}

void FrameClientSession::on_goaway(const Frame& frame) {
  if (frame.payload.size() < 8) return fail(NGHTTP2_FRAME_SIZE_ERROR, "GOAWAY: length");
  if (frame.stream != 0) return fail(NGHTTP2_PROTOCOL_ERROR, "GOAWAY of a stream");
  const std::uint32_t last = frame.number31();
  if ((last != 0 && last % 2 == 0) || last > last_stream_) {
    return fail(NGHTTP2_PROTOCOL_ERROR, "GOAWAY: a last stream that can't be");
  }
  last_stream_ = last;
  goaway_words_ = "GOAWAY " + describe(frame.number(4), frame.payload.substr(8));
  writer_.withdraw();
  for (ClientStream* stream : streams_.all()) {
    const bool above = stream->id > last;
    if (above && stream->answer == ClientStream::Answer::begun) {
      finish(*stream, How::unknown, goaway_words_ + " in the middle of the answer");
    } else if (above || !writer_.has_begun(stream->id)) {
      finish(*stream, How::unsent, goaway_words_);
    }
  }
}

}  // namespace fanfare::http2
