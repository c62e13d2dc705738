// Random walks through the retry loop: whatever FCM answers and whenever, the books balance,
// pauses, deadlines and floors are kept, and it comes to an end.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "client/retry_wait.h"
#include "client/testing/loop_world.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using testing::LoopWorld;

constexpr int kKinds = static_cast<int>(VerdictKind::unsent) + 1;

VerdictKind any_kind() {
  return static_cast<VerdictKind>(*rc::gen::inRange(0, kKinds));
}

// Verdicts that leave the loop going, so that a walk gets far.
VerdictKind any_passing_kind() {
  return *rc::gen::element(VerdictKind::accepted, VerdictKind::device_gone,
                           VerdictKind::throttled_project, VerdictKind::throttled_target,
                           VerdictKind::service_unavailable, VerdictKind::unknown_outcome,
                           VerdictKind::unsent);
}

std::optional<std::chrono::seconds> any_retry_after() {
  if (*rc::gen::inRange(0, 3) != 0) return std::nullopt;
  return std::chrono::seconds(*rc::gen::inRange(0, 500));
}

RetryOptions any_options() {
  RetryOptions options;
  options.max_attempts = *rc::gen::inRange(1, 6);
  options.give_up_after = std::chrono::seconds(*rc::gen::inRange(1, 4'000));
  options.first_window = *rc::gen::inRange<std::size_t>(1, 8);
  options.max_window = *rc::gen::inRange<std::size_t>(1, 16);
  options.unsent_at_once = *rc::gen::inRange(0, 5);
  options.unknown_platform_refusals = *rc::gen::inRange<std::size_t>(1, 5);
  options.retry_budget.share = *rc::gen::element(0.0, 0.2, 1.0);
  options.retry_budget.per_second = *rc::gen::element(0.01, 0.2, 10.0);
  options.target_limits.device_per_minute = *rc::gen::element<std::uint16_t>(0, 1, 3, 240);
  options.target_limits.device_per_hour = *rc::gen::element<std::uint16_t>(0, 5, 5'000);
  return options;
}

// A walker that knows, independently of the loop, what must not happen.
struct Walk {
  explicit Walk(const RetryOptions& chosen)
      : options(chosen), world(chosen, *rc::gen::arbitrary<std::uint64_t>()) {}

  void submit() {
    auto delivery = std::make_unique<Delivery>();
    delivery->id = next_id++;
    const int device = *rc::gen::inRange(0, 4);
    delivery->target = {TargetKind::token, "device-" + std::to_string(device)};
    device_of[delivery->id] = device;
    delivery->platform = *rc::gen::element<std::string>("", "ios", "android");
    if (*rc::gen::inRange(0, 4) == 0) {
      delivery->attempts = *rc::gen::inRange(0, options.max_attempts);
      delivery->not_before = world.now + std::chrono::seconds(*rc::gen::inRange(-10, 100));
      earliest[delivery->id] = *delivery->not_before;
    }
    deadline[delivery->id] = world.now + options.give_up_after;
    world.submit(std::move(delivery));
  }

  void take() {
    for (const DeliveryId id : world.take()) {
      RC_ASSERT(world.now >= paused_until);
      RC_ASSERT(world.now <= deadline.at(id));
      RC_ASSERT(world.now >= earliest[id]);
      RC_ASSERT(!stopped);
      check_target(device_of.at(id));
      RC_ASSERT(on_wire.insert(id).second);
    }
    RC_ASSERT(world.loop.sending() == on_wire.size());
  }

  void check_target(int device) {
    RC_ASSERT(world.now >= target_paused_until[device]);
    auto& sent = sent_to[device];
    sent.push_back(world.now);
    const auto within = [&](std::chrono::seconds span) {
      return std::ranges::count_if(sent, [&](SteadyTime at) { return at >= world.now - span; });
    };
    const TargetLimitOptions& limits = options.target_limits;
    if (limits.device_per_minute > 0) RC_ASSERT(within(60s) <= limits.device_per_minute);
    if (limits.device_per_hour > 0) RC_ASSERT(within(3'600s) <= limits.device_per_hour);
  }

  void answer(VerdictKind kind) {
    if (on_wire.empty()) return;
    const DeliveryId id = *std::next(
        on_wire.begin(),
        *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(on_wire.size())));
    on_wire.erase(id);
    const auto retry_after = any_retry_after();
    if (kind == VerdictKind::throttled_project) {
      paused_until = std::max(paused_until, world.now + retry_after.value_or(60s));
    }
    if (kind == VerdictKind::throttled_target) {
      SteadyTime& until = target_paused_until[device_of.at(id)];
      until = std::max(until, world.now + retry_after.value_or(60s));
    }
    const std::size_t waited = world.events.waiting.size();
    world.answer(id, kind, retry_after);
    if (world.events.waiting.size() > waited) check_wait(world.events.waiting.back(), retry_after);
  }

  void check_wait(const Waiting& waiting, std::optional<std::chrono::seconds> retry_after) {
    const bool unsent = waiting.attempt.verdict.kind == VerdictKind::unsent;
    if (retry_after && !unsent) RC_ASSERT(waiting.due >= world.now + *retry_after);
    if (!retry_after) RC_ASSERT(waiting.due >= world.now + (unsent ? 1s : 10s));
    RC_ASSERT(waiting.attempts < options.max_attempts);
    earliest[waiting.id] = waiting.due;
  }

  void step(VerdictKind kind) {
    switch (*rc::gen::weightedElement<int>({{4, 0}, {4, 1}, {8, 2}, {3, 3}, {1, 4}})) {
      case 0:
        return submit();
      case 1:
        return take();
      case 2:
        return answer(kind);
      case 3:
        return world.pass(std::chrono::milliseconds(*rc::gen::inRange(0, 40'000)));
      case 4:
        if (const auto due = world.loop.next_due()) world.now = std::max(world.now, *due);
        return;
    }
  }

  void stop() {
    world.loop.stop();
    world.loop.take_events(world.events);
    stopped = true;
  }

  void check_books() const {
    RC_ASSERT(world.books_balance());
    std::set<DeliveryId> ended;
    for (const auto& final : world.events.finals) RC_ASSERT(ended.insert(final->id).second);
    for (const auto& held : world.events.held) RC_ASSERT(ended.insert(held->id).second);
    for (const DeliveryId id : on_wire) RC_ASSERT(!ended.contains(id));
  }

  RetryOptions options;
  LoopWorld world;
  DeliveryId next_id = 1;
  std::set<DeliveryId> on_wire;
  std::map<DeliveryId, SteadyTime> deadline;
  std::map<DeliveryId, SteadyTime> earliest;
  SteadyTime paused_until{};
  std::map<DeliveryId, int> device_of;
  std::map<int, std::vector<SteadyTime>> sent_to;
  std::map<int, SteadyTime> target_paused_until;
  bool stopped = false;
};

TEST(RetryLoopWalk, TheBooksBalanceAtEveryMomentWhateverIsAnswered) {
  EXPECT_TRUE(rc::check("books", [] {
    Walk walk(any_options());
    const int steps = *rc::gen::inRange(1, 150);
    for (int i = 0; i < steps; ++i) {
      walk.step(any_kind());
      RC_ASSERT(walk.world.books_balance());
    }
    walk.check_books();
  }));
}

TEST(RetryLoopWalk, PausesFloorsAndDeadlinesAreKept) {
  EXPECT_TRUE(rc::check("times", [] {
    Walk walk(any_options());
    const int steps = *rc::gen::inRange(1, 200);
    for (int i = 0; i < steps; ++i) walk.step(any_passing_kind());
    walk.check_books();
  }));
}

TEST(RetryLoopWalk, StopLeavesNothingBehindOnceTheWireIsEmpty) {
  EXPECT_TRUE(rc::check("stop", [] {
    Walk walk(any_options());
    const int steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) walk.step(any_passing_kind());
    walk.stop();
    while (!walk.on_wire.empty()) walk.answer(any_kind());
    walk.take();
    walk.submit();
    RC_ASSERT(walk.world.events.finals.size() + walk.world.events.held.size() ==
              walk.world.submitted);
  }));
}

TEST(RetryLoopWalk, DrivenByItsOwnDueTimesItAlwaysEnds) {
  EXPECT_TRUE(rc::check("ends", [] {
    Walk walk(any_options());
    const int count = *rc::gen::inRange(1, 20);
    for (int i = 0; i < count; ++i) walk.submit();
    const VerdictKind kind = any_kind();
    for (int turns = 0;
         walk.world.events.finals.size() + walk.world.events.held.size() < walk.world.submitted;
         ++turns) {
      RC_ASSERT(turns < 10'000);
      if (const auto due = walk.world.loop.next_due()) {
        walk.world.now = std::max(walk.world.now, *due);
      }
      walk.take();
      while (!walk.on_wire.empty()) walk.answer(kind);
    }
  }));
}

// A driver that sleeps until next_due() neither spins nor sleeps for ever.
TEST(RetryLoopWalk, EachDueTimeGivesSomethingOrNamesALaterOne) {
  EXPECT_TRUE(rc::check("due", [] {
    Walk walk(any_options());
    const int steps = *rc::gen::inRange(1, 200);
    for (int i = 0; i < steps; ++i) {
      walk.step(any_passing_kind());
      const auto due = walk.world.loop.next_due();
      if (!due) {
        RC_ASSERT(walk.world.loop.sending() >= walk.world.loop.window() ||
                  walk.world.loop.ready() + walk.world.loop.waiting() == 0);
        continue;
      }
      walk.world.now = std::max(walk.world.now, *due);
      const std::size_t on_wire = walk.on_wire.size();
      const std::size_t finals = walk.world.events.finals.size();
      walk.take();
      if (walk.on_wire.size() > on_wire || walk.world.events.finals.size() > finals) continue;
      if (const auto next = walk.world.loop.next_due()) RC_ASSERT(*next > walk.world.now);
    }
  }));
}

TEST(RetryLoopWalk, JitterStaysWithinItsBoundsAndIsNotConstant) {
  std::set<SteadyTime> seen;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    LoopWorld world({}, seed);
    world.submit(1);
    (void)world.take();
    world.answer(1, VerdictKind::service_unavailable);
    const auto wait = world.events.waiting.at(0).due - world.now;
    ASSERT_GE(wait, 10s) << "seed " << seed;
    ASSERT_LE(wait, 20s) << "seed " << seed;
    seen.insert(world.events.waiting[0].due);
  }
  EXPECT_GT(seen.size(), 400U);
}

}  // namespace
}  // namespace fanfare::client
