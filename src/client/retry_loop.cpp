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

template <class T>
void move_to_end(std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), std::move_iterator(from.begin()), std::move_iterator(from.end()));
  from.clear();
}

}  // namespace

RetryLoop::RetryLoop(const RetryOptions& options, Random random)
    : options_(options), random_(random), window_(std::max<std::size_t>(1, options.first_window)) {}

void RetryLoop::submit(DeliveryPtr delivery, SteadyTime now) {
  const SteadyTime start = std::max(now, delivery->not_before.value_or(now));
  delivery->deadline = later(now, options_.give_up_after);
  if (is_held(*delivery)) {
    end_as_held(std::move(delivery));
  } else if (starts_too_late(*delivery, start)) {
    give_up(std::move(delivery));
  } else if (start > now) {
    wait_until(start, std::move(delivery));
  } else {
    first_deadline_ = std::min(first_deadline_, delivery->deadline);
    ready_.push_back(std::move(delivery));
  }
}

void RetryLoop::on_attempt(DeliveryPtr delivery, SteadyTime now) {
  assert(sending_ > 0 && "an attempt of a delivery that is on the wire");
  --sending_;
  delivery->tried = true;
  const VerdictKind kind = delivery->attempt.verdict.kind;
  if (kind != VerdictKind::unsent) {
    ++delivery->attempts;
    delivery->unsent_in_row = 0;
    unsent_in_row_ = 0;
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
      pause_project(delivery->attempt, now);
      return retry(std::move(delivery), now);
    case VerdictKind::throttled_target:
    case VerdictKind::service_unavailable:
      return retry(std::move(delivery), now);
    case VerdictKind::unknown_outcome:
      if (options_.on_unknown == OnUnknown::drop) return end_as_final(std::move(delivery));
      return retry(std::move(delivery), now);
    case VerdictKind::unsent:
      return resend(std::move(delivery), now);
  }
}

void RetryLoop::take_sends(SteadyTime now, std::vector<DeliveryPtr>& out) {
  if (now < paused_until_) return;
  while (!due_.empty() && due_.begin()->first <= now) {
    ready_.push_back(std::move(due_.begin()->second));
    due_.erase(due_.begin());
  }
  while (sending_ < window_ && !ready_.empty()) {
    DeliveryPtr delivery = std::move(ready_.front());
    ready_.pop_front();
    if (starts_too_late(*delivery, now)) {
      give_up(std::move(delivery));
      continue;
    }
    if (delivery->attempts > 0) ++retries_;
    ++sending_;
    out.push_back(std::move(delivery));
  }
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

std::optional<SteadyTime> RetryLoop::next_due() const {
  if (sending_ >= window_) return std::nullopt;  // Only the end of an attempt makes room.
  if (!ready_.empty()) return paused_until_;     // In the past unless paused: at once.
  if (!due_.empty()) return std::max(due_.begin()->first, paused_until_);
  return std::nullopt;
}

std::size_t RetryLoop::sending() const noexcept {
  return sending_;
}
std::size_t RetryLoop::ready() const noexcept {
  return ready_.size();
}
std::size_t RetryLoop::waiting() const noexcept {
  return due_.size();
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
  const Attempt& attempt = delivery->attempt;
  const WaitBounds bounds = wait_bounds(options_, attempt.verdict, delivery->attempts);
  const SteadyTime due = later(now, random_.between(bounds.low, bounds.high));
  if (delivery->attempts >= options_.max_attempts || starts_too_late(*delivery, due)) {
    return end_as_final(std::move(delivery));
  }
  if (is_held(*delivery)) return end_as_held(std::move(delivery));
  events_.waiting.push_back(
      {delivery->id, delivery->attempts, std::max(due, paused_until_), attempt});
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
    events_.holds.push_back({Hold::Scope::project, {}, delivery->attempt});
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
    events_.holds.push_back({Hold::Scope::platform, platform, delivery->attempt});
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
           [this](DeliveryPtr idle) { give_up(std::move(idle)); });
  first_deadline_ = SteadyTime::max();
  for (const auto& idle : ready_) first_deadline_ = std::min(first_deadline_, idle->deadline);
  for (const auto& [due, idle] : due_) first_deadline_ = std::min(first_deadline_, idle->deadline);
}

// Ends a delivery that is not on the wire; one that was never tried gets its last word from
// elsewhere.
void RetryLoop::give_up(DeliveryPtr delivery) {
  if (!delivery->tried) {
    const bool by_pause = paused_by_ && delivery->deadline < paused_until_;
    delivery->attempt =
        by_pause ? *paused_by_
                 : unsent_attempt(delivery->target,
                                  "given up before its first attempt: its time was over");
  }
  end_as_final(std::move(delivery));
}

// Ends those not on the wire that match.
template <class Match, class End>
void RetryLoop::end_idle(Match match, End end) {
  for (auto& idle : std::exchange(ready_, {})) {
    if (match(*idle)) {
      end(std::move(idle));
    } else {
      ready_.push_back(std::move(idle));
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
