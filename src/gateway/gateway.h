// Gateway: accepts messages over HTTP, delivers them, and tells what it knows. Puts the parts
// together: the port, the store and its writer, a deliverer for each project, campaigns, webhooks.
//
// Lives on one thread, that of its io_context; starts others for what blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/client.h"
#include "fanfare/result.h"

#include "gateway/services.h"

namespace boost::asio {
class io_context;
}

namespace fanfare::gateway {

/// One line of the log: what happened, and its fields in order. Never a secret, nor a registration.
struct LogEntry {
  enum class Level : std::uint8_t { error, warning, info, debug };
  Level level = Level::info;
  std::string_view event;  ///< "request", "breaker", "started".
  std::vector<std::pair<std::string_view, std::string>> fields = {};
};

struct GatewayOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8200;               ///< 0: any free one.
  std::string certificate_chain_pem = {};  ///< With the key: TLS beside plaintext.
  std::string private_key_pem = {};
  std::string client_ca_pem = {};  ///< Only clients with a certificate of these authorities.
  bool tls_only = false;           ///< No plaintext.
  bool require_keys = false;
  std::filesystem::path registry_path;  ///< The devices.
  std::filesystem::path queue_path;     ///< The gateway's own store.
  std::vector<ClientOptions> projects;  ///< Each with its id in `project`.
  std::size_t max_connections = 1'000;
  std::size_t max_body_bytes = 4U << 20;
  /// Of requests that have not arrived whole and answers that were not fetched, and again of the
  /// bodies of requests that wait for their answers.
  std::size_t max_buffered_bytes = 256U << 20;
  AcceptLimits limits = {};
  queue::Messages::Retention retention = {};
  std::chrono::seconds event_retention{std::chrono::hours(24 * 7)};
  BreakerOptions breakers = {};
  bool webhooks_allow_plain_http = false;
  std::string webhook_ca_file = {};
  std::function<void(const LogEntry&)> log = {};
};

class Gateway {
 public:
  /// Opens both stores, reads the credentials and listens. Errors name what is wrong and where.
  [[nodiscard]] static Result<std::unique_ptr<Gateway>> open(boost::asio::io_context& io,
                                                             GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Takes no more requests, lets what is under way come back, and hands the rest to the store.
  void stop();
  /// After stop(): everything is on the disk.
  [[nodiscard]] bool stopped() const noexcept;
  /// Ends at once; what is under way is unknown, and is sent again by the next gateway.
  void abandon();

  /// Takes what may change while it runs: projects with all their settings, limits, retention, the
  /// certificate. What is wrong is an error and changes nothing.
  [[nodiscard]] Result<void> reload(const GatewayOptions& options);

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::gateway
