#include "http2/pool_connection.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "base/prefetch.h"

namespace fanfare::http2 {
namespace {

Error network_error(std::string what, std::string remedy = {}) {
  return {Error::Kind::network, std::move(what), std::move(remedy)};
}

/// A share of the time to connect, so that one silent address leaves time for the next.
std::chrono::milliseconds address_timeout(const PoolOptions& options) {
  return options.connect_timeout / 3;
}

}  // namespace

PoolConnection::PoolConnection(boost::asio::io_context& io, std::uint64_t serial,
                               std::uint64_t attempt_order, const Origin& origin,
                               const std::shared_ptr<TlsContext>& tls, const PoolOptions& options,
                               std::uint64_t address_turn, std::function<void()> on_event)
    : options_(options),
      serial_(serial),
      attempt_order_(attempt_order),
      name_(fmt::format("{}:{}", origin.host, origin.port)),
      on_event_(std::move(on_event)),
      connect_deadline_(std::chrono::steady_clock::now() + options.connect_timeout),
      session_(make_client_session(options.engine, options.limits)),
      socket_(StreamSocket::connect(io, *this, origin.host, origin.port,
                                    origin.tls ? TlsEngine::make_client(tls, origin.host) : nullptr,
                                    address_timeout(options), address_turn)) {}

PoolConnection::~PoolConnection() {
  socket_->close();
}

ConnectionView PoolConnection::view(SteadyTime now) const noexcept {
  const auto silent = quiet_from(liveness(), options_);
  return {.serial = serial_,
          .free_streams = gone_ ? 0 : session_->free_streams(),
          .open_streams = session_->open_streams(),
          .opening = !settled_ && !gone_,
          .draining = gone_.has_value() || session_->draining(),
          .quiet = settled_ && silent && now >= *silent};
}

// A call stays where it is until it has ended, so its address names it.
void PoolConnection::submit(Call& call, SteadyTime now) {
  if (session_->open_streams() == 0) {
    since_ = now;
    gave_back_ = false;
  }
  call.on_ = this;
  session_->submit(std::bit_cast<RequestId>(&call), call.head, call.body);
}

void PoolConnection::cancel(const Call& call, std::string reason) {
  session_->cancel(std::bit_cast<RequestId>(&call), std::move(reason));
}

Call& PoolConnection::call_of(const Ended& ended) noexcept {
  return *std::bit_cast<Call*>(ended.id);
}

void PoolConnection::take_ended(EndedList& out, SteadyTime now) {
  session_->take_ended(out);
  if (out.empty()) return;
  pings_ = 0;
  const auto ends = out.all();
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::size_t later = i + prefetch_distance;
    // With the first fields of what is derived from it.
    if (later < ends.size()) prefetch(&call_of(ends[later]), sizeof(Call) + 64);
    call_of(ends[i]).on_ = nullptr;
  }
  if (session_->open_streams() == 0) {
    since_ = now;
    pinged_at_.reset();
  }
}

void PoolConnection::shut_down() {
  session_->shut_down();
}

void PoolConnection::lose(Error reason) {
  if (gone_) return;
  session_->connection_lost(reason.what);
  socket_->close();
  gone_ = std::move(reason);
}

bool PoolConnection::take_settled() noexcept {
  return settled_ && !std::exchange(settled_taken_, settled_);
}

void PoolConnection::keep_up(SteadyTime now) {
  if (gone_) return;
  if (!settled_) {
    if (now >= connect_deadline_) {
      lose(network_error(fmt::format("{} did not complete an HTTP/2 connection within {} ms", name_,
                                     options_.connect_timeout.count()),
                         "Check host and port, and that no firewall is in the way."));
    }
    return;
  }
  if (session_->draining() && session_->open_streams() == 0) {
    socket_->flush();
    lose(network_error(fmt::format("the connection to {} was drained", name_)));
    return;
  }
  give_back_unsent(now);
  switch (next_life_sign(liveness(), options_, now)) {
    case LifeSign::none:
      return;
    case LifeSign::send_ping:
      session_->ping();
      pinged_at_ = now;
      ++pings_;
      return;
    case LifeSign::lost:
      lose(network_error(fmt::format("{} was silent for {} ms and did not answer a PING", name_,
                                     (options_.doubt_after + options_.ping_timeout).count())));
      return;
    case LifeSign::close_idle:
      session_->shut_down();
      socket_->flush();
      lose(network_error(fmt::format("the connection to {} was idle", name_)));
      return;
  }
}

void PoolConnection::give_back_unsent(SteadyTime now) {
  const auto quiet = quiet_from(liveness(), options_);
  if (gave_back_ || !quiet || now < *quiet) return;
  gave_back_ = true;
  session_->release_unsent(
      fmt::format("{} was silent for {} ms", name_, options_.quiet_after.count()));
}

SteadyTime PoolConnection::due() const noexcept {
  if (!settled_) return connect_deadline_;
  const SteadyTime sign = life_sign_due(liveness(), options_);
  const auto quiet = gave_back_ ? std::nullopt : quiet_from(liveness(), options_);
  return quiet ? std::min(sign, *quiet) : sign;
}

Liveness PoolConnection::liveness() const noexcept {
  return {.since = since_,
          .pinged_at = pinged_at_,
          .open_streams = session_->open_streams() > 0,
          .pings = pings_};
}

void PoolConnection::on_bytes(std::span<const std::uint8_t> bytes) {
  session_->receive(bytes);
  since_ = std::chrono::steady_clock::now();
  pinged_at_.reset();  // Any byte shows that the other side lives.
  gave_back_ = false;
  note_session();
  on_event_();
}

/// A dead session takes its socket with it, after its last words.
void PoolConnection::note_session() {
  if (session_->dead() && !gone_) {
    socket_->flush();  // May find the connection lost, and say so.
    if (gone_) return;
    gone_ = network_error(
        settled_ ? fmt::format("{} broke the HTTP/2 protocol or closed the connection", name_)
                 : fmt::format("{} does not speak HTTP/2", name_),
        settled_ ? "" : "Check host and port, and whether it wants https:// or http://.");
    socket_->close();
  }
  if (session_->settled() && !gone_) settled_ = true;
}

void PoolConnection::on_closed(Error reason) {
  if (!gone_) {
    session_->connection_lost(reason.what);
    gone_ = std::move(reason);
  }
  on_event_();
}

}  // namespace fanfare::http2
