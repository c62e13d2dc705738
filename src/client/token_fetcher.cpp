#include "client/token_fetcher.h"

#include <algorithm>
#include <utility>

#include "client/user_agent.h"

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
    reply.retry_after = http2::find_header(ended.response.headers, "retry-after");
    reply.body = std::move(ended.response.body);
  } else {
    reply.reason = std::move(ended.reason);
  }
  return reply;
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

TokenFetcher::TokenFetcher(boost::asio::io_context& io, Url endpoint,
                           std::shared_ptr<http2::TlsContext> tls, Clock clock)
    : endpoint_(std::move(endpoint)),
      clock_(std::move(clock)),
      pool_(io, endpoint_.origin, std::move(tls), pool_options()) {}

void TokenFetcher::fetch(const oauth::TokenRequest& request, oauth::TokenReplyHandler on_reply) {
  http2::Request http;
  http.method = "POST";
  http.scheme = endpoint_.origin.tls ? "https" : "http";
  http.authority = endpoint_.origin.authority();
  http.path = endpoint_.path;
  http.headers = {{"content-type", "application/x-www-form-urlencoded"},
                  {"user-agent", std::string(user_agent)}};
  http.body = request.form.reveal();
  pool_.send(std::move(http), [clock = clock_, on_reply = std::move(on_reply)](http2::Ended ended) {
    on_reply(to_reply(std::move(ended), clock()));
  });
}

const std::optional<Error>& TokenFetcher::connect_error() const noexcept {
  return pool_.connect_error();
}

}  // namespace fanfare::client
