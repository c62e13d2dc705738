// ServerSession: the server's end of one HTTP/2 connection as a value. Bytes in, requests and
// bytes out; no socket, no TLS, no clock. It can misbehave on request (reset, GOAWAY, silence),
// because the emulator is made of it.
//
// Not thread-safe; the owner calls it from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http2/exchange.h"

namespace fanfare::http2 {

using StreamId = std::int32_t;

/// A request that arrived whole.
struct Incoming {
  StreamId stream = 0;
  Request request;
};

/// Error codes of RFC 9113, 7, as far as a server sends them on purpose.
enum class ErrorCode : std::uint32_t {
  no_error = 0x0,
  protocol_error = 0x1,
  internal_error = 0x2,
  refused_stream = 0x7,
  cancel = 0x8,
  enhance_your_calm = 0xb,
};

struct ServerLimits {
  std::uint32_t streams = 100;           ///< SETTINGS_MAX_CONCURRENT_STREAMS, as FCM's. More are
                                         ///< REFUSED_STREAM; once the client has acknowledged
                                         ///< it, GOAWAY(PROTOCOL_ERROR), as FCM does.
  std::size_t header_bytes = 64U << 10;  ///< Of one request, 32 more for each field over HTTP/2;
                                         ///< more is answered 431.
  std::size_t body_bytes = 1U << 20;     ///< Of one request; more is answered 413.
  /// Makes the answer to a request that is beyond them, or that can't be read (400, 501), so that
  /// it looks like the owner's other refusals; null: the words as plain text.
  Response (*refusal)(int status, std::string_view words) = nullptr;
};
/// What `limits.refusal` makes of it.
[[nodiscard]] Response make_refusal(const ServerLimits& limits, int status, std::string_view words);

class ServerSession {
 public:
  explicit ServerSession(const ServerLimits& limits = {});
  ~ServerSession();
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  /// Feeds bytes that arrived. After a protocol error the session is dead; the rest of the output
  /// (a GOAWAY) should still be written.
  void receive(std::span<const std::uint8_t> bytes);

  /// Appends what must be written, if anything, in order.
  void take_output(std::string& out);

  /// Moves the requests that arrived whole to the end of `out`, in order of arrival.
  void take_requests(std::vector<Incoming>& out);

  /// Answers a request. No effect when the client has reset the stream meanwhile.
  void respond(StreamId stream, Response response);

  /// Answers with the headers of the whole and the first half of its body; then the stream stalls.
  void respond_half(StreamId stream, Response response);

  /// RST_STREAM with this code in place of an answer.
  void reset(StreamId stream, ErrorCode code);

  /// GOAWAY. Requests above `last_stream` are dropped unanswered; those up to it may be answered.
  /// The highest id of all, 2^31-1, with no_error only gives notice (RFC 9113, 6.8): requests are
  /// still taken until a second call names the real one.
  void go_away(StreamId last_stream, ErrorCode code, std::string_view debug);

  /// The graceful end (RFC 9113, 6.8): gives notice and goes away with no_error a round trip later,
  /// which the acknowledgement of a PING tells.
  void drain();

  /// GOAWAY, and the session is dead: whatever is open stays unanswered, whether up to
  /// `last_stream` or not.
  void terminate(StreamId last_stream, ErrorCode code, std::string_view debug);

  /// Changes SETTINGS_MAX_CONCURRENT_STREAMS in flight.
  void set_max_streams(std::uint32_t streams);

  /// The highest stream id taken so far; 0 before the first.
  [[nodiscard]] StreamId last_stream() const noexcept;
  /// The request waits for its answer, which could still reach the client.
  [[nodiscard]] bool is_open(StreamId stream) const noexcept;
  /// Requests taken and neither answered nor reset.
  [[nodiscard]] std::size_t open_streams() const noexcept;
  /// Of requests that have not arrived whole or not been taken, and of answers not yet written.
  [[nodiscard]] std::size_t held_bytes() const noexcept;
  /// Nothing more will come of this session; write the output and close.
  [[nodiscard]] bool dead() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::http2
