#include "client/token_fetcher.h"

#include <algorithm>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "client/user_agent.h"
#include "http2/http1_exchange.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;

// One request an hour: a connection kept open would only be closed under us.
http2::PoolOptions pool_options() {
  http2::PoolOptions options;
  options.max_connections = 1;
  options.idle_timeout = 5s;
  return options;
}

oauth::TokenReply to_reply(http2::Ended ended, SystemTime now) {
  oauth::TokenReply reply;
  reply.received_at = now;
  reply.answered = ended.how == http2::Ended::How::answered;
  if (reply.answered) {
    reply.status = ended.response.status;
    reply.metadata_flavor = http2::find_header(ended.response, "metadata-flavor");
    reply.retry_after = http2::find_header(ended.response, "retry-after");
    reply.body = std::move(ended.response.body);
  } else {
    reply.reason = std::move(ended.reason);
  }
  return reply;
}

oauth::TokenReply not_answered(std::string reason, SystemTime now) {
  oauth::TokenReply reply;
  reply.reason = std::move(reason);
  reply.received_at = now;
  return reply;
}

http2::Request to_http(const oauth::TokenRequest& request, const Url& url) {
  http2::Request http;
  http.method = request.method;
  http.scheme = url.origin.tls ? "https" : "http";
  http.authority = url.origin.authority();
  http.path = url.path;
  for (const auto& header : request.headers) {
    http.headers.push_back({header.name, std::string(header.value.reveal())});
  }
  http.headers.push_back({"user-agent", std::string(user_agent)});
  http.body = request.body.reveal();
  return http;
}

}  // namespace

Result<Url> parse_url(std::string_view url) {
  const auto scheme_end = url.find("://");
  const auto host_at = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  const auto path_at = std::min(url.size(), url.find_first_of("/?", host_at));
  auto origin = http2::parse_origin(url.substr(0, path_at));
  if (!origin) return std::unexpected(std::move(origin).error());
  std::string path(url.substr(path_at));
  if (!path.starts_with('/')) path.insert(0, 1, '/');
  return Url{*std::move(origin), std::move(path)};
}

// One request over HTTP/1.1, answered also when it is given up.
struct TokenFetcher::Plain {
  oauth::TokenReplyHandler on_reply;
  std::unique_ptr<http2::Http1Exchange> exchange;
};

TokenFetcher::TokenFetcher(boost::asio::io_context& io, std::shared_ptr<http2::TlsContext> tls,
                           Clock clock, std::chrono::milliseconds plaintext_timeout)
    : io_(io),
      tls_(std::move(tls)),
      clock_(std::move(clock)),
      plaintext_timeout_(plaintext_timeout),
      runner_(io, clock_) {}

TokenFetcher::~TokenFetcher() {
  for (const auto& plain : std::exchange(plain_, {})) {
    plain->exchange.reset();
    plain->on_reply(not_answered("the sender was closed", clock_()));
  }
}

void TokenFetcher::fetch(const oauth::Ask& ask, oauth::TokenReplyHandler on_reply) {
  if (const auto* command = std::get_if<oauth::CommandRequest>(&ask)) {
    latest_ = nullptr;
    runner_.run(*command, std::move(on_reply));
    return;
  }
  send(std::get<oauth::TokenRequest>(ask), std::move(on_reply));
}

void TokenFetcher::send(const oauth::TokenRequest& request, oauth::TokenReplyHandler on_reply) {
  latest_ = nullptr;
  const auto url = parse_url(request.url);
  if (!url) {
    on_reply(not_answered(url.error().what, clock_()));
    return;
  }
  auto http = to_http(request, *url);
  if (!url->origin.tls) {
    send_plain(*url, http, std::move(on_reply));
    return;
  }
  if (!tls_) {
    on_reply(not_answered(
        fmt::format("{} is reached by https, but TLS was not set up", url->origin.authority()),
        clock_()));
    return;
  }
  auto& pool = pool_to(url->origin);
  latest_ = &pool;
  pool.send(std::move(http), [clock = clock_, on_reply = std::move(on_reply)](http2::Ended ended) {
    on_reply(to_reply(std::move(ended), clock()));
  });
}

void TokenFetcher::send_plain(const Url& url, const http2::Request& http,
                              oauth::TokenReplyHandler on_reply) {
  const auto plain = std::make_shared<Plain>();
  plain->on_reply = std::move(on_reply);
  plain_.push_back(plain);
  plain->exchange = std::make_unique<http2::Http1Exchange>(
      io_, url.origin, http, plaintext_timeout_,
      [this, raw = plain.get(), clock = clock_](http2::Ended ended) {
        // The handler may destroy us, and with us the exchange that is calling.
        std::shared_ptr<Plain> self;
        std::erase_if(plain_, [&](const auto& each) {
          if (each.get() == raw) self = each;
          return each.get() == raw;
        });
        if (self) self->on_reply(to_reply(std::move(ended), clock()));
      });
}

http2::Pool& TokenFetcher::pool_to(const http2::Origin& origin) {
  auto& pool = pools_[origin.authority()];
  if (!pool) pool = std::make_unique<http2::Pool>(io_, origin, tls_, pool_options());
  return *pool;
}

const std::optional<Error>& TokenFetcher::connect_error() const noexcept {
  static const std::optional<Error> none;
  return latest_ != nullptr ? latest_->connect_error() : none;
}

oauth::TokenReply fetch_blocking(const oauth::TokenRequest& request,
                                 std::chrono::milliseconds timeout) {
  boost::asio::io_context io;
  std::optional<oauth::TokenReply> answer;
  {
    TokenFetcher fetcher(io, nullptr, std::chrono::system_clock::now, timeout);
    fetcher.fetch(request, [&](oauth::TokenReply reply) { answer = std::move(reply); });
    const auto until = std::chrono::steady_clock::now() + timeout + 1s;
    while (!answer && io.run_one_until(until) != 0) {
    }
  }  // What is open is answered as not answered.
  return *std::move(answer);
}

}  // namespace fanfare::client
