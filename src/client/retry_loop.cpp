#include "client/retry_loop.h"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "client/retry_wait.h"
#include "client/unsent_attempt.h"

namespace fanfare::client {
namespace {

using std::chrono::milliseconds;

// Saturates: a wait of "forever" must not wrap into the past.
SteadyTime later(SteadyTime time, milliseconds delay) noexcept {
  const auto room = std::chrono::duration_cast<milliseconds>(SteadyTime::max() - time);
  return delay >= room ? SteadyTime::max() : time + delay;
}

// A sweep of the retries that lack means goes through all of them.
constexpr std::chrono::seconds sweep_every(1);

constexpr std::string_view too_late = "given up before its first attempt: its time was over";
constexpr std::string_view too_late_for_its_target =
    "given up before its first attempt: its target takes no more messages until its time is over";

// FCM did its part: neither a sign of an outage nor lost on the way.
bool is_answered_for_good(VerdictKind kind) noexcept {
  switch (kind) {
    case VerdictKind::accepted:
    case VerdictKind::device_gone:
    case VerdictKind::device_malformed:
    case VerdictKind::device_foreign:
    case VerdictKind::device_suspect:
    case VerdictKind::message_invalid:
    case VerdictKind::platform_blocked:
    case VerdictKind::credential_stale:
    case VerdictKind::project_blocked:
      return true;
    case VerdictKind::throttled_project:
    case VerdictKind::throttled_target:
    case VerdictKind::service_unavailable:
    case VerdictKind::unknown_outcome:
    case VerdictKind::unsent:
      return false;
  }
  return false;
}

// An attempt that never arrived was no load, so what follows it is not one more.
bool needs_means(const Delivery& delivery) noexcept {
  return delivery.attempts > 0 && !(delivery.tried && delivery.verdict.kind == VerdictKind::unsent);
}

bool is_first_attempt(const Delivery& delivery) noexcept {
  return delivery.attempts == 0 && !delivery.tried;
}

template <class T>
void move_to_end(std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), std::move_iterator(from.begin()), std::move_iterator(from.end()));
  from.clear();
}

}  // namespace

void LoopEvents::clear() noexcept {
  finals.clear();
  waiting.clear();
  held.clear();
  holds.clear();
}

RetryLoop::RetryLoop(const RetryOptions& options, Random random)
    : options_(options),
      random_(random),
      budget_(options.retry_budget),
      limits_(options.target_limits),
      window_(std::max<std::size_t>(1, options.first_window)) {}

void RetryLoop::submit(DeliveryPtr delivery, SteadyTime now) {
  const SteadyTime start = std::max(now, delivery->not_before.value_or(now));
  delivery->deadline = later(now, options_.give_up_after);
  delivery->target_key = limits_.expect(delivery->target);
  if (delivery->expires) delivery->deadline = std::min(delivery->deadline, *delivery->expires);
  if (is_held(*delivery)) {
    end_as_held(std::move(delivery));
  } else if (starts_too_late(*delivery, start)) {
    give_up(std::move(delivery), too_late);
  } else if (start > now) {
    wait_until(start, std::move(delivery));
  } else {
    first_deadline_ = std::min(first_deadline_, delivery->deadline);
    line_up(std::move(delivery));
  }
}

void RetryLoop::on_attempt(DeliveryPtr delivery, SteadyTime now) {
  assert(sending_ > 0 && "an attempt of a delivery that is on the wire");
  --sending_;
  delivery->tried = true;
  const VerdictKind kind = delivery->verdict.kind;
  if (kind != VerdictKind::unsent) {
    ++delivery->attempts;
    delivery->unsent_in_row = 0;
    unsent_in_row_ = 0;
    note_retry_answered(*delivery, now);
  }
  switch (kind) {
    case VerdictKind::accepted:
      if (window_ < options_.max_window) ++window_;
      return end_as_final(std::move(delivery));
    case VerdictKind::device_gone:
    case VerdictKind::device_malformed:
    case VerdictKind::device_foreign:
    case VerdictKind::device_suspect:
    case VerdictKind::message_invalid:
      return end_as_final(std::move(delivery));
    case VerdictKind::platform_blocked:
      return hold_platform(std::move(delivery));
    // The sender has refreshed the token already: what is still stale is blocked.
    case VerdictKind::credential_stale:
    case VerdictKind::project_blocked:
      return hold_project(std::move(delivery));
    case VerdictKind::throttled_project:
      pause_project(delivery->attempt(), now);
      return retry(std::move(delivery), now);
    case VerdictKind::throttled_target:
      pause_target(*delivery, now);
      return retry(std::move(delivery), now);
    case VerdictKind::service_unavailable:
      return retry(std::move(delivery), now);
    case VerdictKind::unknown_outcome:
      if (options_.on_unknown == OnUnknown::drop || delivery->drop_unknown) {
        return end_as_final(std::move(delivery));
      }
      return retry(std::move(delivery), now);
    case VerdictKind::unsent:
      return resend(std::move(delivery), now);
  }
}

