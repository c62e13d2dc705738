// Pool: all connections of one lane to one origin. Decides which connection takes the next
// request and when another is opened; sends again what was certainly never processed.
//
// **How many connections.** As many as are needed: requests under way are latency x rate, and when
// they fill the streams of those there are, one more is opened, up to the maximum, one at a time
// and with a pause between, so that a burst does not open a dozen. What a minute's peak did not
// need is given up again, the youngest first. Each begins with another address of the host.
//
// **A bad connection.** A slow one has few free streams and gets few requests. A silent one gets no
// more while others have room, and gives back what it has not written in full; then it is asked by
// a PING, and lost if it does not answer. Only then do its requests end as unknown: the server may
// be working on them.
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

#include <boost/intrusive/list.hpp>

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
  Http2Engine engine = Http2Engine::frames;           ///< Of each connection.
  ClientLimits limits;                                ///< Of each connection.
  std::chrono::milliseconds connect_timeout{10'000};  ///< Resolve, connect, handshake, SETTINGS.
  std::chrono::milliseconds request_timeout{30'000};  ///< From its first byte; FCM asks for at
                                                      ///< least 10 s.
  std::chrono::milliseconds open_pause{100};  ///< Between two openings, the first ones aside.
  /// Silence with open streams: new requests go elsewhere, and those that are not written in full.
  std::chrono::milliseconds quiet_after{2'000};
  std::chrono::milliseconds doubt_after{6'000};     ///< The same, longer: PING.
  std::chrono::milliseconds ping_timeout{5'000};    ///< No PONG within: the connection is lost.
  std::chrono::milliseconds idle_timeout{120'000};  ///< Without a request: closed by us.
  int unsent_retries = 3;  ///< A request found unsent is sent again this many times, then ends so.
};

class PoolConnection;

/// A request on its way through a pool, and who is told of its end. It belongs to the sender, which
/// keeps it where it is, with the bytes that `body` looks at, until on_ended.
class Call : public boost::intrusive::list_base_hook<> {
 public:
  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;

  /// Called exactly once for each Pool::send, never from within it. It may take what it wants of
  /// `ended`, send this call again, destroy it, shut down or destroy the pool.
  virtual void on_ended(Ended& ended) = 0;

  /// A moment before on_ended: the time to prefetch what it will look at.
  virtual void ends_soon() const noexcept {}

 private:
  friend class Pool;
  friend class PoolConnection;
  std::uint64_t order_ = 0;                           ///< Of its arrival.
  std::chrono::steady_clock::time_point deadline_{};  ///< Of its wait, then of its answer.
  std::uint64_t avoid_ = 0;       ///< Serial of the connection where it was found unsent.
  PoolConnection* on_ = nullptr;  ///< Where it is under way.
  int resends_ = 0;               ///< Times it was found unsent and kept.
  bool expired_ = false;          ///< Given up; it is not sent again.

 public:  // Behind what its end looks at, which then lies together.
  SharedHead head;
  BodyPieces body;
};

class Pool {
 public:
  using Handler = std::function<void(Ended)>;

  /// `tls` is needed when origin.tls; the io_context outlives the pool.
  Pool(boost::asio::io_context& io, Origin origin, std::shared_ptr<TlsContext> tls,
       PoolOptions options);
  ~Pool();  ///< Every pending request ends (unsent or unknown) before this returns.

  /// Sends a request as soon as a stream is free. When no connection can be had, requests end as
  /// unsent with the reason.
  void send(Call& call);
  /// The same for a request that is alone of its kind.
  void send(Request request, Handler on_ended);

  /// Requests whose bytes may be on the wire, and requests waiting for a stream.
  [[nodiscard]] std::size_t in_flight() const noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept;
  [[nodiscard]] std::size_t connections() const noexcept;

  /// When the present turn of the pool began, or the latest: within Call::on_ended, when its end
  /// was seen.
  [[nodiscard]] std::chrono::steady_clock::time_point turn_began() const noexcept;

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
