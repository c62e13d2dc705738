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

void RetryLoop::submit(Delivery delivery, SteadyTime now) {
  const DeliveryId id = delivery.id;
  const SteadyTime start = std::max(now, delivery.not_before.value_or(now));
  const auto [found, fresh] =
      entries_.try_emplace(id, Entry{.delivery = std::move(delivery),
                                     .deadline = later(now, options_.give_up_after),
                                     .latest = std::nullopt});
  assert(fresh && "the id of a delivery is unique among those that are not final");
  first_deadline_ = std::min(first_deadline_, found->second.deadline);
  if (is_held(found->second.delivery)) {
    end_as_held(found, std::nullopt);
  } else if (starts_too_late(found->second, start)) {
    end_as_final(found, last_word(found->second));
  } else if (start > now) {
    due_.emplace(start, id);
  } else {
    ready_.push_back(id);
  }
}

void RetryLoop::on_attempt(DeliveryId id, Attempt attempt, SteadyTime now) {
  const auto found = entries_.find(id);
  assert(found != entries_.end() && sending_ > 0 && "an attempt of a delivery that is on the wire");
  --sending_;
  if (attempt.verdict.kind != VerdictKind::unsent) {
    ++found->second.delivery.attempts;
    found->second.unsent_in_row = 0;
    unsent_in_row_ = 0;
  }
  switch (attempt.verdict.kind) {
    case VerdictKind::accepted:
      if (window_ < options_.max_window) ++window_;
      return end_as_final(found, std::move(attempt));
    case VerdictKind::device_gone:
    case VerdictKind::device_malformed:
    case VerdictKind::device_foreign:
    case VerdictKind::device_suspect:
    case VerdictKind::message_invalid:
      return end_as_final(found, std::move(attempt));
    case VerdictKind::platform_blocked:
      return hold_platform(found, std::move(attempt));
    // The sender has refreshed the token already: what is still stale is blocked.
    case VerdictKind::credential_stale:
    case VerdictKind::project_blocked:
      return hold_project(found, std::move(attempt));
    case VerdictKind::throttled_project:
      pause_project(attempt, now);
      return retry(found, std::move(attempt), now);
    case VerdictKind::throttled_target:
    case VerdictKind::service_unavailable:
      return retry(found, std::move(attempt), now);
    case VerdictKind::unknown_outcome:
      if (options_.on_unknown == OnUnknown::drop) return end_as_final(found, std::move(attempt));
      return retry(found, std::move(attempt), now);
    case VerdictKind::unsent:
      return resend(found, std::move(attempt), now);
  }
}

