#include "client/target_stream.h"

#include <utility>

#include "client/outcome.h"

namespace fanfare::client {
namespace {

// Asked for in one go, before the answers are looked at again.
constexpr int max_targets_per_turn = 256;

class TargetStream {
 public:
  TargetStream(AttemptPort& port, const RetryOptions& options, Random random,
               const std::function<bool(Target&)>& next,
               const std::function<void(const Outcome&)>& on_outcome)
      : port_(port), next_(next), on_outcome_(on_outcome), loop_(options, random) {}

  void run() {
    while (more_ || open() > 0) {
      submit_some();
      start_due();
      report();
      collect();
      report();  // Frees their room before more are asked for.
    }
  }

 private:
  [[nodiscard]] std::size_t open() const noexcept {
    return loop_.sending() + loop_.ready() + loop_.waiting();
  }

  [[nodiscard]] bool has_room() const noexcept {
    return more_ && loop_.sending() + loop_.ready() < loop_.window() && open() < max_open_targets;
  }

  void submit_some() {
    const SteadyTime now = port_.now();
    for (int i = 0; i < max_targets_per_turn && has_room(); ++i) {
      DeliveryPtr delivery = stock_.make();
      if (!next_(delivery->target)) {
        more_ = false;
        return;
      }
      delivery->id = next_id_++;
      loop_.submit(std::move(delivery), now);
    }
  }

  void start_due() {
    loop_.take_sends(port_.now(), sends_);
    if (!sends_.empty()) port_.start(sends_);
  }

  void report() {
    loop_.take_events(events_);
    if (!events_.holds.empty()) blocked_by_ = std::move(events_.holds.back().attempt);
    for (DeliveryPtr& ended : events_.finals) tell(std::move(ended));
    for (DeliveryPtr& held : events_.held) {
      explain_hold(*held, blocked_by_);
      tell(std::move(held));
    }
    events_.clear();
  }

  // Looks, and waits only where there is nothing else to do.
  void collect() {
    if (open() == 0) return;
    const SteadyTime until =
        has_room() ? SteadyTime{} : loop_.next_due().value_or(SteadyTime::max());
    done_.clear();
    port_.wait(until, done_);
    const SteadyTime now = port_.now();
    for (std::size_t i = 0; i < done_.size(); ++i) {
      prefetch_ahead(done_, i);
      loop_.on_attempt(std::move(done_[i]), now);
    }
  }

  void tell(DeliveryPtr delivery) {
    on_outcome_(*delivery);
    stock_.give_back(std::move(delivery));
  }

  AttemptPort& port_;
  const std::function<bool(Target&)>& next_;
  const std::function<void(const Outcome&)>& on_outcome_;
  RetryLoop loop_;
  DeliveryId next_id_ = 1;
  bool more_ = true;
  std::optional<Attempt> blocked_by_;
  DeliveryStock stock_;
  std::vector<DeliveryPtr> sends_;
  std::vector<DeliveryPtr> done_;
  LoopEvents events_;
};

}  // namespace

std::function<bool(Target&)> filling(const std::function<std::optional<Target>()>& next) {
  return [&next](Target& target) {
    auto made = next();
    if (!made) return false;
    target = *std::move(made);
    return true;
  };
}

void send_to_each(AttemptPort& port, const RetryOptions& options, Random random,
                  const std::function<bool(Target&)>& next,
                  const std::function<void(const Outcome&)>& on_outcome) {
  TargetStream(port, options, random, next, on_outcome).run();
}

}  // namespace fanfare::client
