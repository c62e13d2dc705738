#include "http2/pool.h"

#include <algorithm>
#include <cassert>
#include <deque>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "http2/pool_connection.h"
#include "http2/pool_policy.h"

namespace fanfare::http2 {

namespace asio = boost::asio;
using How = Ended::How;

/// All work is done in turns: events of sockets, sends and the timer only ask for one, and however
/// many ask, one comes. A turn looks at every connection, calls the handlers of what has ended,
/// hands waiting requests over, and writes once per connection.
struct Pool::Impl : std::enable_shared_from_this<Pool::Impl> {
  Impl(asio::io_context& context, Origin where, std::shared_ptr<TlsContext> tls_context,
       PoolOptions pool_options)
      : io(context),
        origin(std::move(where)),
        tls(std::move(tls_context)),
        options(pool_options),
        timer(context) {
    assert(!origin.tls || tls != nullptr);
  }

  struct Finished {
    Handler handler;
    Ended ended;
  };

  void send(Request request, Handler on_ended);
  void shut_down(std::function<void()> on_done);
  void stop();

  void turn_soon();
  void turn();
  void expire(SteadyTime now);
  void review(PoolConnection& connection, SteadyTime now);
  void on_connect_failure(const PoolConnection& connection, SteadyTime now);
  void settle(PoolConnection::EndedRequest& ended, std::uint64_t serial);
  void wait_again(RequestList::iterator request, std::uint64_t serial);
  void finish_waiting(RequestList::iterator request, std::string reason);
  void deliver();
  void dispatch(SteadyTime now);
  void look_at_all();
  void open_connection();
  void arm_timer();
  void finish_shut_down();
  [[nodiscard]] bool can_serve() const;
  [[nodiscard]] SteadyTime due() const;

  asio::io_context& io;
  Origin origin;
  std::shared_ptr<TlsContext> tls;
  PoolOptions options;
  asio::steady_timer timer;
  SteadyTime armed_for = SteadyTime::max();

  // Both in the order of their deadlines.
  RequestList waiting;
  RequestList in_flight;
  std::vector<std::unique_ptr<PoolConnection>> connections;
  std::deque<Finished> finished;  ///< Handlers to be called.
  std::vector<std::function<void()>> on_shut_down;

  std::vector<ConnectionView> views;  ///< Of `connections`; kept for its memory.
  std::vector<PoolConnection::EndedRequest> ended;
  std::uint64_t next_order = 0;
  std::uint64_t next_serial = 1;
  std::optional<Error> connect_error;
  int connect_failures = 0;
  SteadyTime next_attempt{};
  bool turn_posted = false;
  bool in_turn = false;  ///< Before dispatch, which will see what is sent now.
  bool shutting_down = false;
  bool stopped = false;
};

void Pool::Impl::send(Request request, Handler on_ended) {
  if (stopped || shutting_down) {
    // Not kept in the pool, which may be on its way out.
    asio::post(io, [handler = std::move(on_ended)] {
      handler({.how = How::unsent, .response = {}, .reason = "the pool takes no more requests"});
    });
    return;
  }
  auto& entry = waiting.emplace_back();
  entry.request = std::move(request);
  entry.handler = std::move(on_ended);
  entry.order = next_order++;
  entry.deadline = std::chrono::steady_clock::now() + options.request_timeout;
  if (!in_turn) turn_soon();
}

void Pool::Impl::turn_soon() {
  if (turn_posted || stopped) return;
  turn_posted = true;
  asio::post(io, [self = shared_from_this()] {
    self->turn_posted = false;
    self->turn();
  });
}

void Pool::Impl::turn() {
  if (stopped) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  in_turn = true;
  expire(now);
  for (const auto& connection : connections) review(*connection, now);
  std::erase_if(connections, [](const auto& connection) { return connection->gone().has_value(); });
  deliver();
  in_turn = false;
  if (stopped) return;  // A handler destroyed the pool.
  dispatch(now);
  for (const auto& connection : connections) connection->flush();
  arm_timer();
  finish_shut_down();
}

void Pool::Impl::expire(SteadyTime now) {
  while (!waiting.empty() && waiting.front().deadline <= now) {
    finish_waiting(waiting.begin(), connect_error ? connect_error->what
                                                  : fmt::format("no stream was free within {} ms",
                                                                options.request_timeout.count()));
  }
  for (auto& request : in_flight) {
    if (request.deadline > now) break;
    request.expired = true;
    request.on->cancel(request,
                       fmt::format("no answer within {} ms", options.request_timeout.count()));
  }
}

void Pool::Impl::review(PoolConnection& connection, SteadyTime now) {
  if (connection.take_settled()) {
    connect_error.reset();
    connect_failures = 0;
  }
  ended.clear();
  connection.take_ended(ended, now);
  connection.keep_up(now);
  connection.take_ended(ended, now);  // When keep_up gave the connection up.
  for (auto& request : ended) settle(request, connection.serial());
  if (connection.gone() && connection.never_opened()) on_connect_failure(connection, now);
}

void Pool::Impl::on_connect_failure(const PoolConnection& connection, SteadyTime now) {
  connect_error = connection.gone();
  next_attempt = now + connect_pause(++connect_failures);
  if (can_serve()) return;
  for (auto it = waiting.begin(); it != waiting.end();) {
    const auto request = it++;
    if (request->order < connection.attempt_order()) finish_waiting(request, connect_error->what);
  }
}

bool Pool::Impl::can_serve() const {
  return std::ranges::any_of(connections, [](const auto& connection) {
    const auto view = connection->view();
    return !view.opening && !view.draining;
  });
}

void Pool::Impl::settle(PoolConnection::EndedRequest& request, std::uint64_t serial) {
  const bool again = request.ended.how == How::unsent && !request.request->expired &&
                     !shutting_down && !stopped &&
                     request.request->resends < options.unsent_retries;
  if (again) {
    wait_again(request.request, serial);
    return;
  }
  finished.push_back({std::move(request.request->handler), std::move(request.ended)});
  in_flight.erase(request.request);
}

/// Keeps its place by its deadline, which is earlier than that of most who wait.
void Pool::Impl::wait_again(RequestList::iterator request, std::uint64_t serial) {
  ++request->resends;
  request->avoid = serial;
  const auto place = std::ranges::find_if(
      waiting, [&](const PoolRequest& other) { return other.deadline > request->deadline; });
  waiting.splice(place, in_flight, request);
}

void Pool::Impl::finish_waiting(RequestList::iterator request, std::string reason) {
  finished.push_back({std::move(request->handler),
                      {.id = 0, .how = How::unsent, .response = {}, .reason = std::move(reason)}});
  waiting.erase(request);
}

/// A handler may send, shut down, or destroy the pool, whose destructor then delivers the rest.
void Pool::Impl::deliver() {
  while (!finished.empty()) {
    Finished next = std::move(finished.front());
    finished.pop_front();
    next.handler(std::move(next.ended));
  }
}

void Pool::Impl::look_at_all() {
  views.clear();
  for (const auto& connection : connections) views.push_back(connection->view());
}

void Pool::Impl::dispatch(SteadyTime now) {
  if (waiting.empty()) return;
  look_at_all();
  std::size_t free_streams = 0;
  for (const auto& view : views) {
    if (!view.opening && !view.draining) free_streams += view.free_streams;
  }
  const bool more_may_come = is_opening(views) || may_open(views, options.max_connections);
  const bool last_resort = !more_may_come || connect_failures > 0;
  for (auto it = waiting.begin(); it != waiting.end() && free_streams > 0;) {
    const auto request = it++;
    const auto index = choose_connection(views, request->avoid, last_resort);
    if (!index) continue;
    request->deadline = now + options.request_timeout;
    in_flight.splice(in_flight.end(), waiting, request);
    connections[*index]->submit(request, now);
    --views[*index].free_streams;
    --free_streams;
  }
  const bool wanted = !waiting.empty() && !is_opening(views) && now >= next_attempt;
  if (wanted && may_open(views, options.max_connections)) open_connection();
}

void Pool::Impl::open_connection() {
  connections.push_back(std::make_unique<PoolConnection>(io, next_serial++, next_order, origin, tls,
                                                         options, [this] { turn_soon(); }));
}

void Pool::Impl::arm_timer() {
  const SteadyTime when = due();
  // Most turns move what is due to later. The timer then fires early, once, and is set anew, which
  // is cheaper than setting it in every turn.
  if (when >= armed_for) return;
  armed_for = when;
  timer.expires_at(when);
  timer.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
    if (cancelled || self->stopped) return;
    self->armed_for = SteadyTime::max();
    self->turn();
  });
}

