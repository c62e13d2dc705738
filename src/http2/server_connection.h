// ServerConnection: one accepted connection, from its first byte to its end. Tells TLS, HTTP/2 and
// HTTP/1.1 apart, hands requests to the server's handler and carries their answers back.
//
//   sniffing --0x16--> TLS handshake --ALPN--> HTTP/2 or HTTP/1.1 --> finishing --> gone
//       \----"PRI * HTTP/2.0", else ----------^                   (written, peer closes)
//
// A CONNECT over plaintext HTTP/1.1 leads back to sniffing.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http2/http1_session.h"
#include "http2/server.h"
#include "http2/stream_socket.h"

namespace fanfare::http2 {

/// What a connection's first bytes announce.
enum class Protocol : std::uint8_t { undecided, tls, http2, http1 };
[[nodiscard]] Protocol sniff(std::string_view first_bytes);

class ServerConnection final : private StreamSocket::Owner,
                               public std::enable_shared_from_this<ServerConnection> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// What all connections of a server share. It outlives the server when a handler destroys that.
  struct Shared {
    ServerOptions options;
    Server::Handler handler;
    std::size_t held_bytes = 0;               ///< Of all connections, as each has noted it last.
    std::function<void()> on_much_held = {};  ///< It is more than options.max_held_bytes.
  };

  /// `on_gone` is called once, unless close() is called before.
  ServerConnection(std::shared_ptr<Shared> shared, std::function<void()> on_gone);
  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;
  /// Apart from the constructor, because answers need a shared pointer to this.
  void start(boost::asio::ip::tcp::socket socket);

  /// GOAWAY; closes once the open requests are answered.
  void shut_down();
  /// Closes at once; on_gone is not called.
  void close();
  /// Says GOAWAY, if that can be written, and closes at once.
  void give_way();
  /// Says GOAWAY with ENHANCE_YOUR_CALM, if that can be written, and closes at once.
  void give_up();
  /// A whole request has arrived, inside the tunnel if there is one.
  [[nodiscard]] bool served() const noexcept { return served_; }
  /// Nobody here works for the client: no whole request of it waits for its answer.
  [[nodiscard]] bool idle() const noexcept { return finishing_ || open_streams() == 0; }
  [[nodiscard]] Time last_activity() const noexcept { return last_activity_; }
  /// Kept for the client: of requests that have not arrived whole, of answers that it has not
  /// taken.
  [[nodiscard]] std::size_t held_bytes() const noexcept;
  /// Adds what has changed to Shared::held_bytes.
  void note_held() noexcept;
  /// Gives the connection up when the client has been too slow.
  void check_time(Time now);

  // The way back for a request.
  void respond(StreamId stream, Response response);
  void reset(StreamId stream, ErrorCode code);
  void go_away(StreamId stream, ErrorCode code, std::string_view debug);
  void cut();
  void fail(StreamId stream, Mishap mishap, Response response);
  void limit_streams(std::uint32_t streams);
  [[nodiscard]] bool alive(StreamId stream) const noexcept;

 private:
  void on_open() override {}
  void on_bytes(std::span<const std::uint8_t> bytes) override;
  void take_output(std::string& out) override;
  void on_closed(Error reason) override;

  void choose_protocol(std::span<const std::uint8_t> bytes);
  void feed(std::span<const std::uint8_t> bytes);
  void serve();
  void look_at_held();
  [[nodiscard]] bool connect(StreamId stream, const Request& request);
  void start_over(const std::string& first_bytes);
  void respond_half(StreamId stream, Response response);
  void go_away_after(StreamId stream, Response response);
  void go_away_notice(StreamId stream, Response response);
  void terminate(StreamId last_stream, ErrorCode code, std::string_view debug);
  void stop_reading();
  void resume_reading(Time now);
  void half_close();
  void finish(bool without_a_word);
  void end();
  void serve_soon();
  [[nodiscard]] bool over() const noexcept;
  [[nodiscard]] std::size_t open_streams() const noexcept;
  [[nodiscard]] Time deadline() const noexcept;

  std::shared_ptr<Shared> shared_;
  std::function<void()> on_gone_;
  std::shared_ptr<StreamSocket> socket_;  ///< Null: gone.
  std::string first_bytes_;
  std::string said_before_;  ///< Before a tunnel was opened, and not yet written.
  std::unique_ptr<ServerSession> http2_;
  std::unique_ptr<Http1Session> http1_;
  std::vector<Incoming> incoming_;
  Time accepted_{};       ///< Or started over.
  Time request_began_{};  ///< Of a partial HTTP/1.1 request.
  Time last_activity_{};
  std::optional<Time> deaf_until_;  ///< Mishap::stop_reading.
  std::string unheard_;             ///< What a read that was under way brought meanwhile.
  std::chrono::milliseconds linger_;
  std::size_t noted_bytes_ = 0;  ///< This one's part of Shared::held_bytes.
  bool served_ = false;
  bool serving_ = false;  ///< Within serve(), which looks again by itself.
  bool serve_posted_ = false;
  bool shutting_down_ = false;
  bool finishing_ = false;
};

}  // namespace fanfare::http2
