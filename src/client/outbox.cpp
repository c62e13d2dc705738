#include "client/outbox.h"

#include <limits>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "client/outcome.h"

namespace fanfare::client {
namespace {

// A client does not know the platforms of its targets, and a broken APNs key is no reason to keep
// messages from Android devices: only the refused ones end so.
RetryOptions without_platform_holds(RetryOptions options) {
  options.unknown_platform_refusals = std::numeric_limits<std::size_t>::max();
  return options;
}

}  // namespace

Outbox::Outbox(Lane& lane, const RetryOptions& options, Random random)
    : lane_(lane),
      options_(without_platform_holds(options)),
      random_(random),
      loop_(options_, Random(random_.next())) {}

Outbox::~Outbox() = default;

void Outbox::send(std::shared_ptr<const fcm::EncodedMessage> message, Target target,
                  Callback on_outcome) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back({std::move(message), std::move(target), std::move(on_outcome)});
  }
  turn_soon();
}

void Outbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  turn_soon();
}

// One turn for all that has happened until it runs.
void Outbox::turn_soon() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(turn_posted_, true)) return;
  }
  lane_.post([this](Sender* sender) { turn(sender); });
}

void Outbox::turn(Sender* sender) {
  bool closed = false;
  {
    const std::lock_guard lock(mutex_);
    turn_posted_ = false;
    closed = closed_;
  }
  if (closed || sender == nullptr) shut();
  const SteadyTime now = std::chrono::steady_clock::now();
  accept_inbox(now);
  if (sender != nullptr) send_due(*sender, now);
  report();
  if (closed || sender == nullptr) return;
  renew_after_hold();
  arm_timer(now);
}

void Outbox::shut() {
  timer_.reset();
  loop_.stop();
}

void Outbox::accept_inbox(SteadyTime now) {
  std::vector<Letter> letters;
  {
    const std::lock_guard lock(mutex_);
    letters.swap(inbox_);
  }
  for (Letter& letter : letters) {
    Delivery delivery;
    delivery.id = next_id_++;
    delivery.target = std::move(letter.target);
    letters_.emplace(delivery.id, std::move(letter));
    loop_.submit(std::move(delivery), now);
  }
}

void Outbox::send_due(Sender& sender, SteadyTime now) {
  sends_.clear();
  loop_.take_sends(now, sends_);
  for (const Delivery& delivery : sends_) {
    sender.send(letters_.at(delivery.id).message, delivery.target,
                [this, id = delivery.id](Attempt attempt) {
                  loop_.on_attempt(id, std::move(attempt), std::chrono::steady_clock::now());
                  turn_soon();
                });
  }
}

void Outbox::report() {
  LoopEvents events = std::exchange(events_, {});
  loop_.take_events(events);
  if (!events.holds.empty()) blocked_by_ = std::move(events.holds.back().attempt);
  for (Final& final : events.finals) {
    const DeliveryId id = final.id;
    report_one(id, outcome_of(std::move(final)));
  }
  for (Held& held : events.held) {
    const DeliveryId id = held.id;
    report_one(id, outcome_of(std::move(held), blocked_by_));
  }
  events.finals.clear();
  events.held.clear();
  events.holds.clear();
  events.waiting.clear();  // They are nobody's news: the outcome is still to come.
  events_ = std::move(events);
}

void Outbox::report_one(DeliveryId id, Outcome outcome) {
  const auto letter = letters_.extract(id);
  letter.mapped().on_outcome(std::move(outcome));
}

void Outbox::renew_after_hold() {
  if (!loop_.project_held() || loop_.sending() > 0) return;
  RetryOptions probing = options_;
  probing.first_window = 1;
  loop_ = RetryLoop(probing, Random(random_.next()));
  blocked_by_.reset();
}

void Outbox::arm_timer(SteadyTime now) {
  const auto due = loop_.next_due();
  if (!due) {
    timer_.reset();
    return;
  }
  if (*due <= now) return turn_soon();
  if (!timer_) timer_.emplace(lane_.io());
  timer_->expires_at(*due);
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error) turn_soon();
  });
}

}  // namespace fanfare::client