SteadyTime Pool::Impl::due() const {
  SteadyTime earliest = SteadyTime::max();
  if (!in_flight.empty()) earliest = in_flight.front().deadline;
  if (!waiting.empty()) {
    earliest = std::min(earliest, waiting.front().deadline);
    if (next_attempt > std::chrono::steady_clock::now()) {
      earliest = std::min(earliest, next_attempt);
    }
  }
  for (const auto& connection : connections) earliest = std::min(earliest, connection->due());
  return earliest;
}

void Pool::Impl::shut_down(std::function<void()> on_done) {
  on_shut_down.push_back(std::move(on_done));
  if (!shutting_down) {
    shutting_down = true;
    while (!waiting.empty()) finish_waiting(waiting.begin(), "the pool was shut down");
    for (const auto& connection : connections) {
      if (connection->never_opened()) {
        connection->lose({Error::Kind::network, "the pool was shut down", {}});
      } else {
        connection->shut_down();
      }
    }
  }
  turn_soon();
}

void Pool::Impl::finish_shut_down() {
  if (!shutting_down || !connections.empty() || !finished.empty()) return;
  for (const auto& done : std::exchange(on_shut_down, {})) done();
}

void Pool::Impl::stop() {
  stopped = true;
  timer.cancel();
  const SteadyTime now = std::chrono::steady_clock::now();
  ended.clear();
  for (const auto& connection : connections) {
    connection->lose({Error::Kind::network, "the pool was closed", {}});
    connection->take_ended(ended, now);
  }
  for (auto& request : ended) settle(request, 0);
  while (!waiting.empty()) finish_waiting(waiting.begin(), "the pool was closed");
  connections.clear();
  deliver();
  for (const auto& done : std::exchange(on_shut_down, {})) done();
}

Pool::Pool(asio::io_context& io, Origin origin, std::shared_ptr<TlsContext> tls,
           PoolOptions options)
    : impl_(std::make_shared<Impl>(io, std::move(origin), std::move(tls), options)) {}

Pool::~Pool() {
  impl_->stop();
}

void Pool::send(Request request, Handler on_ended) {
  impl_->send(std::move(request), std::move(on_ended));
}

std::size_t Pool::in_flight() const noexcept {
  return impl_->in_flight.size();
}
std::size_t Pool::waiting() const noexcept {
  return impl_->waiting.size();
}
std::size_t Pool::connections() const noexcept {
  return impl_->connections.size();
}
const std::optional<Error>& Pool::connect_error() const noexcept {
  return impl_->connect_error;
}

void Pool::shut_down(std::function<void()> on_done) {
  impl_->shut_down(std::move(on_done));
}

}  // namespace fanfare::http2
