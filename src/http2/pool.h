// Pool: all connections of one lane to one origin. Decides which connection takes the next
// request and when another is opened; sends again what was certainly never processed.
//
// Lives on one thread, that of its io_context; so do all handlers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "http2/client_session.h"
#include "http2/tls.h"

namespace boost::asio {
class io_context;
}

namespace fanfare::http2 {

/// Where to connect: scheme, host, port.
struct Origin {
  bool tls = true;
  std::string host;
  std::uint16_t port = 443;
  [[nodiscard]] std::string authority() const;  ///< "host", or "host:port" off the default port.
};

/// Reads "https://host[:port]" or "http://host[:port]", IPv6 in brackets; a path, query, user or
/// fragment is refused. Error::Kind::usage.
[[nodiscard]] Result<Origin> parse_origin(std::string_view url);

struct PoolOptions {
  std::size_t max_connections = 4;
  Http2Engine engine = Http2Engine::nghttp2;          ///< Of each connection.
  ClientLimits limits;                                ///< Of each connection.
  std::chrono::milliseconds connect_timeout{10'000};  ///< Resolve, connect, handshake, SETTINGS.
  std::chrono::milliseconds request_timeout{30'000};  ///< From its first byte; FCM asks for at
                                                      ///< least 10 s.
  std::chrono::milliseconds doubt_after{10'000};      ///< Silence with open streams: PING.
  std::chrono::milliseconds ping_timeout{5'000};      ///< No PONG within: the connection is lost.
  std::chrono::milliseconds idle_timeout{120'000};    ///< Without a request: closed by us.
  int unsent_retries = 3;  ///< A request found unsent is sent again this many times, then ends so.
};

class Pool {
 public:
  using Handler = std::function<void(Ended)>;

  /// `tls` is needed when origin.tls; the io_context outlives the pool.
  Pool(boost::asio::io_context& io, Origin origin, std::shared_ptr<TlsContext> tls,
       PoolOptions options);
  ~Pool();  ///< Every pending request ends (unsent or unknown) before this returns.

  /// Sends a request as soon as a stream is free; `on_ended` is called exactly once, never from
  /// within send. When no connection can be had, requests end as unsent with the reason.
  void send(Request request, Handler on_ended);

  /// Requests whose bytes may be on the wire, and requests waiting for a stream.
  [[nodiscard]] std::size_t in_flight() const noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept;
  [[nodiscard]] std::size_t connections() const noexcept;

  /// Why the latest connection attempt failed; nullopt after one succeeded. Tells a wrong host or
  /// an expired certificate from a passing fault.
  [[nodiscard]] const std::optional<Error>& connect_error() const noexcept;

  /// Sends GOAWAY on each connection, lets open requests finish, then calls `on_done`.
  void shut_down(std::function<void()> on_done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace fanfare::http2