void RetryLoop::take_sends(SteadyTime now, std::vector<DeliveryPtr>& out) {
  if (now < paused_until_) return;
  while (!due_.empty() && due_.begin()->first <= now) {
    line_up(std::move(due_.begin()->second));
    due_.erase(due_.begin());
  }
  give_up_late_retries(now);
  std::uint64_t first_attempts = 0;
  while (sending_ < window_) {
    DeliveryPtr delivery = next_to_start(now);
    if (!delivery) break;
    delivery = admit(std::move(delivery), now);
    if (!delivery) continue;
    if (is_first_attempt(*delivery)) {
      ++first_attempts;
    } else if (needs_means(*delivery)) {
      budget_.on_retry(now);
      delivery->is_retry = true;
    }
    if (delivery->attempts > 0) ++retries_;
    ++sending_;
    out.push_back(std::move(delivery));
  }
  if (first_attempts > 0) budget_.on_first_attempts(now, first_attempts);
}

void RetryLoop::line_up(DeliveryPtr delivery) {
  if (!needs_means(*delivery)) {
    ready_.push_back(std::move(delivery));
    return;
  }
  // No attempt starts after the deadline; at it, one may.
  if (delivery->deadline < SteadyTime::max()) {
    const SteadyTime too_late_at = delivery->deadline + SteadyTime::duration(1);
    sweep_at_ = std::min(sweep_at_, std::max(too_late_at, swept_at_ + sweep_every));
  }
  due_retries_.push_back(std::move(delivery));
}

// Retries with means and all others take turns, so that after an outage neither keeps the other
// from the window.
DeliveryPtr RetryLoop::next_to_start(SteadyTime now) {
  const bool may_retry = !due_retries_.empty() && budget_.earliest(now) <= now;
  retrys_turn_ = may_retry && (!retrys_turn_ || ready_.empty());
  auto& line = retrys_turn_ ? due_retries_ : ready_;
  if (line.empty()) return nullptr;
  DeliveryPtr next = std::move(line.front());
  line.pop_front();
  return next;
}

// Gives back what may start now. Another has ended, or waits for its target.
DeliveryPtr RetryLoop::admit(DeliveryPtr delivery, SteadyTime now) {
  if (starts_too_late(*delivery, now)) {
    give_up(std::move(delivery), too_late);
    return nullptr;
  }
  const SteadyTime free = limits_.reserve(delivery->target_key, now);
  if (free <= now) return delivery;
  if (starts_too_late(*delivery, free)) {
    give_up(std::move(delivery), too_late_for_its_target);
  } else {
    wait_until(free, std::move(delivery));
  }
  return nullptr;
}

void RetryLoop::take_events(LoopEvents& out) {
  move_to_end(events_.finals, out.finals);
  move_to_end(events_.waiting, out.waiting);
  move_to_end(events_.held, out.held);
  move_to_end(events_.holds, out.holds);
}

void RetryLoop::stop() {
  stopped_ = true;
  end_idle([](const Delivery&) { return true; },
           [this](DeliveryPtr idle) { end_as_held(std::move(idle)); });
}

void RetryLoop::start_over(std::size_t first_window) {
  assert(sending_ + ready() + waiting() == 0 && "a loop that is empty");
  project_held_ = false;
  held_platforms_.clear();
  refused_unknown_platform_ = 0;
  unsent_in_row_ = 0;
  options_.first_window = first_window;
  window_ = std::max<std::size_t>(1, first_window);
}

