#include "gateway/webhook_post.h"

#include <optional>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "client/token_fetcher.h"
#include "fcm/retry_after.h"

namespace fanfare::gateway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::size_t longest_head = 64U << 10;

}  // namespace

struct WebhookTrust::Impl {
  asio::ssl::context context{asio::ssl::context::tls_client};
};

WebhookTrust::WebhookTrust(const std::string& ca_file) : impl_(std::make_unique<Impl>()) {
  error_code ignored;
  impl_->context.set_default_verify_paths(ignored);
  if (!ca_file.empty()) impl_->context.load_verify_file(ca_file, ignored);
  impl_->context.set_verify_mode(asio::ssl::verify_peer, ignored);
}
WebhookTrust::~WebhookTrust() = default;

namespace {

// One exchange from name to the head of the answer: its status is all that counts, so a body is not
// waited for, however long it is. It keeps itself alive by the handlers that wait.
class Post : public std::enable_shared_from_this<Post> {
 public:
  Post(asio::io_context& io, WebhookTrust& trust, std::chrono::milliseconds timeout,
       std::move_only_function<void(WebhookAnswer)> done)
      : resolver_(io),
        stream_(io, trust.impl().context),
        timer_(io, timeout),
        done_(std::move(done)) {}

  void start(const client::Url& url, const http2::Headers& headers, std::string body) {
    tls_ = url.origin.tls;
    host_ = url.origin.host;
    request_.method(http::verb::post);
    request_.target(url.path);
    request_.set(http::field::host, url.origin.authority());
    for (const http2::Header& header : headers) request_.set(header.name, header.value);
    request_.body() = std::move(body);
    request_.prepare_payload();
    const std::string port = std::to_string(url.origin.port);
    timer_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->give_up();
    });
    resolver_.async_resolve(
        host_, port, [self = shared_from_this()](const error_code& error, const auto& found) {
          if (error) return self->fail("resolve", error);
          self->connect(found);
        });
  }

 private:
  void connect(const asio::ip::tcp::resolver::results_type& found) {
    beast::get_lowest_layer(stream_).async_connect(
        found, [self = shared_from_this()](const error_code& error, const auto&) {
          if (error) return self->fail("connect", error);
          self->tls_ ? self->shake_hands() : self->write(beast::get_lowest_layer(self->stream_));
        });
  }

  void shake_hands() {
    SSL_set_tlsext_host_name(stream_.native_handle(), host_.c_str());
    stream_.set_verify_callback(asio::ssl::host_name_verification(host_));
    stream_.async_handshake(asio::ssl::stream_base::client,
                            [self = shared_from_this()](const error_code& error) {
                              if (error) return self->fail("TLS", error);
                              self->write(self->stream_);
                            });
  }

  template <class Stream>
  void write(Stream& stream) {
    http::async_write(stream, request_,
                      [self = shared_from_this(), &stream](const error_code& error, std::size_t) {
                        if (error) return self->fail("send", error);
                        self->read(stream);
                      });
  }

  template <class Stream>
  void read(Stream& stream) {
    parser_.emplace();
    http::async_read_header(
        stream, buffer_, *parser_,
        [self = shared_from_this(), &stream](const error_code& error, std::size_t) {
          if (error) return self->fail("read", error);
          // An interim answer is followed by the real one (RFC 9110, 15.2).
          if (self->parser_->get().result_int() < 200) return self->read(stream);
          self->finish();
        });
  }

  void finish() {
    const auto& response = parser_->get();
    const auto asked = response[http::field::retry_after];
    end({.status = static_cast<int>(response.result_int()),
         .error = {},
         .retry_after = fcm::parse_retry_after({asked.data(), asked.size()},
                                               std::chrono::system_clock::now())});
  }

  void fail(const char* what, const error_code& error) {
    end({.status = 0, .error = std::string(what) + ": " + error.message(), .retry_after = {}});
  }

  // Looking up the name included, which nothing else would end.
  void give_up() { end({.status = 0, .error = "there was no answer in time", .retry_after = {}}); }

  void end(WebhookAnswer answer) {
    if (!done_) return;
    timer_.cancel();
    resolver_.cancel();
    beast::get_lowest_layer(stream_).close();
    std::exchange(done_, nullptr)(std::move(answer));
  }

  asio::ip::tcp::resolver resolver_;
  beast::ssl_stream<beast::tcp_stream> stream_;
  asio::steady_timer timer_;
  std::move_only_function<void(WebhookAnswer)> done_;
  bool tls_ = false;
  std::string host_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_{longest_head};
  std::optional<http::response_parser<http::empty_body>> parser_;
};

}  // namespace

void post_webhook(asio::io_context& io, WebhookTrust& trust, const std::string& url,
                  const http2::Headers& headers, std::string body,
                  std::chrono::milliseconds timeout,
                  std::move_only_function<void(WebhookAnswer)> done) {
  const auto parsed = client::parse_url(url);
  if (!parsed) return done({.status = 0, .error = "the URL can't be read", .retry_after = {}});
  std::make_shared<Post>(io, trust, timeout, std::move(done))
      ->start(*parsed, headers, std::move(body));
}

}  // namespace fanfare::gateway
