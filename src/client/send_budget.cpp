#include "client/send_budget.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using Seconds = std::chrono::duration<double>;

constexpr nanoseconds window = 60s;
constexpr nanoseconds shortest_wait = 1ms;
// Half a percent of a minute: what it costs of the rate.
constexpr nanoseconds tolerance = 300ms;
// By priority: how far ahead of the pace. What lies above urgent's is for the trickles.
constexpr std::array<nanoseconds, priority_count> ahead = {270ms, 225ms, 150ms};
constexpr std::array<double, priority_count> trickle_share = {0, 1.0 / 20, 1.0 / 50};
constexpr nanoseconds lately = 10s;

constexpr double first_per_minute = 100 * 60;
constexpr double first_share_min = 0.01;

constexpr nanoseconds echoes = 5s;
constexpr nanoseconds recovery = 60s;
constexpr double throttled_factor = 0.5;
constexpr double throttled_share_min = 0.01;
constexpr double slow_factor = 0.8;
constexpr double slow_share_min = 0.1;

constexpr double avoiding_share = 0.1;

constexpr std::size_t index_of(Priority priority) {
  return static_cast<std::size_t>(priority);
}
constexpr std::size_t limit_line = index_of(Priority::urgent);

double first_share_of(std::uint64_t limit) {
  return std::min(1.0, std::max(first_share_min, first_per_minute / static_cast<double>(limit)));
}

// Half a percent of the limit is left unused: messages bunch up on their way to FCM, behind a full
// socket or a connection that is being opened, and FCM counts them as they arrive. The interval is
// the least for which (n - 1) * interval <= window + tolerance allows no more than the rest; a
// billionth more than that covers what is lost in rounding.
std::chrono::duration<double, std::nano> interval_of(std::uint64_t limit) {
  if (limit == 0) return {};
  const std::uint64_t usable = limit - limit / 200;
  return std::chrono::duration<double, std::nano>(window + tolerance) /
         static_cast<double>(usable) * (1 + 1e-9);
}

double progress(nanoseconds done, nanoseconds whole) {
  return std::clamp(Seconds(done) / Seconds(whole), 0.0, 1.0);
}

// Round the clock, every time zone's quarter hours are the same.
double quarter_hour_share(SystemTime now) {
  const auto since = now.time_since_epoch() % 15min;
  if (since <= 2min || since >= 13min) return avoiding_share;
  return avoiding_share + (1 - avoiding_share) * progress(since - 2min, 1min);
}

}  // namespace

// While the ramp lasts the rate grows evenly, so what is sent is a quadratic of the time.
std::chrono::seconds time_to_send(const BudgetOptions& options, std::uint64_t messages) noexcept {
  if (options.messages_per_minute == 0 || messages == 0) return {};
  const double per_second = static_cast<double>(options.messages_per_minute) / 60;
  const double count = static_cast<double>(messages) / per_second;  // In seconds at the full rate.
  const double ramp = Seconds(options.ramp).count();
  const double first = first_share_of(options.messages_per_minute);
  const double in_ramp = ramp * (1 + first) / 2;
  double seconds = 0;
  if (count >= in_ramp) {
    seconds = ramp + count - in_ramp;
  } else {
    const double growth = (1 - first) / ramp;
    seconds =
        growth == 0 ? count : (std::sqrt(first * first + 2 * growth * count) - first) / growth;
  }
  return std::chrono::seconds(static_cast<std::chrono::seconds::rep>(std::ceil(seconds)));
}

double RecoveringShare::at(SteadyTime now) const noexcept {
  return share_ + (1 - share_) * progress(now - since_, recovery);
}

void RecoveringShare::cut(SteadyTime now, double factor, double least) noexcept {
  share_ = std::max(least, at(now) * factor);
  since_ = std::max(since_, now);
}

void RecoveringShare::hold(SteadyTime now, SteadyTime until) noexcept {
  share_ = at(now);
  since_ = std::max(since_, until);
}

std::size_t SendBudget::Line::room(SteadyTime now, nanoseconds ahead_by,
                                   Nanoseconds step) const noexcept {
  if (next > now + ahead_by) return 0;
  const Nanoseconds left = now + ahead_by - std::max(next, now);
  return static_cast<std::size_t>(left / step) + 1;
}

void SendBudget::Line::advance(SteadyTime now, std::size_t count, Nanoseconds step) noexcept {
  next = std::max(next, now) + std::chrono::ceil<nanoseconds>(step * static_cast<double>(count));
}

std::size_t SendBudget::Crowd::enter(SteadyTime now) noexcept {
  if (now - since >= shortest_wait) {
    before = now - since < 2 * shortest_wait ? count : 0;
    count = 0;
    since = now;
  }
  ++count;
  return before > count ? before - count + 1 : 1;
}

SendBudget::SendBudget(const BudgetOptions& options)
    : options_(options),
      first_share_(options.messages_per_minute == 0 ? 1
                                                    : first_share_of(options.messages_per_minute)),
      interval_(interval_of(options.messages_per_minute)) {}

