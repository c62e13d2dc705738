// FCM and its token endpoint in this process, on one port over loopback, answering as a test says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "http2/pool.h"
#include "http2/server.h"

namespace fanfare::client::testing {

class FakeFcm {
 public:
  using ReplyPtr = std::shared_ptr<http2::Reply>;
  using Handler = std::function<void(const http2::Request&, const ReplyPtr&)>;

  explicit FakeFcm(boost::asio::io_context& io, std::shared_ptr<http2::TlsContext> tls = nullptr)
      : tls_(tls != nullptr) {
    http2::ServerOptions options;
    options.tls = std::move(tls);
    server_ = http2::Server::open(io, options, [this](http2::Request request, ReplyPtr reply) {
                handle(std::move(request), reply);
              }).value();
  }

  [[nodiscard]] http2::Origin origin() const { return {tls_, "127.0.0.1", server_->port()}; }
  [[nodiscard]] std::string url(std::string_view path) const {
    return fmt::format("{}://127.0.0.1:{}{}", tls_ ? "https" : "http", server_->port(), path);
  }

  static http2::Response json(int status, std::string body) {
    return {status, {{"content-type", "application/json"}}, std::move(body)};
  }
  static http2::Response accepted() {
    return json(200, R"({"name":"projects/demo-project/messages/1"})");
  }
  static http2::Response unauthenticated() {
    return json(401, R"({"error":{"code":401,"message":"Request had invalid authentication )"
                     R"(credentials.","status":"UNAUTHENTICATED"}})");
  }
  static http2::Response token(std::string_view value) {
    return json(
        200,
        fmt::format(R"({{"access_token":"{}","expires_in":3599,"token_type":"Bearer"}})", value));
  }

  // What is answered; the defaults take everything and name the tokens token-1, token-2, …
  Handler on_send = [](const http2::Request&, const ReplyPtr& reply) {
    reply->respond(accepted());
  };
  Handler on_token = [this](const http2::Request&, const ReplyPtr& reply) {
    reply->respond(token(fmt::format("token-{}", token_requests.size())));
  };

  std::vector<http2::Request> sends;
  std::vector<http2::Request> token_requests;

 private:
  void handle(http2::Request request, const ReplyPtr& reply) {
    const bool is_token = request.path == "/token";
    auto& log = is_token ? token_requests : sends;
    log.push_back(request);
    (is_token ? on_token : on_send)(request, reply);
  }

  bool tls_;
  std::unique_ptr<http2::Server> server_;
};

}  // namespace fanfare::client::testing
