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
    : lane_(lane), loop_(without_platform_holds(options), random) {}

Outbox::~Outbox() = default;

void Outbox::send(std::shared_ptr<const fcm::EncodedMessage> message, Target target,
                  Callback on_outcome, Priority priority) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back({std::move(message), std::move(target), std::move(on_outcome), priority});
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
    auto delivery = std::make_unique<Delivery>();
    delivery->id = next_id_++;
    delivery->target = std::move(letter.target);
    delivery->message = std::move(letter.message);
    delivery->priority = letter.priority;
    delivery->sink = {std::shared_ptr<void>(), this};  // Which outlives the lane.
    letters_.emplace(delivery->id, std::move(letter.on_outcome));
    loop_.submit(std::move(delivery), now);
  }
}

void Outbox::send_due(Sender& sender, SteadyTime now) {
  loop_.take_sends(now, sends_);
  for (DeliveryPtr& delivery : sends_) sender.send(std::move(delivery));
  sends_.clear();
}

void Outbox::on_attempt(DeliveryPtr delivery) {
  loop_.on_attempt(std::move(delivery), std::chrono::steady_clock::now());
  turn_soon();
}

void Outbox::report() {
  LoopEvents events = std::exchange(events_, {});
  loop_.take_events(events);
  if (!events.holds.empty()) blocked_by_ = std::move(events.holds.back().attempt);
  for (DeliveryPtr& ended : events.finals) report_one(std::move(ended));
  for (DeliveryPtr& held : events.held) {
    explain_hold(*held, blocked_by_);
    report_one(std::move(held));
  }
  events.finals.clear();
  events.held.clear();
  events.holds.clear();
  events.waiting.clear();  // They are nobody's news: the outcome is still to come.
  events_ = std::move(events);
}

void Outbox::report_one(DeliveryPtr delivery) {
  const auto on_outcome = letters_.extract(delivery->id);
  on_outcome.mapped()(static_cast<Outcome&&>(*delivery));
}

void Outbox::renew_after_hold() {
  if (!loop_.project_held() || loop_.sending() > 0) return;
  loop_.start_over(1);
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
