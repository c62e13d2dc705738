// Mishap: what can go wrong with one request on the server's side, on purpose. The emulator is made
// of these; each is something that clients of FCM have seen, or that a network does to them.
//
// "Answered" below means with the response that is given with the mishap; the others ignore it.
#pragma once

#include <cstdint>

namespace fanfare::http2 {

enum class Mishap : std::uint8_t {
  cut,             ///< What was answered before is written, then FIN without a word.
  cut_mid_body,    ///< Headers with the whole content-length and half of the body, then as cut.
  stall_mid_body,  ///< The same, but nothing follows. Other streams go on; HTTP/1.1 has no others.
  silence,         ///< Never answered. The connection lives.
  reset,           ///< RST_STREAM INTERNAL_ERROR. HTTP/1.1: as cut.
  refuse,          ///< RST_STREAM REFUSED_STREAM: not processed. HTTP/1.1: as cut.
  /// GOAWAY NO_ERROR that names the request before this one as the last: this one was not
  /// processed. The connection ends once those before are answered. HTTP/1.1: as cut.
  go_away_before,
  /// Answered, then GOAWAY NO_ERROR that names this request as the last. The connection ends once
  /// those before are answered too. HTTP/1.1: answered with "connection: close".
  go_away_after,
  /// The graceful end (RFC 9113, 6.8): GOAWAY naming 2^31-1, this request is answered, and a round
  /// trip later GOAWAY names the last one that was taken. HTTP/1.1: as go_away_after.
  go_away_notice,
  /// GOAWAY PROTOCOL_ERROR "exceeded_max_concurrent_streams" that names this request or a later
  /// one: whatever is open dies unanswered and the connection ends. HTTP/1.1: as cut.
  go_away_max_streams,
  go_away_pings,    ///< The same with ENHANCE_YOUR_CALM "too_many_pings". HTTP/1.1: as cut.
  go_away_timeout,  ///< The same with NO_ERROR "session_timed_out", naming the request before this.
  half_close,  ///< An orderly FIN without an answer (TLS: close_notify); we read until it closes.
  /// Answered, and then nothing is read from the connection for ServerOptions::reading_pause, so
  /// that what the client sends fills its window and both ends' buffers.
  stop_reading,
};

}  // namespace fanfare::http2
