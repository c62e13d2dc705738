// PoolConnection: a socket with a client's session on it, and the pool's requests that are under
// way there. Reports that something happened; the pool then looks, in its own turn, so that no
// handler of a user runs inside a socket's call.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http2/client_session.h"
#include "http2/pool.h"
#include "http2/pool_policy.h"
#include "http2/stream_socket.h"

namespace fanfare::http2 {

class PoolConnection;

/// A request on its way through the pool.
struct PoolRequest {
  Request request;
  Pool::Handler handler;
  std::uint64_t order = 0;       ///< Of its arrival.
  SteadyTime deadline{};         ///< Of its wait, then of its answer.
  std::uint64_t avoid = 0;       ///< Serial of the connection where it was found unsent.
  int resends = 0;               ///< Times it was found unsent and kept.
  bool expired = false;          ///< Given up; it is not sent again.
  PoolConnection* on = nullptr;  ///< Where it is under way.
  RequestId id = 0;              ///< Its name there.
};
using RequestList = std::list<PoolRequest>;

class PoolConnection final : private StreamSocket::Owner {
 public:
  struct EndedRequest {
    RequestList::iterator request;
    Ended ended;
  };

  /// Connects at once. `on_event` is called when it is worth looking again.
  PoolConnection(boost::asio::io_context& io, std::uint64_t serial, std::uint64_t attempt_order,
                 const Origin& origin, const std::shared_ptr<TlsContext>& tls,
                 const PoolOptions& options, std::function<void()> on_event);
  ~PoolConnection();
  PoolConnection(const PoolConnection&) = delete;
  PoolConnection& operator=(const PoolConnection&) = delete;

  [[nodiscard]] ConnectionView view() const noexcept;
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }
  /// Requests that came before this number waited when the attempt to connect began.
  [[nodiscard]] std::uint64_t attempt_order() const noexcept { return attempt_order_; }

  /// Precondition: view().free_streams > 0.
  void submit(RequestList::iterator request, SteadyTime now);
  void cancel(const PoolRequest& request, std::string reason);
  void take_ended(std::vector<EndedRequest>& out, SteadyTime now);
  void flush() { socket_->flush(); }
  void shut_down();
  /// Ends every request; nothing more is written.
  void lose(Error reason);

  /// True once, in the look after the server's SETTINGS came.
  [[nodiscard]] bool take_settled() noexcept;
  /// Connect timeout, PING on doubt, end of an idle or drained connection.
  void keep_up(SteadyTime now);
  /// When keep_up has something to do by itself.
  [[nodiscard]] SteadyTime due() const noexcept;

  /// Set when the connection is over; its last requests are in take_ended.
  [[nodiscard]] const std::optional<Error>& gone() const noexcept { return gone_; }
  /// It was over before it could be used.
  [[nodiscard]] bool never_opened() const noexcept { return !settled_; }

 private:
  void on_open() override {}
  void on_bytes(std::span<const std::uint8_t> bytes) override;
  void take_output(std::string& out) override { session_->take_output(out); }
  void on_closed(Error reason) override;
  void note_session();
  [[nodiscard]] Liveness liveness() const noexcept;

  const PoolOptions& options_;
  std::uint64_t serial_;
  std::uint64_t attempt_order_;
  std::string name_;  ///< "host:port", for errors.
  std::function<void()> on_event_;
  SteadyTime connect_deadline_;
  std::unique_ptr<ClientSession> session_;
  std::shared_ptr<StreamSocket> socket_;
  std::vector<RequestList::iterator> slots_;  ///< By the low half of a RequestId.
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t submitted_ = 0;
  EndedList ended_;
  SteadyTime since_{};
  std::optional<SteadyTime> pinged_at_;
  std::optional<Error> gone_;
  bool settled_ = false;
  bool settled_taken_ = false;
};

}  // namespace fanfare::http2
