// A RetryLoop with a clock that a test moves and books that add up.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "client/retry_loop.h"
#include "client/testing/attempts.h"

namespace fanfare::client::testing {

struct LoopWorld {
  explicit LoopWorld(RetryOptions options = {}, std::uint64_t seed = 1)
      : loop(options, Random(seed)) {}

  void submit(DeliveryId id, std::string platform = {}) {
    auto delivery = std::make_unique<Delivery>();
    delivery->id = id;
    delivery->target = {TargetKind::token, "token-" + std::to_string(id)};
    delivery->platform = std::move(platform);
    submit(std::move(delivery));
  }
  void submit(DeliveryPtr delivery) {
    loop.submit(std::move(delivery), now);
    ++submitted;
    loop.take_events(events);
  }
  void submit_range(DeliveryId first, DeliveryId last, const std::string& platform = {}) {
    for (DeliveryId id = first; id <= last; ++id) submit(id, platform);
  }

  /// What goes out now, as ids.
  std::vector<DeliveryId> take() {
    std::vector<DeliveryPtr> sends;
    loop.take_sends(now, sends);
    loop.take_events(events);
    std::vector<DeliveryId> ids;
    for (DeliveryPtr& delivery : sends) {
      ids.push_back(delivery->id);
      on_wire.emplace(delivery->id, std::move(delivery));
    }
    return ids;
  }

  void answer(DeliveryId id, VerdictKind kind,
              std::optional<std::chrono::seconds> retry_after = std::nullopt) {
    auto delivery = on_wire.extract(id);
    delivery.mapped()->set_attempt(attempt(kind, retry_after));
    loop.on_attempt(std::move(delivery.mapped()), now);
    loop.take_events(events);
  }
  void answer_all(const std::vector<DeliveryId>& ids, VerdictKind kind) {
    for (const DeliveryId id : ids) answer(id, kind);
  }

  void pass(std::chrono::milliseconds time) { now += time; }

  /// Moves to the time the loop itself named, and takes.
  std::vector<DeliveryId> take_when_due() {
    const auto due = loop.next_due();
    if (due && *due > now) now = *due;
    return take();
  }

  /// submitted == final + held + ready + sending + waiting; Waiting events are no ends.
  [[nodiscard]] bool books_balance() const {
    return submitted == events.finals.size() + events.held.size() + loop.ready() + loop.sending() +
                            loop.waiting();
  }

  RetryLoop loop;
  std::map<DeliveryId, DeliveryPtr> on_wire;
  SteadyTime now{std::chrono::hours(1)};
  LoopEvents events;
  std::size_t submitted = 0;
};

}  // namespace fanfare::client::testing
