#include "client/send_budget.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <ostream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/random.h"
#include "base/time_text.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr SteadyTime start{1h};

// The oracle, which knows nothing of how the budget works: messages and when they went.
class SentLog {
 public:
  void add(SteadyTime at, std::size_t count) {
    if (count > 0) sent_.push_back({at, count});
  }

  [[nodiscard]] std::size_t between(SteadyTime from, SteadyTime to) const {
    std::size_t sum = 0;
    for (const auto& [at, count] : sent_) sum += at >= from && at < to ? count : 0;
    return sum;
  }

  // The most that any 60 seconds hold, both ends included.
  [[nodiscard]] std::size_t fullest_minute() const {
    std::size_t most = 0;
    std::size_t sum = 0;
    auto first = sent_.begin();
    for (const auto& last : sent_) {
      sum += last.count;
      for (; last.at - first->at > 60s; ++first) sum -= first->count;
      most = std::max(most, sum);
    }
    return most;
  }

  [[nodiscard]] std::size_t all() const { return between(SteadyTime::min(), SteadyTime::max()); }

  // When the nth message went, the first being 1.
  [[nodiscard]] SteadyTime time_of(std::size_t n) const {
    std::size_t sum = 0;
    for (const auto& [at, count] : sent_) {
      sum += count;
      if (sum >= n) return at;
    }
    return SteadyTime::max();
  }

 private:
  struct Sent {
    SteadyTime at;
    std::size_t count;
  };
  std::vector<Sent> sent_;
};

// A sender that always has more to send, on a timer that fires late.
struct Lane {
  Priority priority = Priority::normal;
  std::size_t wanted = 1'000;  // At once.
  SteadyTime wakes = start;
  SteadyTime stops = SteadyTime::max();
  SentLog log = {};
};

// Lanes that share a budget; time passes only here.
struct Scene {
  explicit Scene(const BudgetOptions& options) : budget(options) {}

  Lane& lane(Priority priority, std::size_t wanted = 1'000) {
    return lanes.emplace_back(Lane{.priority = priority, .wanted = wanted, .wakes = now});
  }

  void run_for(nanoseconds span, nanoseconds lateness = 0ns) {
    const SteadyTime end = now + span;
    while (true) {
      auto& lane = *std::ranges::min_element(lanes, {}, &Lane::wakes);
      if (lane.wakes >= end) break;
      now = std::max(now, lane.wakes);
      if (now >= lane.stops) {
        lane.wakes = SteadyTime::max();
        continue;
      }
      const Grant grant = budget.reserve(now, lane.priority, lane.wanted);
      lane.log.add(now, grant.count);
      log.add(now, grant.count);
      if (grant.count < lane.wanted) {
        EXPECT_GE(grant.wait, 1ms);
        lane.wakes = now + grant.wait + up_to(lateness);
      }
    }
    now = end;
  }

  void sleep_for(nanoseconds span) {
    now += span;
    for (Lane& each : lanes) each.wakes = std::max(each.wakes, now);
  }

  nanoseconds up_to(nanoseconds most) {
    return nanoseconds(random.below(static_cast<std::uint64_t>(most.count()) + 1));
  }

  // Messages of that second, as a share of the limit's.
  static double share(const SentLog& log, SteadyTime from, std::uint64_t limit) {
    return static_cast<double>(log.between(from, from + 1s)) * 60 / static_cast<double>(limit);
  }

  SendBudget budget;
  Random random{1};
  SteadyTime now = start;
  std::deque<Lane> lanes;
  SentLog log;
};

// --- the limit ---

