#include "http2/http1_exchange.h"

#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "http2/stream_socket.h"

namespace fanfare::http2 {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t max_body_bytes = 1U << 20;

std::string text_of(const Request& request, const Origin& origin) {
  auto text = fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", request.method,
                          request.path, origin.authority());
  for (const auto& header : request.headers) {
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  if (request.method != "GET") text += fmt::format("content-length: {}\r\n", request.body.size());
  return text + "\r\n" + request.body;
}

std::string lower(beast::string_view text) {
  std::string result(text.data(), text.size());
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string why(const beast::error_code& error) {
  return error == http::error::body_limit ? "the answer is larger than 1 MiB"
                                          : "the answer is not HTTP/1.1";
}

}  // namespace

struct Http1Exchange::Impl final : std::enable_shared_from_this<Impl>, StreamSocket::Owner {
  Impl(boost::asio::io_context& io, std::string text, std::function<void(Ended)> handler)
      : deadline(io), output(std::move(text)), on_ended(std::move(handler)) {
    start_parser();
  }

  void start_parser() {
    parser.emplace();
    parser->eager(true);
    parser->body_limit(max_body_bytes);
  }

  void on_open() override {
    opened = true;
    socket->flush_soon();
  }
  void take_output(std::string& out) override { out += std::exchange(output, {}); }
  void on_bytes(std::span<const std::uint8_t> bytes) override {
    unread.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    while (!unread.empty()) {
      beast::error_code error;
      const auto taken = parser->put(boost::asio::buffer(unread), error);
      unread.erase(0, taken);
      if (error && error != http::error::need_more) return end(Ended::How::unknown, why(error));
      if (parser->is_done()) {
        // RFC 9110, 15.2: what comes before the answer has a status of its own.
        if (parser->get().result_int() >= 200) return answer();
        start_parser();
      } else if (error || taken == 0) {
        return;
      }
    }
  }
  void on_closed(Error reason) override {
    // An answer without a length ends with the connection (RFC 9112, 6.3).
    beast::error_code error;
    if (parser->got_some()) parser->put_eof(error);
    if (parser->got_some() && !error && parser->is_done()) return answer();
    end(opened ? Ended::How::unknown : Ended::How::unsent, std::move(reason.what));
  }

  void answer() {
    Ended ended;
    ended.how = Ended::How::answered;
    auto message = parser->release();
    ended.response.status = static_cast<int>(message.result_int());
    for (const auto& field : message) {
      ended.response.headers.push_back(
          {lower(field.name_string()), std::string(field.value().data(), field.value().size())});
    }
    ended.response.body = std::move(message.body());
    finish(std::move(ended));
  }
  void end(Ended::How how, std::string reason) {
    Ended ended;
    ended.how = how;
    ended.reason = std::move(reason);
    finish(std::move(ended));
  }
  // Told at the end of this turn, so that the handler may destroy us without pulling the socket
  // from under its own feet.
  void finish(Ended ended) {
    if (done) return;
    done = true;
    deadline.cancel();
    socket->close();
    boost::asio::post(deadline.get_executor(),
                      [weak = weak_from_this(), ended = std::move(ended)]() mutable {
                        if (const auto self = weak.lock()) self->on_ended(std::move(ended));
                      });
  }

  boost::asio::steady_timer deadline;
  std::string output;
  std::function<void(Ended)> on_ended;
  std::shared_ptr<StreamSocket> socket;
  std::optional<http::response_parser<http::string_body>> parser;
  std::string unread;
  bool opened = false;
  bool done = false;
};

Http1Exchange::Http1Exchange(boost::asio::io_context& io, const Origin& origin,
                             const Request& request, std::chrono::milliseconds timeout,
                             std::function<void(Ended)> on_ended)
    : impl_(std::make_shared<Impl>(io, text_of(request, origin), std::move(on_ended))) {
  impl_->deadline.expires_after(timeout);
  impl_->deadline.async_wait(
      [weak = std::weak_ptr(impl_), timeout](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!self || error) return;
        self->end(self->opened ? Ended::How::unknown : Ended::How::unsent,
                  fmt::format("no answer within {} ms", timeout.count()));
      });
  impl_->socket = StreamSocket::connect(io, *impl_, origin.host, origin.port, nullptr, timeout);
}

Http1Exchange::~Http1Exchange() {
  impl_->socket->close();
}

}  // namespace fanfare::http2
