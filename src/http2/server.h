// Server: one listening port that speaks TLS and plaintext, HTTP/2 and HTTP/1.1, told apart by
// the first bytes. Requests arrive whole; answers may come later, from the same thread.
//
// Lives on one thread, that of its io_context.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "http2/mishap.h"
#include "http2/server_session.h"
#include "http2/tls.h"

namespace boost::asio {
class io_context;
}

namespace fanfare::http2 {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;           ///< 0: the system chooses; see Server::port().
  std::shared_ptr<TlsContext> tls;  ///< Null: plaintext only.
  /// Plaintext is answered 400 over HTTP/1.1, and closed over HTTP/2.
  bool tls_only = false;
  ServerLimits limits;
  /// One more takes the place of the oldest that has yet to send a whole request, else of the one
  /// from which nothing has come for longest and whose requests are all answered; when there is
  /// none it is closed at once.
  std::size_t max_connections = 1'000;
  /// Of requests that have not arrived whole and of answers that their clients have not fetched,
  /// over all connections. Beyond it the connection with the most of it is closed: whoever holds
  /// little is served however much others hold.
  std::size_t max_held_bytes = 256U << 20;
  /// From the connection to its first whole request, TLS handshake included; over HTTP/1.1 also
  /// from the first byte of any request to its last.
  std::chrono::milliseconds first_request_timeout{10'000};
  /// Without a byte from the client, no request of it being under way; also for a client that does
  /// not fetch its answers.
  std::chrono::milliseconds idle_timeout{300'000};
  /// How long Mishap::stop_reading lasts, at the least; up to half a second more.
  std::chrono::milliseconds reading_pause{30'000};
  /// Makes the server a proxy to itself. Over plaintext HTTP/1.1, CONNECT to a host for which this
  /// is true (its name in lower case, without the port) is answered 200, and the connection starts
  /// over as if new: TLS, HTTP/2 or HTTP/1.1. Other hosts are answered 403. Empty: CONNECT is a
  /// request like others, after whose answer the connection closes.
  std::function<bool(std::string_view host)> tunnels_to;
};

/// The way back for one request. Of the calls that end it exactly one has an effect, the first;
/// dropping it unanswered leaves the client waiting. It may outlive its connection: then calls do
/// nothing.
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void respond(Response response) = 0;
  /// RST_STREAM over HTTP/2; over HTTP/1.1 the connection is closed.
  virtual void reset(ErrorCode code) = 0;
  /// GOAWAY whose last-stream-id is just below this request, which was never processed; the
  /// answers before it are still written. Over HTTP/1.1 as reset.
  virtual void go_away(ErrorCode code, std::string debug) = 0;
  /// Writes what was answered before and closes the connection without a word.
  virtual void cut() = 0;
  /// Ends the request in this way; those that answer it do so with `response`.
  virtual void fail(Mishap mishap, Response response) = 0;
  /// Changes SETTINGS_MAX_CONCURRENT_STREAMS of the connection in flight; ends nothing, and has no
  /// effect after a call that did. Over HTTP/1.1 there is no such limit.
  virtual void limit_streams(std::uint32_t streams) = 0;
  /// Whether an answer could still reach the client: it has not been given, the connection is
  /// neither gone nor cut, and the stream neither reset nor above a GOAWAY. A handler that waits
  /// asks this before it acts on the request.
  [[nodiscard]] virtual bool alive() const noexcept = 0;
};

class Server {
 public:
  using Handler = std::function<void(Request, std::shared_ptr<Reply>)>;

  /// Listens at once. Error::Kind::network when the address can't be had.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(boost::asio::io_context& io,
                                                            ServerOptions options, Handler handler);
  virtual ~Server() = default;
  [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
  [[nodiscard]] virtual std::size_t connections() const noexcept = 0;
  /// For connections from now on; open ones keep theirs.
  virtual void set_tls(std::shared_ptr<TlsContext> tls) = 0;
  /// Stops listening and sends GOAWAY on every connection; open requests may still be answered.
  virtual void shut_down() = 0;
};

}  // namespace fanfare::http2
