// StreamSocket: one TCP connection, with TLS on it or not. The only place that opens a client's
// socket. It moves bytes for an owner that holds a session, and decides nothing.
//
// Output is pulled, not pushed: whoever has something to say calls flush_soon(), and at the end
// of the loop's turn the owner is asked once for all of it. A hundred answers are then one TLS
// record and one system call.
//
// Lives on one thread, that of its io_context. Calls the owner until the owner closes it or is
// told that it has closed, and never again after that; either may happen inside a call.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "fanfare/result.h"

#include "http2/tls.h"

namespace fanfare::http2 {

/// The addresses of a host in the order of trying them, so that connections with successive `turn`s
/// spread over them. The family (IPv6 or IPv4) of the first, which the system prefers, stays first.
[[nodiscard]] std::vector<boost::asio::ip::tcp::endpoint> in_turn(
    const std::vector<boost::asio::ip::tcp::endpoint>& addresses, std::uint64_t turn);

class StreamSocket : public std::enable_shared_from_this<StreamSocket> {
 public:
  /// Not yet written bytes above which neither the owner is asked for more nor the peer heard.
  static constexpr std::size_t output_bound_bytes = 1U << 20;

  class Owner {
   public:
    /// Connected, and the TLS handshake, if any, is done.
    virtual void on_open() = 0;
    virtual void on_bytes(std::span<const std::uint8_t> bytes) = 0;
    /// Appends what must be written.
    virtual void take_output(std::string& out) = 0;
    /// The connection is gone, or could never be had. The last call.
    virtual void on_closed(Error reason) = 0;

   protected:
    ~Owner() = default;
  };

  /// A client's: resolves, tries every address, each for at most `address_timeout` and in the order
  /// of `in_turn`, then shakes hands when `tls` is given.
  static std::shared_ptr<StreamSocket> connect(boost::asio::io_context& io, Owner& owner,
                                               const std::string& host, std::uint16_t port,
                                               std::unique_ptr<TlsEngine> tls,
                                               std::chrono::milliseconds address_timeout,
                                               std::uint64_t address_turn = 0);

  /// A server's: takes an accepted socket and starts to read.
  static std::shared_ptr<StreamSocket> adopt(boost::asio::ip::tcp::socket socket, Owner& owner);

  /// From here on TLS is spoken, with `first` as the first bytes from the wire. What the owner has
  /// to say at that moment still goes out in plaintext.
  void start_tls(std::unique_ptr<TlsEngine> tls, const std::string& first);

  /// Writes what there is, at the end of this turn of the loop.
  void flush_soon();
  /// Writes what there is, now. The owner may be told that the connection is gone.
  void flush();

  /// False: no more on_bytes until it is set again, so that the peer must wait.
  void set_reading(bool on);

  /// Asks the owner a last time, writes everything, says so to the peer (TLS: close_notify, unless
  /// `without_a_word`) and waits for it to close, which on_closed tells. What arrives meanwhile is
  /// dropped: closing with unread bytes would reset the connection under the peer's feet.
  void finish(bool without_a_word = false);

  /// Closes now and calls the owner no more.
  void close();

  [[nodiscard]] boost::asio::any_io_executor executor() { return socket_.get_executor(); }
  [[nodiscard]] const TlsEngine* tls() const noexcept { return tls_.get(); }
  /// Of what the peer has not taken yet.
  [[nodiscard]] std::size_t output_bytes() const noexcept { return queued_.size() - written_; }
  [[nodiscard]] bool has_output() const noexcept { return output_bytes() > 0; }

 private:
  using Tcp = boost::asio::ip::tcp;
  using ErrorCode = boost::system::error_code;

  StreamSocket(Tcp::socket socket, Owner& owner, std::string peer);
  void resolve(const std::string& host, std::uint16_t port);
  void try_next_address();
  void on_connected(const ErrorCode& error);
  void start();
  void read();
  void on_read(const ErrorCode& error, std::size_t count);
  void deliver(std::span<const std::uint8_t> wire);
  void deliver_tls(std::span<const std::uint8_t> wire);
  void pull();
  void write();
  void lose(Error reason);
  void lose(std::string_view what, const ErrorCode& error);

  Tcp::socket socket_;
  Tcp::resolver resolver_;
  boost::asio::steady_timer address_timer_;
  Owner* owner_;      ///< Null: closed.
  std::string peer_;  ///< "host:port", for errors.
  std::unique_ptr<TlsEngine> tls_;
  std::vector<Tcp::endpoint> addresses_;  ///< Yet to be tried, last first.
  std::chrono::milliseconds address_timeout_{};
  std::uint64_t address_turn_ = 0;
  ErrorCode connect_failure_;

  std::unique_ptr<std::uint8_t[]> input_;
  std::string queued_;  ///< For the wire; from `written_` on not yet written.
  std::size_t written_ = 0;

  bool client_ = false;
  bool connected_ = false;
  bool opened_ = false;  ///< on_open was called.
  bool reading_wanted_ = true;
  bool reading_ = false;
  bool writing_ = false;  ///< Waits until the socket takes more.
  bool flush_posted_ = false;
  bool finishing_ = false;
};

}  // namespace fanfare::http2