void RetryLoop::take_sends(SteadyTime now, std::vector<Delivery>& out) {
  if (now < paused_until_) return;
  while (!due_.empty() && due_.begin()->first <= now) {
    ready_.push_back(due_.begin()->second);
    due_.erase(due_.begin());
  }
  while (sending_ < window_ && !ready_.empty()) {
    const auto found = entries_.find(ready_.front());
    ready_.pop_front();
    Entry& entry = found->second;
    if (starts_too_late(entry, now)) {
      end_as_final(found, last_word(entry));
      continue;
    }
    if (entry.delivery.attempts > 0) ++retries_;
    ++sending_;
    out.push_back(entry.delivery);
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
  end_idle([](const Entry&) { return true; },
           [this](Entries::iterator found) { end_as_held(found, found->second.latest); });
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

void RetryLoop::end_as_final(Entries::iterator found, Attempt attempt) {
  Delivery& delivery = found->second.delivery;
  events_.finals.push_back(
      {delivery.id, std::move(delivery.target), delivery.attempts, std::move(attempt)});
  entries_.erase(found);
}

void RetryLoop::end_as_held(Entries::iterator found, std::optional<Attempt> attempt) {
  Delivery& delivery = found->second.delivery;
  events_.held.push_back(
      {delivery.id, std::move(delivery.target), delivery.attempts, std::move(attempt)});
  entries_.erase(found);
}

void RetryLoop::retry(Entries::iterator found, Attempt attempt, SteadyTime now) {
  Entry& entry = found->second;
  const WaitBounds bounds = wait_bounds(options_, attempt.verdict, entry.delivery.attempts);
  const SteadyTime due = later(now, random_.between(bounds.low, bounds.high));
  if (entry.delivery.attempts >= options_.max_attempts || starts_too_late(entry, due)) {
    return end_as_final(found, std::move(attempt));
  }
  if (is_held(entry.delivery)) return end_as_held(found, std::move(attempt));
  const Delivery& delivery = entry.delivery;
  events_.waiting.push_back({delivery.id, delivery.target, delivery.platform, delivery.attempts,
                             std::max(due, paused_until_), attempt});
  due_.emplace(due, delivery.id);
  entry.latest = std::move(attempt);
}

// A lost connection returns what it carried: that goes again at once. A host that can't be reached
// returns everything, again and again; that is waited for, and ends.
void RetryLoop::resend(Entries::iterator found, Attempt attempt, SteadyTime now) {
  Entry& entry = found->second;
  ++entry.unsent_in_row;
  ++unsent_in_row_;
  const auto at_once = static_cast<std::size_t>(std::max(0, options_.unsent_at_once));
  if (static_cast<std::size_t>(entry.unsent_in_row) >= at_once ||
      unsent_in_row_ >= at_once + window_) {
    ++entry.delivery.attempts;
    return retry(found, std::move(attempt), now);
  }
  if (starts_too_late(entry, now)) return end_as_final(found, std::move(attempt));
  if (is_held(entry.delivery)) return end_as_held(found, std::move(attempt));
  entry.latest = std::move(attempt);
  ready_.push_front(entry.delivery.id);
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

void RetryLoop::hold_project(Entries::iterator found, Attempt attempt) {
  if (!project_held_) {
    project_held_ = true;
    events_.holds.push_back({Hold::Scope::project, {}, attempt});
    end_idle([](const Entry&) { return true; },
             [this](Entries::iterator idle) { end_as_held(idle, idle->second.latest); });
  }
  end_as_held(found, std::move(attempt));
}

void RetryLoop::hold_platform(Entries::iterator found, Attempt attempt) {
  const std::string platform = found->second.delivery.platform;
  const bool due =
      !platform.empty() || ++refused_unknown_platform_ >= options_.unknown_platform_refusals;
  if (due && held_platforms_.insert(platform).second) {
    events_.holds.push_back({Hold::Scope::platform, platform, attempt});
    end_idle([&](const Entry& entry) { return entry.delivery.platform == platform; },
             [this](Entries::iterator idle) { end_as_held(idle, idle->second.latest); });
  }
  end_as_held(found, std::move(attempt));
}

// Deliveries whose patience ends within the pause end now, not after it: their owner asked to hear
// by then.
void RetryLoop::give_up_what_the_pause_outlasts() {
  if (paused_until_ <= first_deadline_) return;
  end_idle([this](const Entry& entry) { return entry.deadline < paused_until_; },
           [this](Entries::iterator idle) { end_as_final(idle, last_word(idle->second)); });
  first_deadline_ = SteadyTime::max();
  for (const auto& [id, entry] : entries_) {
    first_deadline_ = std::min(first_deadline_, entry.deadline);
  }
}

// What a delivery ends with that is given up while it is not on the wire.
Attempt RetryLoop::last_word(const Entry& entry) const {
  if (entry.latest) return *entry.latest;
  if (paused_by_ && entry.deadline < paused_until_) return *paused_by_;
  return unsent_attempt(entry.delivery.target,
                        "given up before its first attempt: its time was over");
}

// Ends those not on the wire that match.
template <class Match, class End>
void RetryLoop::end_idle(Match match, End end) {
  const auto ended = [&](DeliveryId id) {
    const auto found = entries_.find(id);
    if (!match(found->second)) return false;
    end(found);
    return true;
  };
  std::erase_if(ready_, ended);
  std::erase_if(due_, [&](const Due& due) { return ended(due.second); });
}

bool RetryLoop::is_held(const Delivery& delivery) const {
  return stopped_ || project_held_ || held_platforms_.contains(delivery.platform);
}

bool RetryLoop::starts_too_late(const Entry& entry, SteadyTime start) const noexcept {
  return std::max(start, paused_until_) > entry.deadline;
}

}  // namespace fanfare::client
