// Client::open: puts the client together over the network. The only file here that knows both the
// public options and the sender behind them.
#include <algorithm>
#include <future>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "fanfare/client.h"

#include "client/client_parts.h"
#include "client/credentials.h"
#include "client/fcm_sender.h"
#include "client/pacer.h"
#include "http2/tls.h"

namespace fanfare {
namespace {

http2::PoolOptions pool_options(const ClientOptions& options) {
  http2::PoolOptions pool;
  pool.max_connections = std::max<std::size_t>(1, options.connections);
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

  auto pacer = std::make_shared<RatePacer>(
      PacerOptions{.messages_per_minute = options.messages_per_minute, .ramp = options.ramp});
  sender->pacer = pacer.get();
  sender->scope = api.scope;
  sender->on_warning = options.on_warning;
  sender->call = std::move(call);
  parts.project = sender->project;
  parts.retry = retry_options_of(options);
  parts.validate_only = options.validate_only;
  // The sender is made on the lane's thread, where it lives; whether it could be is told here.
  auto made = std::make_shared<std::promise<Result<void>>>();
  parts.sender_made = made->get_future().share();
  parts.make_sender = [made, pacer, chosen = *std::move(sender)](
                          boost::asio::io_context& io) -> std::unique_ptr<Sender> {
    auto opened = FcmSender::open(io, chosen);
    if (!opened) {
      made->set_value(std::unexpected(std::move(opened).error()));
      return nullptr;
    }
    made->set_value({});
    return *std::move(opened);
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
