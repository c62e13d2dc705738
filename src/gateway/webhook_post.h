// WebhookPost: one POST over HTTP/1.1, with or without TLS, over a connection of its own. Receivers
// of webhooks are ordinary web servers, of which many speak nothing newer. The only file that knows
// Boost.Beast.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http2/exchange.h"

namespace boost::asio {
class io_context;
}

namespace fanfare::gateway {

/// What came back.
struct WebhookAnswer {
  int status = 0;     ///< 0: none came; then `error` says why.
  std::string error;  ///< For people.
  std::optional<std::chrono::seconds> retry_after;
};

/// What all posts share: the anchors that certificates are verified by.
class WebhookTrust {
 public:
  /// `ca_file` (PEM) is trusted beside the system's anchors; empty: they alone.
  explicit WebhookTrust(const std::string& ca_file);
  ~WebhookTrust();
  struct Impl;
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// `done` is called exactly once, on the io_context's thread, unless that ends before. Redirects
/// are answers like others. `url` has passed check_webhook_url.
void post_webhook(boost::asio::io_context& io, WebhookTrust& trust, const std::string& url,
                  const http2::Headers& headers, std::string body,
                  std::chrono::milliseconds timeout,
                  std::move_only_function<void(WebhookAnswer)> done);

}  // namespace fanfare::gateway
