// Client::open: puts the client together over the network. The only file here that knows both the
// public options and the sender behind them.
#include <algorithm>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <sched.h>

#include "fanfare/client.h"

#include "client/client_parts.h"
#include "client/credentials.h"
#include "client/fcm_sender.h"
#include "client/send_budget.h"
#include "http2/tls.h"

namespace fanfare {
namespace {

http2::Http2Engine engine_of(Http2Engine chosen) {
  switch (chosen) {
    case Http2Engine::frames:
      return http2::Http2Engine::frames;
    case Http2Engine::nghttp2:
      return http2::Http2Engine::nghttp2;
  }
  return http2::Http2Engine::frames;
}

// Those that this process may run on: a container or taskset may leave it fewer than there are.
std::size_t available_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return std::thread::hardware_concurrency();
  return static_cast<std::size_t>(CPU_COUNT(&cores));
}

// No more lanes than connections, or some would have none.
std::size_t lanes_of(const ClientOptions& options) {
  const std::size_t wanted = options.lanes > 0 ? options.lanes : available_cores();
  return std::clamp<std::size_t>(wanted, 1, std::max<std::size_t>(1, options.connections));
}

client::BudgetOptions budget_options(const ClientOptions& options) {
  client::BudgetOptions budget;
  budget.messages_per_minute = options.messages_per_minute;
  budget.ramp = options.ramp;
  budget.avoid_quarter_hours = options.avoid_quarter_hours;
  return budget;
}

// Told by many, of which the first counts.
class FirstOutcome {
 public:
  [[nodiscard]] std::shared_future<Result<void>> future() { return promise_.get_future().share(); }
  void tell(Result<void> outcome) {
    std::call_once(once_, [&] { promise_.set_value(std::move(outcome)); });
  }

 private:
  std::once_flag once_;
  std::promise<Result<void>> promise_;
};

http2::PoolOptions pool_options(const ClientOptions& options) {
  http2::PoolOptions pool;
  pool.engine = engine_of(options.http2_engine);
  pool.max_connections = std::max<std::size_t>(1, options.connections / lanes_of(options));
  pool.request_timeout = options.request_timeout;
  return pool;
}

Result<client::FcmSenderOptions> sender_options(const ClientOptions& options,
                                                client::Connection connection) {
  client::FcmSenderOptions sender;
  if (connection.origin.tls || connection.credential) {
    auto tls = http2::TlsContext::make_client(connection.ca_file);
    if (!tls) return std::unexpected(std::move(tls).error());
    sender.tls = *std::move(tls);
  }
  sender.project = std::move(connection.project);
  sender.origin = std::move(connection.origin);
  sender.credential = std::move(connection.credential);
  sender.quota_project = std::move(connection.quota_project);
  sender.pool = pool_options(options);
  return sender;
}

}  // namespace

Result<client::ClientParts> client::network_parts(const ClientOptions& options, const Api& api,
                                                  std::optional<OtherCall> call) {
  auto connection = resolve_connection(options, process_environment(), ask_metadata, api.endpoint);
  if (!connection) return std::unexpected(std::move(connection).error());
  ClientParts parts;
  parts.warnings = connection->warnings;
  if (connection->credential) {
    const bool named = !connection->credential_name.empty();
    parts.credentials =
        connection->credential_type + (named ? " " : "") + connection->credential_name;
  }
  auto sender = sender_options(options, *std::move(connection));
  if (!sender) return std::unexpected(std::move(sender).error());

  sender->budget = parts.budget = std::make_shared<SendBudget>(budget_options(options));
  sender->scope = api.scope;
  sender->on_warning = options.on_warning;
  sender->call = std::move(call);
  parts.project = sender->project;
  parts.retry = retry_options_of(options);
  sender->quota_wait = std::chrono::ceil<std::chrono::seconds>(parts.retry.quota_wait);
  parts.lanes = lanes_of(options);
  parts.validate_only = options.validate_only;
  // A sender is made on each lane's thread, where it lives; whether it could be is told by the
  // first.
  auto made = std::make_shared<FirstOutcome>();
  parts.sender_made = made->future();
  parts.make_sender =
      [made, chosen = *std::move(sender)](boost::asio::io_context& io) -> std::unique_ptr<Sender> {
    auto opened = FcmSender::open(io, chosen);
    made->tell(opened ? Result<void>() : std::unexpected(opened.error()));
    return opened ? *std::move(opened) : nullptr;
  };
  return parts;
}

Result<Client> Client::open(const ClientOptions& options) {
  auto parts = client::network_parts(options);
  if (!parts) return std::unexpected(std::move(parts).error());
  const auto made = parts->sender_made;
  Client opened = client::ClientMaker::make(*std::move(parts));
  if (auto ready = made.get(); !ready) return std::unexpected(std::move(ready).error());
  return opened;
}

}  // namespace fanfare