std::optional<SteadyTime> RetryLoop::next_due() const {
  if (sending_ >= window_) return std::nullopt;  // Only the end of an attempt makes room.
  if (!ready_.empty()) return paused_until_;     // In the past unless paused: at once.
  SteadyTime due = SteadyTime::max();
  if (!due_.empty()) due = due_.begin()->first;
  // With means: in the past.
  if (!due_retries_.empty()) due = std::min({due, budget_.earliest(SteadyTime{}), sweep_at_});
  if (due == SteadyTime::max()) return std::nullopt;
  return std::max(due, paused_until_);
}

void RetryLoop::take_idle(SteadyTime time, std::vector<DeliveryPtr>& out) {
  const auto take = [&](DeliveryPtr idle, SteadyTime start) {
    idle->not_before = std::max(start, paused_until_);
    out.push_back(std::move(idle));
  };
  if (paused_until_ >= time) {
    for (auto& idle : std::exchange(ready_, {})) take(std::move(idle), paused_until_);
    for (auto& idle : std::exchange(due_retries_, {})) take(std::move(idle), paused_until_);
  }
  const auto first = paused_until_ >= time ? due_.begin() : due_.lower_bound(time);
  for (auto at = first; at != due_.end(); ++at) take(std::move(at->second), at->first);
  due_.erase(first, due_.end());
}

void RetryLoop::release_platform(const std::string& platform) {
  held_platforms_.erase(platform);
  if (platform.empty()) refused_unknown_platform_ = 0;
}

bool RetryLoop::may_try_again(const Delivery& delivery) const noexcept {
  const int most = delivery.max_attempts > 0 ? delivery.max_attempts : options_.max_attempts;
  return delivery.attempts < most;
}

std::size_t RetryLoop::sending() const noexcept {
  return sending_;
}
std::size_t RetryLoop::ready() const noexcept {
  return ready_.size();
}
std::size_t RetryLoop::waiting() const noexcept {
  return due_.size() + due_retries_.size();
}
std::size_t RetryLoop::window() const noexcept {
  return window_;
}
bool RetryLoop::project_held() const noexcept {
  return project_held_;
}
std::uint64_t RetryLoop::retries() const noexcept {
  return retries_;
}

void RetryLoop::end_as_final(DeliveryPtr delivery) {
  events_.finals.push_back(std::move(delivery));
}

void RetryLoop::end_as_held(DeliveryPtr delivery) {
  events_.held.push_back(std::move(delivery));
}

void RetryLoop::wait_until(SteadyTime due, DeliveryPtr delivery) {
  first_deadline_ = std::min(first_deadline_, delivery->deadline);
  due_.emplace(due, std::move(delivery));
}

void RetryLoop::retry(DeliveryPtr delivery, SteadyTime now) {
  const WaitBounds bounds = wait_bounds(options_, delivery->verdict, delivery->attempts);
  const SteadyTime due = later(now, random_.between(bounds.low, bounds.high));
  if (!may_try_again(*delivery) || starts_too_late(*delivery, due)) {
    return end_as_final(std::move(delivery));
  }
  if (is_held(*delivery)) return end_as_held(std::move(delivery));
  events_.waiting.push_back(
      {delivery->id, delivery->attempts, std::max(due, paused_until_), delivery->attempt()});
  wait_until(due, std::move(delivery));
}

// A lost connection returns what it carried: that goes again at once. A host that can't be reached
// returns everything, again and again; that is waited for, and ends.
void RetryLoop::resend(DeliveryPtr delivery, SteadyTime now) {
  ++delivery->unsent_in_row;
  ++unsent_in_row_;
  const auto at_once = static_cast<std::size_t>(std::max(0, options_.unsent_at_once));
  if (static_cast<std::size_t>(delivery->unsent_in_row) >= at_once ||
      unsent_in_row_ >= at_once + window_) {
    ++delivery->attempts;
    return retry(std::move(delivery), now);
  }
  if (starts_too_late(*delivery, now)) return end_as_final(std::move(delivery));
  if (is_held(*delivery)) return end_as_held(std::move(delivery));
  first_deadline_ = std::min(first_deadline_, delivery->deadline);
  ready_.push_front(std::move(delivery));
}

void RetryLoop::note_retry_answered(Delivery& delivery, SteadyTime now) {
  if (!delivery.is_retry) return;
  delivery.is_retry = false;
  if (is_answered_for_good(delivery.verdict.kind)) budget_.on_retry_answered(now);
}