Grant SendBudget::reserve(SteadyTime now, Priority priority, std::size_t wanted) {
  if (wanted == 0) return {};
  const std::scoped_lock lock(mutex_);
  latest_now_ = now = std::max(now, latest_now_);
  asked_at_[index_of(priority)] = now;
  if (now < paused_until_) return {.count = 0, .wait = paused_until_ - now};
  if (options_.messages_per_minute == 0) {
    sent_ += wanted;
    return {.count = wanted};
  }

  if (!granted_at_ || now - *granted_at_ > window) ramp_start_ = now;
  const Nanoseconds step = interval_ / share_now(now);
  const std::size_t available = room(now, priority, step);
  Grant grant{.count = wanted};
  if (wanted > available) {
    const std::size_t left = crowds_[index_of(priority)].enter(now);
    grant.count = (available + left - 1) / left;
  }
  if (grant.count > 0) take(now, priority, grant.count, step);
  if (grant.count < wanted) grant.wait = std::max(shortest_wait, opens(priority) - now);
  grant.step = std::chrono::floor<nanoseconds>(step);
  grant.granted_so_far = granted_;
  return grant;
}

// The line that is the limit says: everybody who was granted something at a time t and all after
// him fit between t and `next`. Without the unsent ones `next` comes nearer by their steps; only
// those granted later than this grant must still fit behind their own times, of which none is
// later than the latest.
void SendBudget::give_back(const Grant& grant, std::size_t unsent) {
  const std::scoped_lock lock(mutex_);
  const std::size_t returned = std::min(unsent, grant.count);
  sent_ -= returned;
  if (options_.messages_per_minute == 0 || returned == 0) return;
  const auto steps = grant.step * static_cast<nanoseconds::rep>(returned);
  SteadyTime least{};
  if (const std::uint64_t later = granted_ - grant.granted_so_far; later > 0) {
    least = *granted_at_ + std::chrono::ceil<nanoseconds>(interval_ * static_cast<double>(later));
  }
  for (Line& line : lines_) line.next = std::max(line.next - steps, std::min(line.next, least));
}

std::uint64_t SendBudget::sent() const {
  const std::scoped_lock lock(mutex_);
  return sent_;
}

void SendBudget::on_throttled(SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  if (throttled_at_ && now - *throttled_at_ < echoes) return;
  throttled_at_ = now;
  throttle_.cut(now, throttled_factor, throttled_share_min);
}

void SendBudget::on_latency(SteadyTime now, std::uint64_t answers, nanoseconds mean) {
  const std::scoped_lock lock(mutex_);
  if (watch_.on_answers(now, answers, mean)) latency_.cut(now, slow_factor, slow_share_min);
}

void SendBudget::pause_until(SteadyTime now, SteadyTime until) {
  const std::scoped_lock lock(mutex_);
  if (until <= paused_until_ || until <= now) return;
  paused_until_ = until;
  throttle_.hold(now, until);
  latency_.hold(now, until);
}

double SendBudget::rate_share(SteadyTime now) const {
  const std::scoped_lock lock(mutex_);
  return share_now(now);
}

double SendBudget::share_now(SteadyTime now) const {
  return ramp_share(now) * throttle_.at(now) * latency_.at(now);
}

double SendBudget::ramp_share(SteadyTime now) const {
  if (options_.ramp <= 0ns) return 1;
  return first_share_ + (1 - first_share_) * progress(now - ramp_start_, options_.ramp);
}

double SendBudget::share_of(Priority priority, SteadyTime now) const {
  switch (priority) {
    case Priority::urgent:
      return 1;
    case Priority::normal:
      return asked_lately(Priority::urgent, now) ? 1 - options_.reserve / 2 : 1;
    case Priority::bulk:
      break;
  }
  const bool leaves_reserve =
      asked_lately(Priority::urgent, now) || asked_lately(Priority::normal, now);
  const double share = leaves_reserve ? 1 - options_.reserve : 1;
  return options_.avoid_quarter_hours ? share * quarter_hour_share(options_.wall_clock()) : share;
}

bool SendBudget::asked_lately(Priority priority, SteadyTime now) const {
  const auto& at = asked_at_[index_of(priority)];
  return at && now - *at <= lately;
}

std::size_t SendBudget::room(SteadyTime now, Priority priority, Nanoseconds step) const {
  const std::size_t own = index_of(priority);
  const Line& limit = lines_[limit_line];
  const std::size_t regular =
      std::min(limit.room(now, ahead[own], step),
               lines_[own].room(now, ahead[own], step / share_of(priority, now)));
  if (trickle_share[own] == 0) return regular;
  const std::size_t trickle = std::min(limit.room(now, tolerance, step),
                                       trickles_[own].room(now, 0ns, step / trickle_share[own]));
  return std::max(regular, trickle);
}

void SendBudget::take(SteadyTime now, Priority priority, std::size_t count, Nanoseconds step) {
  const std::size_t own = index_of(priority);
  for (const Priority each : {Priority::urgent, Priority::normal, Priority::bulk}) {
    Line& line = lines_[index_of(each)];
    const Nanoseconds its_step = step / share_of(each, now);
    const SteadyTime before = line.next;
    line.advance(now, count, its_step);
    if (each == priority || each == Priority::urgent) continue;
    // Others may block it only for so long after they have gone.
    const SteadyTime most =
        now + ahead[index_of(each)] + std::max(tolerance, std::chrono::ceil<nanoseconds>(its_step));
    line.next = std::max(before, std::min(line.next, most));
  }
  if (trickle_share[own] > 0) {
    trickles_[own].next = now;
    trickles_[own].advance(now, 1, step / trickle_share[own]);
  }
  granted_at_ = now;
  granted_ += count;
  sent_ += count;
}

SteadyTime SendBudget::opens(Priority priority) const {
  const std::size_t own = index_of(priority);
  const SteadyTime limit = lines_[limit_line].next;
  const SteadyTime regular = std::max(limit, lines_[own].next) - ahead[own];
  if (trickle_share[own] == 0) return regular;
  return std::min(regular, std::max(limit - tolerance, trickles_[own].next));
}

}  // namespace fanfare::client
