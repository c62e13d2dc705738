// TokenFetcher: carries the requests of an oauth::TokenSource to the token endpoint.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "fanfare/result.h"

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

  /// `tls` is needed when the endpoint's origin is https.
  TokenFetcher(boost::asio::io_context& io, Url endpoint, std::shared_ptr<http2::TlsContext> tls,
               Clock clock);

  void fetch(const oauth::TokenRequest& request, oauth::TokenReplyHandler on_reply);

  /// Why the endpoint could not be connected to the last time; nullopt: it could.
  [[nodiscard]] const std::optional<Error>& connect_error() const noexcept;

 private:
  Url endpoint_;
  Clock clock_;
  http2::Pool pool_;
};

}  // namespace fanfare::client
