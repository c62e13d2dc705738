// PoolConnection: a socket with a client's session on it, and the pool's requests that are under
// way there. Reports that something happened; the pool then looks, in its own turn, so that no
// handler of a user runs inside a socket's call.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http2/client_session.h"
#include "http2/pool.h"
#include "http2/pool_policy.h"
#include "http2/stream_socket.h"

namespace fanfare::http2 {

using CallList = boost::intrusive::list<Call>;

class PoolConnection final : private StreamSocket::Owner {
 public:
  /// Connects at once; which of the host's addresses is tried first goes by `address_turn`.
  /// `on_event` is called when it is worth looking again.
  PoolConnection(boost::asio::io_context& io, std::uint64_t serial, std::uint64_t attempt_order,
                 const Origin& origin, const std::shared_ptr<TlsContext>& tls,
                 const PoolOptions& options, std::uint64_t address_turn,
                 std::function<void()> on_event);
  ~PoolConnection();
  PoolConnection(const PoolConnection&) = delete;
  PoolConnection& operator=(const PoolConnection&) = delete;

  [[nodiscard]] ConnectionView view(SteadyTime now) const noexcept;
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }
  /// Requests that came before this number waited when the attempt to connect began.
  [[nodiscard]] std::uint64_t attempt_order() const noexcept { return attempt_order_; }

  /// Precondition: view().free_streams > 0.
  void submit(Call& call, SteadyTime now);
  void cancel(const Call& call, std::string reason);
  /// Moves the ends to the empty `out`; call_of tells whose they are.
  void take_ended(EndedList& out, SteadyTime now);
  [[nodiscard]] static Call& call_of(const Ended& ended) noexcept;
  void flush() { socket_->flush(); }
  void shut_down();
  /// Ends every request; nothing more is written.
  void lose(Error reason);

  /// True once, in the look after the server's SETTINGS came.
  [[nodiscard]] bool take_settled() noexcept;
  /// Connect timeout, unsent requests of a quiet connection given back, PING on doubt, end of an
  /// idle or drained connection.
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
  void give_back_unsent(SteadyTime now);
  [[nodiscard]] Liveness liveness() const noexcept;

  const PoolOptions& options_;
  std::uint64_t serial_;
  std::uint64_t attempt_order_;
  std::string name_;  ///< "host:port", for errors.
  std::function<void()> on_event_;
  SteadyTime connect_deadline_;
  std::unique_ptr<ClientSession> session_;
  std::shared_ptr<StreamSocket> socket_;
  SteadyTime since_{};
  std::optional<SteadyTime> pinged_at_;
  int pings_ = 0;  ///< Since an answer came.
  std::optional<Error> gone_;
  bool settled_ = false;
  bool settled_taken_ = false;
  bool gave_back_ = false;  ///< In the present silence.
};

}  // namespace fanfare::http2
