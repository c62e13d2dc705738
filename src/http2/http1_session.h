// Http1Session: the server's end of one HTTP/1.0 or 1.1 connection as a value, shaped like
// ServerSession: bytes in, requests and bytes out; no socket, no clock. The only user of
// Boost.Beast, whose parser reads the requests.
//
// One request at a time: the bytes of the next (pipelined) one wait until this one is answered, so
// answers are in order by nature. What follows a CONNECT is never read as a body or a request: it
// belongs to the tunnel, and without one the connection closes. An Upgrade (curl sends one for h2c)
// is ignored, as RFC 9110, 7.8 allows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http2/server_session.h"

namespace fanfare::http2 {

class Http1Session {
 public:
  /// `scheme` is "https" or "http": what a request does not say itself.
  Http1Session(const ServerLimits& limits, std::string_view scheme);
  ~Http1Session();
  Http1Session(const Http1Session&) = delete;
  Http1Session& operator=(const Http1Session&) = delete;

  /// Feeds bytes that arrived. A request that can't be read is answered at once with 400, 413,
  /// 431 or 501, and the session is dead after that.
  void receive(std::span<const std::uint8_t> bytes);

  /// Moves the request that arrived whole, if any, to the end of `out`. The stream is its number.
  void take_requests(std::vector<Incoming>& out);

  /// Answers a request. No effect unless it is the open one.
  void respond(StreamId stream, const Response& response);

  /// Writes the headers of the whole and the first half of its body, and nothing ever after.
  void respond_half(StreamId stream, const Response& response);

  /// Answers the open request, a CONNECT, with success; the session is dead, and its owner has the
  /// wire. Returns what followed the request: the first bytes from the tunnel.
  [[nodiscard]] std::string open_tunnel(StreamId stream);

  /// A request is there to be taken.
  [[nodiscard]] bool has_request() const noexcept;

  /// Appends what must be written.
  void take_output(std::string& out);
  [[nodiscard]] std::size_t output_bytes() const noexcept;
  /// Of a request that has not arrived whole or not been taken, and of output.
  [[nodiscard]] std::size_t held_bytes() const noexcept;

  /// Takes no further request; dead once the open one is answered.
  void shut_down();

  /// False: enough unread bytes are held; feed no more until a request is answered.
  [[nodiscard]] bool wants_bytes() const noexcept;
  /// Part of a request has arrived.
  [[nodiscard]] bool mid_request() const noexcept;
  /// The request waits for its answer.
  [[nodiscard]] bool is_open(StreamId stream) const noexcept;
  /// 1 between a request's arrival and its answer, else 0.
  [[nodiscard]] std::size_t open_streams() const noexcept;
  /// Nothing more will come of this session; write the output and close.
  [[nodiscard]] bool dead() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::http2
