#include "http2/pool.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "base/prefetch.h"
#include "base/random.h"
#include "http2/pool_connection.h"
#include "http2/pool_policy.h"

namespace fanfare::http2 {

namespace asio = boost::asio;
using How = Ended::How;

namespace {

/// A request that owns itself, until its end.
class SingleCall final : public Call {
 public:
  SingleCall(Request request, Pool::Handler handler)
      : bytes_(std::move(request.body)), handler_(std::move(handler)) {
    head =
        std::make_shared<const RequestHead>(RequestHead{.method = std::move(request.method),
                                                        .scheme = std::move(request.scheme),
                                                        .authority = std::move(request.authority),
                                                        .path = std::move(request.path),
                                                        .headers = std::move(request.headers)});
    body.pieces[0] = bytes_;
  }

  void on_ended(Ended& ended) override {
    const std::unique_ptr<SingleCall> self(this);
    ended.id = 0;
    handler_(std::move(ended));
  }

 private:
  std::string bytes_;
  Pool::Handler handler_;
};

}  // namespace

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

  void send(Call& call);
  void shut_down(std::function<void()> on_done);
  void stop();

  void turn_soon();
  void turn();
  void expire(SteadyTime now);
  void review(PoolConnection& connection, SteadyTime now);
  void on_connect_failure(const PoolConnection& connection, SteadyTime now);
  void settle(EndedList& ended, std::uint64_t serial);
  void wait_again(Call& call, std::uint64_t serial);
  void put_to_finished(EndedList& ended);
  void finish_waiting(Call& call, const std::string& reason);
  void deliver();
  void dispatch(SteadyTime now);
  void limit_the_wait(SteadyTime now);
  void look_at_all(SteadyTime now);
  void open_connection(SteadyTime now);
  void drop_surplus(SteadyTime now);
  void arm_timer();
  void finish_shut_down();
  [[nodiscard]] bool can_serve(SteadyTime now) const;
  [[nodiscard]] SteadyTime may_open_from() const;
  [[nodiscard]] SteadyTime due() const;

  asio::io_context& io;
  Origin origin;
  std::shared_ptr<TlsContext> tls;
  PoolOptions options;
  asio::steady_timer timer;
  SteadyTime armed_for = SteadyTime::max();

  // Both in the order of their deadlines; those who have come since the last turn have none yet.
  CallList waiting;
  CallList in_flight;
  std::vector<std::unique_ptr<PoolConnection>> connections;

  // Whose calls are to be told. An id of 0 is of a call that has gone back to wait.
  std::vector<EndedList> finished;  ///< From the list `telling` on, there from `told` on.
  std::size_t telling = 0;
  std::size_t told = 0;
  EndedList refused;             ///< They never had a connection; told after `finished`.
  std::vector<EndedList> spare;  ///< Empty lists, kept for their memory.
  std::vector<std::function<void()>> on_shut_down;

  std::vector<ConnectionView> views;  ///< Of `connections`; kept for its memory.
  EndedList ended;
  std::uint64_t next_order = 0;
  std::uint64_t next_serial = 1;
  std::uint64_t next_address = Random::from_system().next();  ///< Other pools begin elsewhere.
  std::optional<Error> connect_error;
  int connect_failures = 0;
  SteadyTime next_attempt{};
  std::optional<SteadyTime> opened_at;  ///< The latest connection was begun.
  std::size_t peak = 0;                 ///< Of the requests under way, since `peak_since`.
  SteadyTime peak_since{};
  SteadyTime turn_began{};
  bool turn_posted = false;
  bool in_turn = false;  ///< Before dispatch, which will see what is sent now.
  bool shutting_down = false;
  bool stopped = false;
};

void Pool::Impl::send(Call& call) {
  if (stopped || shutting_down) {
    // Not kept in the pool, which may be on its way out.
    asio::post(io, [&call] {
      Ended end{.id = 0, .how = How::unsent, .response = {}, .reason = {}};
      end.reason = "the pool takes no more requests";
      call.on_ended(end);
    });
    return;
  }
  call.order_ = next_order++;
  call.deadline_ = SteadyTime::max();
  call.avoid_ = 0;
  call.resends_ = 0;
  call.expired_ = false;
  waiting.push_back(call);
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
  turn_began = now;
  expire(now);
  for (const auto& connection : connections) review(*connection, now);
  std::erase_if(connections, [](const auto& connection) { return connection->gone().has_value(); });
  deliver();
  in_turn = false;
  if (stopped) return;  // A handler destroyed the pool.
  dispatch(now);
  drop_surplus(now);
  for (const auto& connection : connections) {
    connection->flush();
    // A request that can't be written ends here, and no event would tell of it.
    connection->take_ended(ended, now);
    if (!ended.empty()) turn_soon();
    settle(ended, connection->serial());
  }
  arm_timer();
  finish_shut_down();
}

