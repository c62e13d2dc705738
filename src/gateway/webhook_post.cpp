#include "gateway/webhook_post.h"

#include <charconv>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "client/token_fetcher.h"

namespace fanfare::gateway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::size_t longest_answer = 64U << 10;

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

// One exchange from name to answer. It keeps itself alive by the handlers that wait.
class Post : public std::enable_shared_from_this<Post> {
 public:
  Post(asio::io_context& io, WebhookTrust& trust, std::chrono::milliseconds timeout,
       std::move_only_function<void(WebhookAnswer)> done)
      : resolver_(io),
        stream_(io, trust.impl().context),
        timeout_(timeout),
        done_(std::move(done)) {
    parser_.body_limit(longest_answer);
  }

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
    beast::get_lowest_layer(stream_).expires_after(timeout_);
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
    http::async_read(stream, buffer_, parser_,
                     [self = shared_from_this()](const error_code& error, std::size_t) {
                       if (error) return self->fail("read", error);
                       self->finish();
                     });
  }

  void finish() {
    const auto& response = parser_.get();
    WebhookAnswer answer;
    answer.status = static_cast<int>(response.result_int());
    const auto asked = response[http::field::retry_after];
    std::uint32_t seconds = 0;
    const auto [end, error] = std::from_chars(asked.data(), asked.data() + asked.size(), seconds);
    if (!asked.empty() && error == std::errc{} && end == asked.data() + asked.size()) {
      answer.retry_after = std::chrono::seconds(seconds);
    }
    done_(std::move(answer));
  }

  void fail(const char* what, const error_code& error) {
    done_({.status = 0, .error = std::string(what) + ": " + error.message(), .retry_after = {}});
  }

  asio::ip::tcp::resolver resolver_;
  beast::ssl_stream<beast::tcp_stream> stream_;
  std::chrono::milliseconds timeout_;
  std::move_only_function<void(WebhookAnswer)> done_;
  bool tls_ = false;
  std::string host_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_{longest_answer};
  http::response_parser<http::string_body> parser_;
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
