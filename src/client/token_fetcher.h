// TokenFetcher: performs what an oauth::TokenSource asks: requests to whatever endpoint they name,
// and programs. https goes over HTTP/2; http, which only servers on this machine and metadata
// servers are spoken to with, over HTTP/1.1, the one version they all know.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "client/command_runner.h"
#include "http2/pool.h"
#include "http2/tls.h"
#include "oauth/token_source.h"

namespace boost::asio {
class io_context;
}

namespace fanfare::client {

/// A URL as a request needs it.
struct Url {
  http2::Origin origin;
  std::string path;  ///< With the query; at least "/".
};

/// Splits "https://host[:port]/path?query". Error::Kind::usage.
[[nodiscard]] Result<Url> parse_url(std::string_view url);

/// Lives on the io_context's thread. Destroyed, it answers what is open as not answered.
class TokenFetcher {
 public:
  using Clock = std::function<SystemTime()>;

  /// Without `tls`, requests by https are not answered.
  TokenFetcher(boost::asio::io_context& io, std::shared_ptr<http2::TlsContext> tls, Clock clock,
               std::chrono::milliseconds plaintext_timeout = std::chrono::seconds(10));
  ~TokenFetcher();
  TokenFetcher(const TokenFetcher&) = delete;
  TokenFetcher& operator=(const TokenFetcher&) = delete;

  void fetch(const oauth::Ask& ask, oauth::TokenReplyHandler on_reply);

  /// Why the endpoint of the latest request could not be connected to; nullopt: it could.
  [[nodiscard]] const std::optional<Error>& connect_error() const noexcept;

 private:
  struct Plain;
  void send(const oauth::TokenRequest& request, oauth::TokenReplyHandler on_reply);
  void send_plain(const Url& url, const http2::Request& http, oauth::TokenReplyHandler on_reply);
  http2::Pool& pool_to(const http2::Origin& origin);

  boost::asio::io_context& io_;
  std::shared_ptr<http2::TlsContext> tls_;
  Clock clock_;
  std::chrono::milliseconds plaintext_timeout_;
  CommandRunner runner_;
  std::list<std::shared_ptr<Plain>> plain_;                    ///< Under way.
  std::map<std::string, std::unique_ptr<http2::Pool>> pools_;  ///< By authority.
  const http2::Pool* latest_ = nullptr;
};

/// Performs one request and waits for the answer, at most `timeout`. Blocks: for the start only.
[[nodiscard]] oauth::TokenReply fetch_blocking(const oauth::TokenRequest& request,
                                               std::chrono::milliseconds timeout);

}  // namespace fanfare::client