void Pool::Impl::expire(SteadyTime now) {
  while (!waiting.empty() && waiting.front().deadline_ <= now) {
    finish_waiting(waiting.front(), connect_error ? connect_error->what
                                                  : fmt::format("no stream was free within {} ms",
                                                                options.request_timeout.count()));
  }
  for (auto& call : in_flight) {
    if (call.deadline_ > now) break;
    call.expired_ = true;
    call.on_->cancel(call, fmt::format("no answer within {} ms", options.request_timeout.count()));
  }
}

void Pool::Impl::review(PoolConnection& connection, SteadyTime now) {
  if (connection.take_settled()) {
    connect_error.reset();
    connect_failures = 0;
  }
  connection.take_ended(ended, now);
  settle(ended, connection.serial());
  connection.keep_up(now);
  connection.take_ended(ended, now);  // When keep_up gave the connection up.
  settle(ended, connection.serial());
  if (connection.gone() && connection.never_opened()) on_connect_failure(connection, now);
}

void Pool::Impl::on_connect_failure(const PoolConnection& connection, SteadyTime now) {
  connect_error = connection.gone();
  next_attempt = now + connect_pause(++connect_failures);
  if (can_serve(now)) return;
  for (auto it = waiting.begin(); it != waiting.end();) {
    Call& call = *it++;
    if (call.order_ < connection.attempt_order()) finish_waiting(call, connect_error->what);
  }
}

bool Pool::Impl::can_serve(SteadyTime now) const {
  return std::ranges::any_of(connections, [now](const auto& connection) {
    const auto view = connection->view(now);
    return !view.opening && !view.draining;
  });
}

/// Takes the ends from `list` and leaves it empty.
void Pool::Impl::settle(EndedList& list, std::uint64_t serial) {
  if (list.empty()) return;
  for (Ended& end : list.all()) {
    Call& call = PoolConnection::call_of(end);
    const bool again = end.how == How::unsent && !call.expired_ && !shutting_down && !stopped &&
                       call.resends_ < options.unsent_retries;
    if (again) {
      wait_again(call, serial);
      end.id = 0;
    } else {
      in_flight.erase(in_flight.iterator_to(call));
    }
  }
  put_to_finished(list);
}

/// The list as it is: no end is moved.
void Pool::Impl::put_to_finished(EndedList& list) {
  if (spare.empty()) spare.emplace_back();
  std::swap(list, spare.back());
  finished.push_back(std::move(spare.back()));
  spare.pop_back();
}

/// Keeps its place by its deadline, which is earlier than that of most who wait.
void Pool::Impl::wait_again(Call& call, std::uint64_t serial) {
  ++call.resends_;
  call.avoid_ = serial;
  const auto place = std::ranges::find_if(
      waiting, [&](const Call& other) { return other.deadline_ > call.deadline_; });
  waiting.splice(place, in_flight, in_flight.iterator_to(call));
}

void Pool::Impl::finish_waiting(Call& call, const std::string& reason) {
  waiting.erase(waiting.iterator_to(call));
  refused.add(std::bit_cast<RequestId>(&call), How::unsent).reason = reason;
}

/// A call may send, shut down, or destroy the pool, whose destructor then tells the rest.
void Pool::Impl::deliver() {
  for (;;) {
    if (telling == finished.size()) {
      if (refused.empty()) break;
      put_to_finished(refused);
    }
    if (told == finished[telling].size()) {
      ++telling;
      told = 0;
      continue;
    }
    const auto ends = finished[telling].all();
    if (const auto later = told + prefetch_distance; later < ends.size() && ends[later].id != 0) {
      PoolConnection::call_of(ends[later]).ends_soon();
    }
    Ended& end = ends[told++];
    if (end.id != 0) PoolConnection::call_of(end).on_ended(end);
  }
  // Kept: the call that destroyed the pool may still look at its end.
  for (EndedList& list : finished) {
    list.clear();
    spare.push_back(std::move(list));
  }
  finished.clear();
  telling = told = 0;
}

void Pool::Impl::look_at_all(SteadyTime now) {
  views.clear();
  for (const auto& connection : connections) views.push_back(connection->view(now));
}

