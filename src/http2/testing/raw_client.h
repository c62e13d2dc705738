// A server whose handler keeps what arrives, and clients of it that speak raw bytes. All of them
// live on the loop of the ServerWorld.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "http2/server.h"
#include "http2/testing/loop.h"

namespace fanfare::http2::testing {

struct ServerWorld {
  boost::asio::io_context io;
  std::vector<std::pair<Request, std::shared_ptr<Reply>>> arrived;
  bool answers = true;
  std::unique_ptr<Server> server;

  explicit ServerWorld(ServerOptions options = {}) {
    server =
        Server::open(io, std::move(options), [this](Request request, std::shared_ptr<Reply> reply) {
          if (answers) reply->respond({200, {}, "you sent " + request.path});
          arrived.emplace_back(std::move(request), std::move(reply));
        }).value();
  }
  [[nodiscard]] bool wait_for_arrivals(std::size_t count) {
    return run_until(io, [&] { return arrived.size() >= count; });
  }
};

/// Sends what it is told and keeps all that comes back.
class RawClient {
 public:
  RawClient(boost::asio::io_context& io, std::uint16_t port) : io_(io), socket_(io) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    socket_.non_blocking(true);
    read();
  }
  void send(std::string_view text) { boost::asio::write(socket_, boost::asio::buffer(text)); }
  /// Sends for as long as somebody takes it; true when nobody takes the next 100 MB.
  bool fills_up() {
    const std::string megabyte(1'000'000, 'x');
    for (int i = 0; i < 100; ++i) {
      boost::system::error_code error;
      socket_.write_some(boost::asio::buffer(megabyte), error);
      if (error) return error == boost::asio::error::would_block;
      while (io_.poll() > 0) {
      }
    }
    return false;
  }
  bool gets(std::string_view text) {
    return run_until(io_, [&] { return received.find(text) != std::string::npos; });
  }
  bool is_closed() {
    return run_until(io_, [&] { return closed; });
  }
  void close() { socket_.close(); }

  std::string received;
  bool closed = false;

 private:
  void read() {
    socket_.async_read_some(boost::asio::buffer(buffer_),
                            [this](boost::system::error_code error, std::size_t count) {
                              if (error == boost::asio::error::operation_aborted) return;
                              received.append(buffer_.data(), count);
                              closed = static_cast<bool>(error);
                              if (!error) read();
                            });
  }
  boost::asio::io_context& io_;
  boost::asio::ip::tcp::socket socket_;
  std::array<char, 65536> buffer_{};
};

}  // namespace fanfare::http2::testing
