#include "http2/server.h"

#include <algorithm>
#include <map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "http2/server_connection.h"

namespace fanfare::http2 {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

/// How long accepting pauses when the system has no more sockets.
constexpr std::chrono::milliseconds accept_pause{50};

/// How often connections are looked at for slow clients.
std::chrono::milliseconds sweep_interval(const ServerOptions& options) {
  using std::chrono::milliseconds;
  return std::clamp(std::min(options.first_request_timeout, options.idle_timeout) / 4,
                    milliseconds(10), milliseconds(500));
}

/// What pending operations hold on to, so that the server may be destroyed at any time.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& io, ServerOptions options, Server::Handler handler)
      : acceptor_(io),
        pause_(io),
        sweep_(io),
        shared_(std::make_shared<ServerConnection::Shared>(
            ServerConnection::Shared{std::move(options), std::move(handler)})) {}

  Result<void> listen();
  void accept();
  void shut_down();
  void close();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }
  void set_tls(std::shared_ptr<TlsContext> tls) { shared_->options.tls = std::move(tls); }

 private:
  void on_accept(const error_code& error, Tcp::socket socket);
  [[nodiscard]] bool make_room();
  void relieve_soon();
  void relieve();
  void sweep_soon();
  void sweep();

  Tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::steady_timer sweep_;
  std::shared_ptr<ServerConnection::Shared> shared_;
  std::map<std::uint64_t, std::shared_ptr<ServerConnection>> connections_;  ///< Oldest first.
  std::uint64_t accepted_ = 0;
  std::uint16_t port_ = 0;
  bool sweeping_ = false;
  bool relieving_ = false;
};

Result<void> Listener::listen() {
  const auto& options = shared_->options;
  const auto refuse = [&](const error_code& error) {
    return fail(
        Error::Kind::network,
        fmt::format("cannot listen on {}:{}: {}", options.host, options.port, error.message()),
        "Choose an address of this machine and a free port; 0 lets the system choose.");
  };
  error_code error;
  asio::ip::address address = asio::ip::make_address(options.host, error);
  if (error) {
    Tcp::resolver resolver(acceptor_.get_executor());
    const auto found = resolver.resolve(options.host, "", error);
    if (error) return refuse(error);
    address = found.begin()->endpoint().address();
  }
  const Tcp::endpoint endpoint(address, options.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return refuse(error);
  port_ = acceptor_.local_endpoint(error).port();
  shared_->on_much_held = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->relieve_soon();
  };
  return {};
}

void Listener::accept() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_accept([self = shared_from_this()](const error_code& error, Tcp::socket socket) {
    self->on_accept(error, std::move(socket));
  });
}

void Listener::on_accept(const error_code& error, Tcp::socket socket) {
  if (!acceptor_.is_open()) return;
  if (error == asio::error::connection_aborted || error == asio::error::interrupted) {
    accept();
    return;
  }
  if (error) {
    // EMFILE and its like: the connection stays in the queue, so an immediate try would spin.
    pause_.expires_after(accept_pause);
    pause_.async_wait([self = shared_from_this()](const error_code& cancelled) {
      if (!cancelled) self->accept();
    });
    return;
  }
  if (make_room()) {
    const std::uint64_t id = ++accepted_;
    const auto connection =
        std::make_shared<ServerConnection>(shared_, [this, id] { connections_.erase(id); });
    connections_.emplace(id, connection);
    connection->start(std::move(socket));
    sweep_soon();
  }
  accept();
}

/// For one more connection. A crowd that connects and says nothing must not keep others out, so
/// the oldest that has yet to send a request goes; nor one that asks once and stays, so else that
/// goes which has been idle for longest.
bool Listener::make_room() {
  if (connections_.size() < shared_->options.max_connections) return true;
  auto idler = connections_.end();
  for (auto at = connections_.begin(); at != connections_.end(); ++at) {
    const ServerConnection& each = *at->second;
    if (!each.served()) {
      idler = at;
      break;
    }
    const bool longer =
        idler == connections_.end() || each.last_activity() < idler->second->last_activity();
    if (each.idle() && longer) idler = at;
  }
  if (idler == connections_.end()) return false;
  const auto connection = idler->second;
  connections_.erase(idler);
  connection->give_way();
  return true;
}

/// Not from within a connection, which may be the one that goes.
void Listener::relieve_soon() {
  if (relieving_) return;
  relieving_ = true;
  asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
    self->relieving_ = false;
    self->relieve();
  });
}

void Listener::relieve() {
  for (const auto& [id, connection] : connections_) connection->note_held();
  while (shared_->held_bytes > shared_->options.max_held_bytes && !connections_.empty()) {
    const auto most = std::ranges::max_element(
        connections_, {}, [](const auto& entry) { return entry.second->held_bytes(); });
    const auto connection = most->second;
    connections_.erase(most);
    connection->give_up();
  }
}

void Listener::sweep_soon() {
  if (sweeping_) return;
  sweeping_ = true;
  sweep_.expires_after(sweep_interval(shared_->options));
  sweep_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    self->sweeping_ = false;
    if (!cancelled) self->sweep();
  });
}

void Listener::sweep() {
  const auto now = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<ServerConnection>> all;  // Those that end leave the map.
  for (const auto& [id, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->check_time(now);
  if (!connections_.empty()) sweep_soon();
}

void Listener::shut_down() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  std::vector<std::shared_ptr<ServerConnection>> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->shut_down();
}

void Listener::close() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  sweep_.cancel();
  for (const auto& [id, connection] : connections_) connection->close();
  connections_.clear();
}

class ListeningServer final : public Server {
 public:
  explicit ListeningServer(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}
  ~ListeningServer() override { listener_->close(); }
  [[nodiscard]] std::uint16_t port() const noexcept override { return listener_->port(); }
  [[nodiscard]] std::size_t connections() const noexcept override {
    return listener_->connections();
  }
  void set_tls(std::shared_ptr<TlsContext> tls) override { listener_->set_tls(std::move(tls)); }
  void shut_down() override { listener_->shut_down(); }

 private:
  std::shared_ptr<Listener> listener_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(asio::io_context& io, ServerOptions options,
                                             Handler handler) {
  auto listener = std::make_shared<Listener>(io, std::move(options), std::move(handler));
  if (auto listening = listener->listen(); !listening) {
    return std::unexpected(std::move(listening.error()));
  }
  listener->accept();
  return std::make_unique<ListeningServer>(std::move(listener));
}

}  // namespace fanfare::http2