// Its other messages wait as long as it does: the target is full, not the message at fault.
void RetryLoop::pause_target(const Delivery& delivery, SteadyTime now) {
  limits_.pause(delivery.target, now, later(now, pause_after(options_, delivery.verdict)));
}

void RetryLoop::pause_project(const Attempt& attempt, SteadyTime now) {
  // What was on the wire when the pause began says the same again: it narrows the window once.
  if (now >= paused_until_) {
    window_ = std::max<std::size_t>({1, options_.first_window / 10, window_ / 2});
  }
  paused_until_ = std::max(paused_until_, later(now, pause_after(options_, attempt.verdict)));
  paused_by_ = attempt;
  give_up_what_the_pause_outlasts();
}

void RetryLoop::hold_project(DeliveryPtr delivery) {
  if (!project_held_) {
    project_held_ = true;
    events_.holds.push_back({Hold::Scope::project, {}, delivery->attempt()});
    end_idle([](const Delivery&) { return true; },
             [this](DeliveryPtr idle) { end_as_held(std::move(idle)); });
  }
  end_as_held(std::move(delivery));
}

void RetryLoop::hold_platform(DeliveryPtr delivery) {
  const std::string& platform = delivery->platform;
  const bool due =
      !platform.empty() || ++refused_unknown_platform_ >= options_.unknown_platform_refusals;
  if (due && held_platforms_.insert(platform).second) {
    events_.holds.push_back({Hold::Scope::platform, platform, delivery->attempt()});
    end_idle([&](const Delivery& idle) { return idle.platform == platform; },
             [this](DeliveryPtr idle) { end_as_held(std::move(idle)); });
  }
  end_as_held(std::move(delivery));
}

// Deliveries whose patience ends within the pause end now, not after it: their owner asked to hear
// by then.
void RetryLoop::give_up_what_the_pause_outlasts() {
  if (paused_until_ <= first_deadline_) return;
  end_idle([this](const Delivery& idle) { return idle.deadline < paused_until_; },
           [this](DeliveryPtr idle) { give_up(std::move(idle), too_late); });
  first_deadline_ = SteadyTime::max();
  for (const auto& idle : ready_) first_deadline_ = std::min(first_deadline_, idle->deadline);
  for (const auto& idle : due_retries_) {
    first_deadline_ = std::min(first_deadline_, idle->deadline);
  }
  for (const auto& [due, idle] : due_) first_deadline_ = std::min(first_deadline_, idle->deadline);
}

// A retry may lack means for long. Its owner hears when its time is over, or a second later.
void RetryLoop::give_up_late_retries(SteadyTime now) {
  if (now < sweep_at_) return;
  swept_at_ = now;
  sweep_at_ = SteadyTime::max();
  for (auto& retry : std::exchange(due_retries_, {})) {
    if (starts_too_late(*retry, now)) {
      give_up(std::move(retry), too_late);
    } else {
      line_up(std::move(retry));
    }
  }
}

// Ends a delivery that is not on the wire; one that was never tried gets its last word from
// elsewhere, or hears the reason.
void RetryLoop::give_up(DeliveryPtr delivery, std::string_view reason) {
  if (!delivery->tried) {
    const bool by_pause = paused_by_ && delivery->deadline < paused_until_;
    delivery->set_attempt(by_pause ? *paused_by_
                                   : unsent_attempt(delivery->target, std::string(reason)));
  }
  end_as_final(std::move(delivery));
}

// Ends those not on the wire that match.
template <class Match, class End>
void RetryLoop::end_idle(Match match, End end) {
  for (auto* line : {&ready_, &due_retries_}) {
    for (auto& idle : std::exchange(*line, {})) {
      if (match(*idle)) {
        end(std::move(idle));
      } else {
        line->push_back(std::move(idle));
      }
    }
  }
  for (auto it = due_.begin(); it != due_.end();) {
    const auto idle = it++;
    if (!match(*idle->second)) continue;
    end(std::move(idle->second));
    due_.erase(idle);
  }
}

bool RetryLoop::is_held(const Delivery& delivery) const {
  return stopped_ || project_held_ || held_platforms_.contains(delivery.platform);
}

bool RetryLoop::starts_too_late(const Delivery& delivery, SteadyTime start) const noexcept {
  return std::max(start, paused_until_) > delivery.deadline;
}

}  // namespace fanfare::client