/// Those of one turn go together as far as they can, so that they share a write.
void Pool::Impl::dispatch(SteadyTime now) {
  if (waiting.empty()) return;
  look_at_all(now);
  const bool more_may_come = is_opening(views) || may_open(views, options.max_connections);
  const bool last_resort = !more_may_come || connect_failures > 0;
  std::optional<std::size_t> latest;
  for (auto it = waiting.begin(); it != waiting.end();) {
    const auto next = it++;
    Call& call = *next;
    const bool together = latest && call.avoid_ == 0 && views[*latest].free_streams > 0;
    if (!together) latest = choose_connection(views, call.avoid_, last_resort);
    if (!latest && call.avoid_ == 0) break;  // Nobody has room, or none that it would have.
    if (!latest) continue;
    call.deadline_ = now + options.request_timeout;
    in_flight.splice(in_flight.end(), waiting, next);
    connections[*latest]->submit(call, now);
    --views[*latest].free_streams;
  }
  limit_the_wait(now);
  peak = std::max(peak, in_flight.size());
  if (waiting.empty() || is_opening(views) || !may_open(views, options.max_connections)) return;
  if (now >= may_open_from()) open_connection(now);
}

/// After a failure its pause; else a share of a connection's own life for each that is opened, the
/// second at once: who has more than a hundred to send will have more.
SteadyTime Pool::Impl::may_open_from() const {
  if (!opened_at || connections.size() < 2) return next_attempt;
  return std::max(next_attempt, *opened_at + options.open_pause);
}

/// Looks back once in a while, and gives up one connection at a time.
void Pool::Impl::drop_surplus(SteadyTime now) {
  if (now < peak_since + options.idle_timeout / 2) return;
  if (peak_since != SteadyTime{}) {
    look_at_all(now);
    if (const auto index = surplus_connection(views, peak)) {
      connections[*index]->shut_down();
      turn_soon();
    }
  }
  peak_since = now;
  peak = in_flight.size();
}

/// Who came since the last turn and found no stream is now waiting.
void Pool::Impl::limit_the_wait(SteadyTime now) {
  for (auto it = waiting.rbegin(); it != waiting.rend() && it->deadline_ == SteadyTime::max(); ++it)
    it->deadline_ = now + options.request_timeout;
}

void Pool::Impl::open_connection(SteadyTime now) {
  opened_at = now;
  connections.push_back(std::make_unique<PoolConnection>(io, next_serial++, next_order, origin, tls,
                                                         options, next_address++,
                                                         [this] { turn_soon(); }));
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
  if (!in_flight.empty()) earliest = in_flight.front().deadline_;
  if (!waiting.empty()) {
    earliest = std::min(earliest, waiting.front().deadline_);
    // Past when it is not the pause that keeps us from opening one.
    if (may_open_from() > turn_began) earliest = std::min(earliest, may_open_from());
  }
  for (const auto& connection : connections) earliest = std::min(earliest, connection->due());
  return earliest;
}

void Pool::Impl::shut_down(std::function<void()> on_done) {
  on_shut_down.push_back(std::move(on_done));
  if (!shutting_down) {
    shutting_down = true;
    while (!waiting.empty()) finish_waiting(waiting.front(), "the pool was shut down");
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
  if (!shutting_down || !connections.empty() || !finished.empty() || !refused.empty()) return;
  for (const auto& done : std::exchange(on_shut_down, {})) done();
}

void Pool::Impl::stop() {
  stopped = true;
  timer.cancel();
  const SteadyTime now = std::chrono::steady_clock::now();
  turn_began = now;
  EndedList last;  // `ended` may be under way, further up the stack.
  for (const auto& connection : connections) {
    connection->lose({Error::Kind::network, "the pool was closed", {}});
    connection->take_ended(last, now);
    settle(last, 0);
  }
  while (!waiting.empty()) finish_waiting(waiting.front(), "the pool was closed");
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

void Pool::send(Call& call) {
  impl_->send(call);
}

void Pool::send(Request request, Handler on_ended) {
  impl_->send(*new SingleCall(std::move(request), std::move(on_ended)));
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
std::chrono::steady_clock::time_point Pool::turn_began() const noexcept {
  return impl_->turn_began;
}
const std::optional<Error>& Pool::connect_error() const noexcept {
  return impl_->connect_error;
}

void Pool::shut_down(std::function<void()> on_done) {
  impl_->shut_down(std::move(on_done));
}

}  // namespace fanfare::http2