TEST(SendBudget, NeverExceedsTheLimitInAnySlidingMinuteAndUsesIt) {
  for (const std::uint64_t limit : {1U, 2U, 7U, 100U, 250U, 6'001U, 600'000U}) {
    for (const std::size_t lane_count : {1U, 3U}) {
      Scene scene({.messages_per_minute = limit, .ramp = 0ms});
      for (std::size_t i = 0; i < lane_count; ++i) scene.lane(Priority::bulk, 40 + 1'000 * (i % 2));
      scene.run_for(61s, 20ms);
      scene.sleep_for(7s);  // A pause saves nothing up.
      const SteadyTime steady = scene.now;
      scene.run_for(3min, 20ms);
      EXPECT_LE(scene.log.fullest_minute(), limit);
      if (limit >= 100) {
        EXPECT_GE(scene.log.between(steady, scene.now) * 100, 3 * limit * 98) << limit;
      }
    }
  }
}

TEST(SendBudget, KeepsTheLimitWhileItRampsUp) {
  Scene scene({.messages_per_minute = 60'000, .ramp = 10s});
  scene.lane(Priority::normal);
  scene.run_for(3min, 20ms);
  EXPECT_LE(scene.log.fullest_minute(), 60'000U);
}

TEST(SendBudget, SpreadsTheMinuteEvenly) {
  Scene scene({.ramp = 0ms});
  scene.lane(Priority::normal);
  scene.run_for(1min);
  for (auto second = 1s; second < 60s; ++second) {
    const auto count = scene.log.between(start + second, start + second + 1s);
    EXPECT_NEAR(static_cast<double>(count), 10'000, 200);
  }
}

TEST(SendBudget, GrantsWhatHasBecomeDueInOnePiece) {
  SendBudget budget({.ramp = 0ms});
  SteadyTime now = start;
  while (budget.reserve(now, Priority::bulk, 100).count == 100) {
  }
  for (int i = 0; i < 100; ++i) {
    const auto count = budget.reserve(now += 2ms, Priority::bulk, 100).count;
    EXPECT_GE(count, 19U);
    EXPECT_LE(count, 20U);
  }
}

TEST(SendBudget, CatchesUpAfterALateTimer) {
  SendBudget budget({.ramp = 0ms});
  (void)budget.reserve(start, Priority::normal, 100'000);
  const auto count = budget.reserve(start + 50ms, Priority::normal, 100'000).count;
  EXPECT_NEAR(static_cast<double>(count), 495, 2);
}

// Also when their timers are so exact that always the same one is the first.
TEST(SendBudget, SharesEvenlyAmongLanesThatAreShort) {
  for (const nanoseconds lateness : {nanoseconds(5us), nanoseconds(500us)}) {
    Scene scene({.ramp = 0ms});
    for (int i = 0; i < 4; ++i) scene.lane(Priority::bulk).wakes += i * 37us;
    scene.run_for(30s, lateness);
    for (const Lane& lane : scene.lanes) {
      EXPECT_NEAR(static_cast<double>(lane.log.all()), 30 * 9'900 / 4.0, 15'000);
    }
  }
}

TEST(SendBudget, AWaitIsLongEnoughAndNotLonger) {
  SendBudget budget({.messages_per_minute = 7, .ramp = 0ms});
  const Grant first = budget.reserve(start, Priority::normal, 5);
  EXPECT_EQ(first.count, 1U);
  ASSERT_GT(first.wait, 0ns);
  EXPECT_EQ(budget.reserve(start + first.wait - 1ns, Priority::normal, 1).count, 0U);
  EXPECT_EQ(budget.reserve(start + first.wait, Priority::normal, 1).count, 1U);
}

TEST(SendBudget, LetsEverythingGoWithoutALimit) {
  SendBudget budget({.messages_per_minute = 0});
  EXPECT_EQ(budget.reserve(start, Priority::bulk, 1'000'000).count, 1'000'000U);
}

TEST(SendBudget, DoesNotLetALaneWaitWhoseClockIsBehind) {
  SendBudget budget({.messages_per_minute = 6'000, .ramp = 0ms});
  EXPECT_EQ(budget.reserve(start + 1s, Priority::normal, 10).count, 10U);
  EXPECT_EQ(budget.reserve(start, Priority::normal, 10).count, 10U);
}

// --- slow start ---

TEST(SendBudget, StartsWithAHundredASecondAndReachesTheFullRateWithinTheRamp) {
  Scene scene({});
  scene.lane(Priority::bulk);
  scene.run_for(61s);
  EXPECT_NEAR(static_cast<double>(scene.log.between(start, start + 1s)), 180, 60);
  EXPECT_NEAR(static_cast<double>(scene.log.between(start + 30s, start + 31s)), 5'050, 150);
  EXPECT_GE(scene.log.between(start + 60s, start + 61s), 9'800U);
}

TEST(SendBudget, StartsSlowlyAgainAfterAMinuteOfSilence) {
  Scene scene({.ramp = 10s});
  scene.lane(Priority::normal);
  scene.run_for(11s);
  scene.sleep_for(61s);
  const SteadyTime again = scene.now;
  scene.run_for(1s);
  EXPECT_LT(scene.log.between(again, again + 1s), 4'500U);
}

TEST(SendBudget, DoesNotDelaySmallRatesByTheRamp) {
  Scene scene({.messages_per_minute = 6'000});
  scene.lane(Priority::normal);
  scene.run_for(1min);
  EXPECT_GE(scene.log.all(), 5'900U);
}

// --- priorities ---

TEST(SendBudget, GivesAnUrgentMessageItsTurnAtOnceWhileBulkTakesAllItGets) {
  for (const std::uint64_t limit : {600U, 6'000U, 600'000U}) {
    Scene scene({.messages_per_minute = limit, .ramp = 0ms});
    scene.lane(Priority::bulk);
    for (int i = 0; i < 20; ++i) {
      scene.run_for(15s + 7ms * i);  // Longer than the reserve is left for.
      EXPECT_EQ(scene.budget.reserve(scene.now, Priority::urgent, 1).count, 1U) << limit;
    }
  }
}

TEST(SendBudget, LetsAThousandUrgentMessagesOvertakeAtOnce) {
  Scene scene({.ramp = 0ms});
  scene.lane(Priority::bulk);
  scene.run_for(20s);
  EXPECT_GE(scene.budget.reserve(scene.now, Priority::urgent, 1'000).count, 1'000U);
}

TEST(SendBudget, MakesAnUrgentMessageWaitAtMostForTheNextTurnOfASmallLimit) {
  Scene scene({.messages_per_minute = 60, .ramp = 0ms});
  scene.lane(Priority::bulk);
  scene.run_for(30s);
  Lane& urgent = scene.lane(Priority::urgent, 1);
  urgent.stops = scene.now + 5s;
  scene.run_for(2s);
  EXPECT_LE(urgent.log.time_of(1) - urgent.stops + 5s, 1'005ms);
}

TEST(SendBudget, GivesTheRateToTheMostUrgentAndATrickleToTheOthers) {
  constexpr std::uint64_t limit = 600'000;
  Scene scene({.messages_per_minute = limit, .ramp = 0ms});
  const Lane& bulk = scene.lane(Priority::bulk);
  const Lane& normal = scene.lane(Priority::normal);
  scene.run_for(10s);
  EXPECT_NEAR(Scene::share(bulk.log, scene.now - 1s, limit), 0.02, 0.002);
  EXPECT_NEAR(Scene::share(normal.log, scene.now - 1s, limit), 0.97, 0.02);

  const Lane& urgent = scene.lane(Priority::urgent);
  scene.run_for(10s);
  EXPECT_NEAR(Scene::share(bulk.log, scene.now - 1s, limit), 0.02, 0.002);
  EXPECT_NEAR(Scene::share(normal.log, scene.now - 1s, limit), 0.05, 0.005);
  EXPECT_NEAR(Scene::share(urgent.log, scene.now - 1s, limit), 0.92, 0.02);
  EXPECT_LE(scene.log.fullest_minute(), limit);
}

TEST(SendBudget, LeavesAReserveWhileSomebodyMoreUrgentHasAskedLately) {
  constexpr std::uint64_t limit = 600'000;
  Scene scene({.messages_per_minute = limit, .ramp = 0ms});
  const Lane& bulk = scene.lane(Priority::bulk);
  scene.run_for(5s);
  EXPECT_NEAR(Scene::share(bulk.log, scene.now - 1s, limit), 0.99, 0.01);

  (void)scene.budget.reserve(scene.now, Priority::urgent, 1);
  scene.run_for(9s);
  EXPECT_NEAR(Scene::share(bulk.log, scene.now - 1s, limit), 0.89, 0.01);
  scene.run_for(4s);
  EXPECT_NEAR(Scene::share(bulk.log, scene.now - 1s, limit), 0.99, 0.01);
}

TEST(SendBudget, CountsWhatTheMoreUrgentSendIntoTheSharesOfTheOthers) {
  constexpr std::uint64_t limit = 600'000;
  Scene scene({.messages_per_minute = limit, .ramp = 0ms});
  const Lane& bulk = scene.lane(Priority::bulk);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(scene.budget.reserve(scene.now, Priority::urgent, 30).count, 30U);
    scene.run_for(10ms);
  }
  EXPECT_NEAR(Scene::share(bulk.log, scene.now - 1s, limit), 0.59, 0.01);
}

TEST(SendBudget, GivesTheRateBackAsSoonAsTheUrgentHaveGone) {
  constexpr std::uint64_t limit = 600'000;
  Scene scene({.messages_per_minute = limit, .ramp = 0ms});
  const Lane& bulk = scene.lane(Priority::bulk);
  Lane& urgent = scene.lane(Priority::urgent);
  urgent.stops = scene.now + 30s;
  scene.run_for(31s);
  EXPECT_GE(Scene::share(bulk.log, scene.now - 500ms, limit) * 2, 0.85);
}

// --- slower ---

TEST(SendBudget, HalvesTheRateWithinOneAnswerOnceForAllEchoesAndRecoversWithinAMinute) {
  Scene scene({.ramp = 0ms});
  scene.lane(Priority::bulk);
  scene.run_for(10s);
  const SteadyTime throttled = scene.now;
  for (int i = 0; i < 1'000; ++i) scene.budget.on_throttled(throttled + i * 4ms);
  scene.run_for(61s);
  EXPECT_NEAR(Scene::share(scene.log, throttled, 600'000), 0.51, 0.02);
  EXPECT_NEAR(Scene::share(scene.log, throttled + 30s, 600'000), 0.75, 0.02);
  EXPECT_GE(Scene::share(scene.log, throttled + 60s, 600'000), 0.98);
}

TEST(SendBudget, HalvesAgainWhenTheExcessGoesOn) {
  Scene scene({.ramp = 0ms});
  scene.lane(Priority::bulk);
  for (int i = 0; i < 3; ++i) {
    scene.budget.on_throttled(scene.now);
    scene.run_for(6s);
  }
  EXPECT_LT(Scene::share(scene.log, scene.now - 6s, 600'000), 0.3);
}

TEST(SendBudget, HoldsEverybodyBackUntilTheEndOfAPause) {
  SendBudget budget({.ramp = 0ms});
  budget.pause_until(start, start + 90s);
  budget.pause_until(start, start + 30s);
  for (const Priority priority : {Priority::urgent, Priority::normal, Priority::bulk}) {
    const Grant grant = budget.reserve(start + 1s, priority, 10);
    EXPECT_EQ(grant.count, 0U);
    EXPECT_EQ(grant.wait, 89s);
  }
  EXPECT_EQ(budget.reserve(start + 90s, Priority::bulk, 10).count, 10U);
}

TEST(SendBudget, HoldsAPauseWithoutALimitToo) {
  SendBudget budget({.messages_per_minute = 0});
  budget.pause_until(start, start + 90s);
  EXPECT_EQ(budget.reserve(start + 1s, Priority::urgent, 10).wait, 89s);
  EXPECT_EQ(budget.reserve(start + 90s, Priority::urgent, 10).count, 10U);
}

TEST(SendBudget, GoesOnAtHalfTheRateAfterThePauseAndRecoversWithinTwoMinutesOfTheAnswer) {
  Scene scene({.ramp = 0ms});
  scene.lane(Priority::bulk);
  scene.run_for(10s);
  const SteadyTime throttled = scene.now;
  scene.budget.on_throttled(throttled);
  scene.budget.pause_until(throttled, throttled + 60s);
  scene.run_for(122s);
  EXPECT_EQ(scene.log.between(throttled, throttled + 60s), 0U);
  EXPECT_NEAR(Scene::share(scene.log, throttled + 61s, 600'000), 0.51, 0.02);
  EXPECT_GE(Scene::share(scene.log, throttled + 120s, 600'000), 0.98);
}

TEST(SendBudget, IsNotSlowerAfterAPauseThatCameWithoutA429) {
  SendBudget budget({.ramp = 0ms});
  budget.on_throttled(start);
  budget.pause_until(start + 5min, start + 6min);
  EXPECT_EQ(budget.rate_share(start + 6min), 1);
}

TEST(SendBudget, GoesSlowerWhileTheLatencyIsHighAndRecovers) {
  Scene scene({.ramp = 0ms});
  const auto answers_for = [&](std::chrono::seconds span, milliseconds latency) {
    for (const auto end = scene.now + span; scene.now < end; scene.now += 100ms) {
      scene.budget.on_latency(scene.now, 1'000, latency);
    }
  };
  answers_for(10s, 80ms);
  EXPECT_EQ(scene.budget.rate_share(scene.now), 1);
  answers_for(4s, 1'000ms);
  EXPECT_LT(scene.budget.rate_share(scene.now), 0.7);
  answers_for(60s, 1'000ms);
  EXPECT_GE(scene.budget.rate_share(scene.now), 0.1);
  EXPECT_LT(scene.budget.rate_share(scene.now), 0.15);
  answers_for(62s, 80ms);
  EXPECT_EQ(scene.budget.rate_share(scene.now), 1);
}

// --- quarter hours ---

// At what share of the limit a lane sends at that time of the day.
double share_at(const char* time, Priority priority, bool avoid = true) {
  const SystemTime wall = parse_rfc3339(std::string("2026-11-24T") + time + "Z").value();
  SteadyTime now = start;
  BudgetOptions options{.ramp = 0ms, .avoid_quarter_hours = avoid};
  options.wall_clock = [&now, wall] {
    return wall + std::chrono::duration_cast<SystemTime::duration>(now - start);
  };
  SendBudget budget(options);
  std::size_t count = 0;
  for (; now < start + 2s; now += 1ms) {
    const auto granted = budget.reserve(now, priority, 1'000).count;
    if (now >= start + 1s) count += granted;
  }
  return static_cast<double>(count) / 10'000;
}

TEST(SendBudget, AvoidsTwoMinutesAroundEachQuarterHourWithBulkWhenAsked) {
  for (const auto* time : {"05:58:10", "06:00:00", "06:01:50", "06:13:00", "06:15:00", "06:31:00",
                           "06:44:00", "23:59:59"}) {
    EXPECT_NEAR(share_at(time, Priority::bulk), 0.1, 0.01) << time;
    EXPECT_NEAR(share_at(time, Priority::bulk, false), 0.99, 0.01) << time;
    EXPECT_NEAR(share_at(time, Priority::normal), 0.99, 0.01) << time;
    EXPECT_NEAR(share_at(time, Priority::urgent), 0.99, 0.01) << time;
  }
}

TEST(SendBudget, ComesBackOverAMinuteAfterAQuarterHour) {
  EXPECT_NEAR(share_at("06:02:29", Priority::bulk), 0.55, 0.03);
  EXPECT_NEAR(share_at("06:03:01", Priority::bulk), 0.99, 0.01);
  EXPECT_NEAR(share_at("06:12:50", Priority::bulk), 0.99, 0.01);
}

// --- giving back ---

TEST(SendBudget, GrantsAgainWhatWasGivenBack) {
  SendBudget budget({.ramp = 0ms});
  const Grant grant = budget.reserve(start, Priority::bulk, 100'000);
  ASSERT_GE(grant.count, 1'000U);
  budget.give_back(grant, 700);
  EXPECT_NEAR(static_cast<double>(budget.reserve(start, Priority::bulk, 100'000).count), 700, 1);
}

TEST(SendBudget, GrantsAgainWhatWasGivenBackAfterOthersWereGrantedSomething) {
  SendBudget budget({.ramp = 0ms});
  const Grant first = budget.reserve(start, Priority::bulk, 500);
  (void)budget.reserve(start, Priority::bulk, 500);
  (void)budget.reserve(start, Priority::bulk, 100'000);
  budget.give_back(first, 500);
  EXPECT_NEAR(static_cast<double>(budget.reserve(start, Priority::bulk, 100'000).count), 500, 1);
}

TEST(SendBudget, DoesNotSaveUpWhatIsGivenBackLate) {
  SendBudget budget({.ramp = 0ms});
  const Grant grant = budget.reserve(start, Priority::bulk, 1'000);
  const auto before = budget.reserve(start + 10s, Priority::bulk, 100'000).count;
  budget.give_back(grant, 1'000);
  EXPECT_EQ(budget.reserve(start + 10s, Priority::bulk, 100'000).count, 0U) << before;
}

// --- whatever happens ---

struct OpenGrant {
  SteadyTime at;
  Grant grant;
  std::size_t sent;
};

enum class Weather { calm, stormy };  // Stormy: 429s, pauses and high latency.

enum class Act { ask, give_back, throttle, answer, pause, pass };

Act any_act(Weather weather) {
  if (weather == Weather::calm) {
    return *rc::gen::weightedElement<Act>({{20, Act::ask}, {5, Act::give_back}, {20, Act::pass}});
  }
  return *rc::gen::weightedElement<Act>({{20, Act::ask},
                                         {5, Act::give_back},
                                         {1, Act::throttle},
                                         {1, Act::answer},
                                         {1, Act::pause},
                                         {20, Act::pass}});
}

void walk(std::uint64_t limit, milliseconds ramp, Weather weather) {
  SendBudget budget({.messages_per_minute = limit, .ramp = ramp, .reserve = 0.2});
  SteadyTime now = start;
  std::vector<OpenGrant> grants;
  for (int i = 0; i < 600; ++i) {
    const auto priority = *rc::gen::element(Priority::urgent, Priority::normal, Priority::bulk);
    switch (any_act(weather)) {
      case Act::ask: {
        const auto wanted = *rc::gen::inRange<std::size_t>(1, 5'000);
        const Grant grant = budget.reserve(now, priority, wanted);
        RC_ASSERT(grant.count <= wanted);
        RC_ASSERT((grant.wait > 0ns) == (grant.count < wanted));
        grants.push_back({now, grant, grant.count});
        break;
      }
      case Act::give_back: {
        if (grants.empty()) break;
        auto& one = grants[*rc::gen::inRange<std::size_t>(
            grants.size() - std::min<std::size_t>(grants.size(), 4), grants.size())];
        const auto unsent = *rc::gen::inRange<std::size_t>(0, one.sent + 1);
        budget.give_back(one.grant, unsent);
        one.sent -= unsent;
        one.grant.count -= unsent;
        break;
      }
      case Act::throttle:
        budget.on_throttled(now);
        break;
      case Act::answer:
        budget.on_latency(now, 1'000, milliseconds(*rc::gen::inRange(50, 3'000)));
        break;
      case Act::pause:
        budget.pause_until(now, now + milliseconds(*rc::gen::inRange(0, 3'000)));
        break;
      case Act::pass:
        now += milliseconds(*rc::gen::inRange(0, *rc::gen::element(20, 900)));
        break;
    }
  }
  SentLog log;
  for (const auto& one : grants) log.add(one.at, one.sent);
  RC_ASSERT(log.fullest_minute() <= limit);
}

TEST(SendBudgetWalk, WhateverHappensNoMinuteHoldsMoreThanTheLimit) {
  EXPECT_TRUE(rc::check("small limits",
                        [] { walk(*rc::gen::inRange<unsigned>(1, 300), 0ms, Weather::calm); }));
  EXPECT_TRUE(rc::check(
      "limits", [] { walk(*rc::gen::inRange<unsigned>(300, 700'000), 0ms, Weather::calm); }));
  EXPECT_TRUE(rc::check("in a storm", [] {
    walk(*rc::gen::inRange<unsigned>(6'000, 700'000), 3s, Weather::stormy);
  }));
}

TEST(SendBudgetWalk, AfterItsWaitAnybodyAloneIsGrantedSomething) {
  EXPECT_TRUE(rc::check("waits", [] {
    SendBudget budget({.messages_per_minute = *rc::gen::inRange<unsigned>(1, 700'000)});
    SteadyTime now = start;
    for (int i = 0; i < 20; ++i) {
      const auto priority = *rc::gen::element(Priority::urgent, Priority::normal, Priority::bulk);
      const Grant grant = budget.reserve(now, priority, *rc::gen::inRange<std::size_t>(1, 5'000));
      if (grant.wait == 0ns) continue;
      now += grant.wait;
      RC_ASSERT(budget.reserve(now, priority, 1).count == 1U);
    }
  }));
}

// For ThreadSanitizer; the clock is shared and moved by whoever asked in vain.
TEST(SendBudget, IsSharedByThreads) {
  constexpr std::uint64_t limit = 6'000;
  constexpr std::size_t each = 9'000;
  SendBudget budget({.messages_per_minute = limit, .ramp = 0ms});
  std::atomic<std::chrono::nanoseconds::rep> clock{start.time_since_epoch().count()};
  const auto lane = [&](Priority priority) {
    for (std::size_t sent = 0; sent < each;) {
      const SteadyTime now{nanoseconds(clock.load())};
      const Grant grant = budget.reserve(now, priority, std::min<std::size_t>(each - sent, 50));
      const std::size_t unsent = grant.count / 10;
      budget.give_back(grant, unsent);
      sent += grant.count - unsent;
      budget.on_latency(now, 1, 80ms);
      if (grant.wait > 0ns) clock += std::chrono::nanoseconds(1ms).count();
    }
  };
  std::thread other(lane, Priority::bulk);
  lane(Priority::urgent);
  other.join();
  const SteadyTime end{nanoseconds(clock.load())};
  EXPECT_GE(end - start, (2 * each / limit - 1) * 60s);
}

// --- the estimate ---

TEST(TimeToSendByBudget, IsWhatTheGreediestSenderTakes) {
  for (const auto& options : {BudgetOptions{}, BudgetOptions{.messages_per_minute = 6'000},
                              BudgetOptions{.messages_per_minute = 60'000, .ramp = 0ms},
                              BudgetOptions{.messages_per_minute = 60'000, .ramp = 10s}}) {
    for (const std::uint64_t messages : {100U, 20'000U, 120'000U}) {
      Scene scene(options);
      scene.lane(Priority::bulk);
      const auto estimate = time_to_send(options, messages);
      scene.run_for(estimate + estimate / 8 + 3s);
      const auto taken = std::chrono::duration<double>(scene.log.time_of(messages) - start);
      EXPECT_NEAR(std::chrono::duration<double>(estimate).count(), taken.count(),
                  1.5 + 0.02 * taken.count())
          << options.messages_per_minute << " a minute, " << messages;
    }
  }
  EXPECT_EQ(time_to_send(BudgetOptions{.messages_per_minute = 0}, 1'000'000), 0s);
  EXPECT_EQ(time_to_send(BudgetOptions{}, 0), 0s);
}

}  // namespace
}  // namespace fanfare::client
