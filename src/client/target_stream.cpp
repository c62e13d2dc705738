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
               const std::function<std::optional<Target>()>& next,
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
    return more_ && loop_.ready() < loop_.window() && open() < max_open_targets;
  }

  void submit_some() {
    for (int i = 0; i < max_targets_per_turn && has_room(); ++i) {
      auto target = next_();
      if (!target) {
        more_ = false;
        return;
      }
      Delivery delivery;
      delivery.id = next_id_++;
      delivery.target = *std::move(target);
      loop_.submit(std::move(delivery), port_.now());
    }
  }

  void start_due() {
    sends_.clear();
    loop_.take_sends(port_.now(), sends_);
    if (!sends_.empty()) port_.start(sends_);
  }

  void report() {
    loop_.take_events(events_);
    if (!events_.holds.empty()) blocked_by_ = std::move(events_.holds.back().attempt);
    for (Final& final : events_.finals) on_outcome_(outcome_of(std::move(final)));
    for (Held& held : events_.held) on_outcome_(outcome_of(std::move(held), blocked_by_));
    events_.finals.clear();
    events_.held.clear();
    events_.holds.clear();
    events_.waiting.clear();
  }

  // Looks, and waits only where there is nothing else to do.
  void collect() {
    if (open() == 0) return;
    const SteadyTime until =
        has_room() ? SteadyTime{} : loop_.next_due().value_or(SteadyTime::max());
    done_.clear();
    port_.wait(until, done_);
    for (AttemptDone& done : done_) {
      loop_.on_attempt(done.id, std::move(done.attempt), port_.now());
    }
  }

  AttemptPort& port_;
  const std::function<std::optional<Target>()>& next_;
  const std::function<void(const Outcome&)>& on_outcome_;
  RetryLoop loop_;
  DeliveryId next_id_ = 1;
  bool more_ = true;
  std::optional<Attempt> blocked_by_;
  std::vector<Delivery> sends_;
  std::vector<AttemptDone> done_;
  LoopEvents events_;
};

}  // namespace

void send_to_each(AttemptPort& port, const RetryOptions& options, Random random,
                  const std::function<std::optional<Target>()>& next,
                  const std::function<void(const Outcome&)>& on_outcome) {
  TargetStream(port, options, random, next, on_outcome).run();
}

}  // namespace fanfare::client
