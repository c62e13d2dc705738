#include "client/retry_loop.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "client/testing/loop_world.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using testing::LoopWorld;
using Ids = std::vector<DeliveryId>;

// --- what each verdict does ---

class EndsAtOnce : public ::testing::TestWithParam<VerdictKind> {};

TEST_P(EndsAtOnce, AfterOneAttempt) {
  LoopWorld world;
  world.submit(7);
  EXPECT_EQ(world.take(), Ids{7});
  world.answer(7, GetParam());
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->id, 7U);
  EXPECT_EQ(world.events.finals[0]->target.value, "token-7");
  EXPECT_EQ(world.events.finals[0]->attempts, 1);
  EXPECT_EQ(world.events.finals[0]->verdict.kind, GetParam());
  EXPECT_EQ(world.loop.next_due(), std::nullopt);
  EXPECT_TRUE(world.books_balance());
}

INSTANTIATE_TEST_SUITE_P(RetryLoop, EndsAtOnce,
                         ::testing::Values(VerdictKind::accepted, VerdictKind::device_gone,
                                           VerdictKind::device_malformed,
                                           VerdictKind::device_foreign, VerdictKind::device_suspect,
                                           VerdictKind::message_invalid));

class Waits : public ::testing::TestWithParam<std::pair<VerdictKind, std::chrono::seconds>> {};

TEST_P(Waits, AtLeastItsFloorBeforeTheNextAttempt) {
  const auto [kind, floor] = GetParam();
  LoopWorld world;
  world.submit(1);
  (void)world.take();
  world.answer(1, kind);
  ASSERT_EQ(world.events.waiting.size(), 1U);
  EXPECT_EQ(world.events.waiting[0].attempts, 1);
  EXPECT_EQ(world.events.waiting[0].attempt.verdict.kind, kind);
  world.pass(floor - 1ms);
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.take_when_due(), Ids{1});
  EXPECT_EQ(world.now, world.events.waiting[0].due);
  EXPECT_EQ(world.loop.retries(), 1U);
}

INSTANTIATE_TEST_SUITE_P(RetryLoop, Waits,
                         ::testing::Values(std::pair(VerdictKind::service_unavailable, 10s),
                                           std::pair(VerdictKind::unknown_outcome, 10s),
                                           std::pair(VerdictKind::throttled_target, 60s),
                                           std::pair(VerdictKind::throttled_project, 60s)));

class HoldsTheProject : public ::testing::TestWithParam<VerdictKind> {};

TEST_P(HoldsTheProject, AndKeepsEverythingNotOnTheWire) {
  LoopWorld world({.first_window = 2});
  world.submit_range(1, 5);
  EXPECT_EQ(world.take(), (Ids{1, 2}));
  world.answer(1, GetParam());
  EXPECT_TRUE(world.loop.project_held());
  ASSERT_EQ(world.events.holds.size(), 1U);
  EXPECT_EQ(world.events.holds[0].scope, Hold::Scope::project);
  EXPECT_EQ(world.events.holds[0].attempt.verdict.kind, GetParam());
  EXPECT_EQ(world.events.held.size(), 4U);
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.loop.next_due(), std::nullopt);
  EXPECT_TRUE(world.books_balance());
}

INSTANTIATE_TEST_SUITE_P(RetryLoop, HoldsTheProject,
                         ::testing::Values(VerdictKind::project_blocked,
                                           VerdictKind::credential_stale));

TEST(RetryLoop, AnUnsentMessageGoesAgainAtOnceAndIsNotCounted) {
  LoopWorld world;
  world.submit(1);
  (void)world.take();
  world.answer(1, VerdictKind::unsent);
  EXPECT_EQ(world.take(), Ids{1});
  world.answer(1, VerdictKind::accepted);
  EXPECT_EQ(world.events.finals.at(0)->attempts, 1);
  EXPECT_EQ(world.loop.retries(), 0U);
}

TEST(RetryLoop, AnUnknownOutcomeEndsWhereTheMessageMayNotBeShownTwice) {
  LoopWorld world({.on_unknown = OnUnknown::drop});
  world.submit(1);
  (void)world.take();
  world.answer(1, VerdictKind::unknown_outcome);
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->verdict.kind, VerdictKind::unknown_outcome);
}

// --- unsent, again and again ---

TEST(RetryLoop, AnUnreachableHostIsNotTriedInATightLoop) {
  LoopWorld world;
  world.submit(1);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(world.take(), Ids{1}) << "resend " << i;
    world.answer(1, VerdictKind::unsent);
  }
  EXPECT_EQ(world.take(), Ids{});
  ASSERT_EQ(world.events.waiting.size(), 1U);
  EXPECT_GE(world.events.waiting[0].due, world.now + 1s);
}

TEST(RetryLoop, AnUnreachableHostEndsTheDelivery) {
  LoopWorld world({.max_attempts = 3});
  world.submit(1);
  int tries = 0;
  while (world.events.finals.empty()) {
    ASSERT_EQ(world.take_when_due(), Ids{1});
    world.answer(1, VerdictKind::unsent);
    ASSERT_LE(++tries, 100);
  }
  EXPECT_EQ(tries, 22);
  EXPECT_EQ(world.events.finals[0]->attempts, 3);
  EXPECT_EQ(world.events.finals[0]->verdict.kind, VerdictKind::unsent);
}

TEST(RetryLoop, AnAnswerInBetweenMakesUnsentHarmlessAgain) {
  LoopWorld world;
  world.submit(1);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 19; ++i) {
      ASSERT_EQ(world.take_when_due(), Ids{1});
      world.answer(1, VerdictKind::unsent);
    }
    ASSERT_EQ(world.take(), Ids{1});
    world.answer(1, VerdictKind::service_unavailable);
  }
  EXPECT_EQ(world.events.waiting.size(), 2U);
  EXPECT_EQ(world.events.waiting[1].attempts, 2);
}

// One lost connection returns everything it carried; none of it has to wait.
TEST(RetryLoop, AWindowFullOfUnsentGoesAgainAtOnce) {
  LoopWorld world({.first_window = 100});
  world.submit_range(1, 100);
  world.answer_all(world.take(), VerdictKind::unsent);
  EXPECT_EQ(world.take().size(), 100U);
  EXPECT_TRUE(world.events.waiting.empty());
}

TEST(RetryLoop, ManyDeliveriesDoNotSpinOnAnUnreachableHostEither) {
  LoopWorld world({.first_window = 10});
  world.submit_range(1, 1'000);
  std::size_t tries = 0;
  for (Ids sent = world.take(); !sent.empty() && tries < 20'000; sent = world.take()) {
    tries += sent.size();
    world.answer_all(sent, VerdictKind::unsent);
  }
  EXPECT_LE(tries, 1'000U + 20U + 10U);
}

// --- Retry-After and its scopes ---

TEST(RetryLoop, WaitsAsLongAsFcmAsks) {
  LoopWorld world;
  world.submit(1);
  (void)world.take();
  world.answer(1, VerdictKind::service_unavailable, 90s);
  world.pass(90s - 1ms);
  EXPECT_EQ(world.take(), Ids{});
  world.pass(90s / 4 + 1ms);
  EXPECT_EQ(world.take(), Ids{1});
}

TEST(RetryLoop, AThrottledTargetHoldsUpNobodyElse) {
  LoopWorld world({.first_window = 1});
  world.submit_range(1, 2);
  (void)world.take();
  world.answer(1, VerdictKind::throttled_target, 90s);
  EXPECT_EQ(world.take(), Ids{2});
}

TEST(RetryLoop, AThrottledProjectSendsNothingUntilItsTime) {
  LoopWorld world({.first_window = 4});
  world.submit_range(1, 10);
  ASSERT_EQ(world.take(), (Ids{1, 2, 3, 4}));
  world.answer(1, VerdictKind::service_unavailable, 1s);  // Due long before the pause ends.
  world.answer(2, VerdictKind::throttled_project, 30s);
  world.answer(3, VerdictKind::accepted);
  world.pass(30s - 1ms);
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.loop.next_due(), world.now + 1ms);
  world.pass(1ms);
  EXPECT_FALSE(world.take().empty());
}

TEST(RetryLoop, AShorterPauseDoesNotCutALongerOne) {
  LoopWorld world({.first_window = 2});
  world.submit_range(1, 3);
  (void)world.take();
  world.answer(1, VerdictKind::throttled_project, 50s);
  world.answer(2, VerdictKind::throttled_project, 5s);
  world.pass(49s);
  EXPECT_EQ(world.take(), Ids{});
}

TEST(RetryLoop, WhatIsSubmittedDuringAPauseWaitsForItsEnd) {
  LoopWorld world;
  world.submit(1);
  (void)world.take();
  world.answer(1, VerdictKind::throttled_project, 30s);
  world.submit(2);
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.loop.next_due(), world.now + 30s);
}

TEST(RetryLoop, AWaitingEventNamesTheEndOfThePauseWhereThatIsLater) {
  LoopWorld world({.first_window = 2});
  world.submit_range(1, 2);
  (void)world.take();
  world.answer(1, VerdictKind::throttled_project, 300s);
  world.answer(2, VerdictKind::service_unavailable);
  EXPECT_EQ(world.events.waiting.at(1).due, world.now + 300s);
}

// --- the window ---

TEST(RetryLoop, TheWindowGrowsByOneForEachAcceptedMessageUpToItsLimit) {
  LoopWorld world({.first_window = 2, .max_window = 5});
  world.submit_range(1, 100);
  EXPECT_EQ(world.take(), (Ids{1, 2}));
  world.answer(1, VerdictKind::accepted);
  EXPECT_EQ(world.loop.window(), 3U);
  EXPECT_EQ(world.take(), (Ids{3, 4}));
  world.answer_all({2, 3, 4}, VerdictKind::accepted);
  EXPECT_EQ(world.loop.window(), 5U);
  EXPECT_EQ(world.take().size(), 5U);
}

TEST(RetryLoop, ADeadDeviceDoesNotWidenTheWindow) {
  LoopWorld world({.first_window = 2});
  world.submit(1);
  (void)world.take();
  world.answer(1, VerdictKind::device_gone);
  EXPECT_EQ(world.loop.window(), 2U);
}

TEST(RetryLoop, APauseHalvesTheWindowOnceHoweverManyAnswersSaySo) {
  LoopWorld world({.first_window = 100});
  world.submit_range(1, 100);
  world.answer_all(world.take(), VerdictKind::throttled_project);
  EXPECT_EQ(world.loop.window(), 50U);
}

TEST(RetryLoop, PausesNarrowTheWindowToATenthOfTheFirst) {
  LoopWorld world({.max_attempts = 100, .give_up_after = 240h, .first_window = 100});
  world.submit(1);
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(world.take_when_due(), Ids{1});
    world.answer(1, VerdictKind::throttled_project, 1s);
  }
  EXPECT_EQ(world.loop.window(), 10U);
}

TEST(RetryLoop, AWindowOfNothingIsOne) {
  LoopWorld world({.first_window = 0});
  world.submit_range(1, 2);
  EXPECT_EQ(world.take(), Ids{1});
}

TEST(RetryLoop, AFullWindowHasNothingDueWhateverWaits) {
  LoopWorld world({.first_window = 1});
  world.submit_range(1, 2);
  EXPECT_NE(world.loop.next_due(), std::nullopt);
  (void)world.take();
  EXPECT_EQ(world.loop.next_due(), std::nullopt);
}

// --- the end of patience ---

TEST(RetryLoop, AttemptsUsedUpEndWithTheLastVerdict) {
  LoopWorld world({.max_attempts = 3});
  world.submit(1);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(world.take_when_due(), Ids{1});
    world.answer(1, VerdictKind::service_unavailable);
  }
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->attempts, 3);
  EXPECT_EQ(world.events.finals[0]->verdict.kind, VerdictKind::service_unavailable);
  EXPECT_EQ(world.events.waiting.size(), 2U);
}

TEST(RetryLoop, AnAttemptThatWouldStartTooLateIsNotWaitedFor) {
  LoopWorld world({.give_up_after = 60s});
  world.submit(1);
  (void)world.take();
  world.answer(1, VerdictKind::service_unavailable, 61s);
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->verdict.kind, VerdictKind::service_unavailable);
}

TEST(RetryLoop, AnAttemptThatStartsOnTheDeadlineIsStillMade) {
  LoopWorld world({.give_up_after = 60s});
  world.submit(1);
  world.pass(60s);
  EXPECT_EQ(world.take(), Ids{1});
}

TEST(RetryLoop, NothingIsSentAfterItsDeadlineThoughTheWindowWasFull) {
  LoopWorld world({.give_up_after = 60s, .first_window = 1});
  world.submit_range(1, 2);
  (void)world.take();
  world.pass(61s);
  world.answer(1, VerdictKind::accepted);
  EXPECT_EQ(world.take(), Ids{});
  ASSERT_EQ(world.events.finals.size(), 2U);
  EXPECT_EQ(world.events.finals[1]->attempts, 0);
  EXPECT_EQ(world.events.finals[1]->verdict.kind, VerdictKind::unsent);
}

TEST(RetryLoop, AnUnsentMessageIsNotSentAgainAfterItsDeadline) {
  LoopWorld world({.give_up_after = 60s});
  world.submit(1);
  (void)world.take();
  world.pass(61s);
  world.answer(1, VerdictKind::unsent);
  EXPECT_EQ(world.events.finals.size(), 1U);
}

// A Retry-After of a day must not keep a caller for a day who asked to hear within an hour.
TEST(RetryLoop, APauseLongerThanItsPatienceEndsADeliveryAtOnce) {
  LoopWorld world({.give_up_after = 1h, .first_window = 1});
  world.submit_range(1, 3);
  (void)world.take();
  world.answer(1, VerdictKind::throttled_project, 24h);
  ASSERT_EQ(world.events.finals.size(), 3U);
  for (const DeliveryPtr& final : world.events.finals) {
    EXPECT_EQ(final->verdict.kind, VerdictKind::throttled_project);
  }
  world.submit(4);
  EXPECT_EQ(world.events.finals.at(3)->verdict.kind, VerdictKind::throttled_project);
  EXPECT_EQ(world.events.finals.at(3)->attempts, 0);
  EXPECT_TRUE(world.books_balance());
}

TEST(RetryLoop, APauseSparesThoseWhosePatienceIsLonger) {
  LoopWorld world({.give_up_after = 1h, .first_window = 1});
  world.submit_range(1, 2);
  (void)world.take();
  world.pass(50min);
  world.submit(3);
  world.answer(1, VerdictKind::throttled_project, 20min);
  ASSERT_EQ(world.events.finals.size(), 2U);
  world.pass(20min);
  EXPECT_EQ(world.take(), Ids{3});
}

TEST(RetryLoop, WithoutADeadlineNothingOverflows) {
  LoopWorld world({.give_up_after = std::chrono::milliseconds::max()});
  world.submit(1);
  (void)world.take();
  world.answer(1, VerdictKind::service_unavailable, std::chrono::seconds::max());
  EXPECT_EQ(world.events.waiting.size(), 1U);
}

// --- resumed deliveries ---

TEST(RetryLoop, AResumedDeliveryWaitsForItsOwnTime) {
  LoopWorld world;
  auto delivery = std::make_unique<Delivery>();
  delivery->id = 1;
  delivery->attempts = 2;
  delivery->not_before = world.now + 30s;
  world.submit(std::move(delivery));
  EXPECT_EQ(world.loop.waiting(), 1U);
  EXPECT_TRUE(world.events.waiting.empty());
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.loop.next_due(), world.now + 30s);
  EXPECT_EQ(world.take_when_due(), Ids{1});
  EXPECT_EQ(world.loop.retries(), 1U);
}

TEST(RetryLoop, AResumedDeliveryHasOnlyItsRemainingAttempts) {
  LoopWorld world({.max_attempts = 3});
  auto delivery = std::make_unique<Delivery>();
  delivery->id = 1;
  delivery->attempts = 2;
  world.submit(std::move(delivery));
  (void)world.take();
  world.answer(1, VerdictKind::service_unavailable);
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->attempts, 3);
}

TEST(RetryLoop, AResumedDeliveryWhoseTimeHasComeGoesAtOnce) {
  LoopWorld world;
  auto delivery = std::make_unique<Delivery>();
  delivery->id = 1;
  delivery->not_before = world.now - 1h;
  world.submit(std::move(delivery));
  EXPECT_EQ(world.take(), Ids{1});
}

// --- platform holds ---

TEST(RetryLoop, ABlockedPlatformHoldsItsOwnDeliveriesOnly) {
  LoopWorld world({.first_window = 1});
  world.submit_range(1, 3, "ios");
  world.submit_range(4, 5, "android");
  (void)world.take();
  world.answer(1, VerdictKind::platform_blocked);
  ASSERT_EQ(world.events.holds.size(), 1U);
  EXPECT_EQ(world.events.holds[0].scope, Hold::Scope::platform);
  EXPECT_EQ(world.events.holds[0].platform, "ios");
  EXPECT_EQ(world.events.held.size(), 3U);
  EXPECT_EQ(world.take(), Ids{4});
  EXPECT_FALSE(world.loop.project_held());
}

TEST(RetryLoop, AHeldPlatformTakesNoLaterDelivery) {
  LoopWorld world;
  world.submit(1, "ios");
  (void)world.take();
  world.answer(1, VerdictKind::platform_blocked);
  world.submit(2, "ios");
  ASSERT_EQ(world.events.held.size(), 2U);
  EXPECT_EQ(world.events.held[0]->attempts, 1);
  EXPECT_TRUE(world.events.held[0]->tried);
  EXPECT_EQ(world.events.held[1]->attempts, 0);
  EXPECT_FALSE(world.events.held[1]->tried);
}

TEST(RetryLoop, APlatformIsHeldOnceHoweverManyOnTheWireSaySo) {
  LoopWorld world;
  world.submit_range(1, 5, "web");
  world.answer_all(world.take(), VerdictKind::platform_blocked);
  EXPECT_EQ(world.events.holds.size(), 1U);
  EXPECT_EQ(world.events.held.size(), 5U);
}

TEST(RetryLoop, AWaitingDeliveryOfABlockedPlatformIsHeldWithItsOwnAnswer) {
  LoopWorld world;
  world.submit_range(1, 2, "ios");
  (void)world.take();
  world.answer(1, VerdictKind::service_unavailable);
  world.answer(2, VerdictKind::platform_blocked);
  ASSERT_EQ(world.events.held.size(), 2U);
  EXPECT_EQ(world.events.held[0]->id, 1U);
  EXPECT_EQ(world.events.held[0]->verdict.kind, VerdictKind::service_unavailable);
  EXPECT_EQ(world.loop.waiting(), 0U);
}

TEST(RetryLoop, OneRefusalWithoutAPlatformHoldsOnlyItself) {
  LoopWorld world({.first_window = 1});
  world.submit_range(1, 2);
  (void)world.take();
  world.answer(1, VerdictKind::platform_blocked);
  EXPECT_TRUE(world.events.holds.empty());
  EXPECT_EQ(world.events.held.size(), 1U);
  EXPECT_EQ(world.take(), Ids{2});
}

TEST(RetryLoop, ManyRefusalsWithoutAPlatformHoldAllWithoutOne) {
  LoopWorld world({.first_window = 3, .unknown_platform_refusals = 3});
  world.submit_range(1, 9);
  world.submit(10, "android");
  world.answer_all(world.take(), VerdictKind::platform_blocked);
  ASSERT_EQ(world.events.holds.size(), 1U);
  EXPECT_EQ(world.events.holds[0].platform, "");
  EXPECT_EQ(world.events.held.size(), 9U);
  EXPECT_EQ(world.take(), Ids{10});
}

// --- project hold and stop ---

TEST(RetryLoop, WhatIsOnTheWireWhenTheProjectIsHeldStillEndsAsUsual) {
  LoopWorld world;
  world.submit_range(1, 5);
  (void)world.take();
  world.answer(1, VerdictKind::project_blocked);
  world.answer(2, VerdictKind::accepted);
  world.answer(3, VerdictKind::service_unavailable);
  world.answer(4, VerdictKind::unsent);
  world.answer(5, VerdictKind::project_blocked);
  EXPECT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.held.size(), 4U);
  EXPECT_EQ(world.events.holds.size(), 1U);
  EXPECT_TRUE(world.events.waiting.empty());
}

TEST(RetryLoop, AHeldProjectHoldsWhatIsSubmittedLater) {
  LoopWorld world;
  world.submit(1);
  (void)world.take();
  world.answer(1, VerdictKind::project_blocked);
  world.submit(2);
  EXPECT_EQ(world.events.held.size(), 2U);
  EXPECT_TRUE(world.books_balance());
}

TEST(RetryLoop, StopHoldsWhatIsNotOnTheWire) {
  LoopWorld world({.first_window = 2});
  world.submit_range(1, 4);
  (void)world.take();
  world.answer(1, VerdictKind::service_unavailable);
  world.loop.stop();
  world.loop.take_events(world.events);
  EXPECT_EQ(world.events.held.size(), 3U);
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.loop.next_due(), std::nullopt);
  EXPECT_TRUE(world.events.holds.empty());
}

TEST(RetryLoop, AfterStopAnAttemptEndsAsUsualAndWhatWouldWaitIsHeld) {
  LoopWorld world({.max_attempts = 2});
  world.submit_range(1, 3);
  auto last_chance = std::make_unique<Delivery>();
  last_chance->id = 4;
  last_chance->attempts = 1;
  world.submit(std::move(last_chance));
  (void)world.take();
  world.loop.stop();
  world.answer(1, VerdictKind::accepted);
  world.answer(2, VerdictKind::service_unavailable);
  world.answer(3, VerdictKind::unsent);
  world.answer(4, VerdictKind::service_unavailable);
  ASSERT_EQ(world.events.finals.size(), 2U);
  EXPECT_EQ(world.events.finals[1]->id, 4U);
  ASSERT_EQ(world.events.held.size(), 2U);
  EXPECT_EQ(world.events.held[0]->attempts, 1);
  EXPECT_EQ(world.events.held[1]->attempts, 0);
}

TEST(RetryLoop, AnIdMayBeUsedAgainOnceItsDeliveryIsFinal) {
  LoopWorld world;
  for (int i = 0; i < 2; ++i) {
    world.submit(1);
    ASSERT_EQ(world.take(), Ids{1});
    world.answer(1, VerdictKind::accepted);
  }
  EXPECT_EQ(world.events.finals.size(), 2U);
}

// --- starting over ---

TEST(RetryLoop, StartsOverAfterAHoldWithTheWindowItIsGiven) {
  LoopWorld world;
  world.submit_range(1, 3);
  world.answer_all(world.take(), VerdictKind::project_blocked);
  world.loop.start_over(1);
  EXPECT_FALSE(world.loop.project_held());
  world.submit_range(4, 5);
  EXPECT_EQ(world.take(), Ids{4});
}

TEST(RetryLoop, StartsOverWithThePauseThatFcmAskedFor) {
  LoopWorld world;
  world.submit_range(1, 2);
  (void)world.take();
  world.answer(1, VerdictKind::throttled_project, 30s);
  world.answer(2, VerdictKind::project_blocked);
  world.loop.start_over(1);
  world.submit(3);
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.loop.next_due(), world.now + 30s);
}

// --- the budget of retries ---

// With one retry to begin with, and one more each second or for each two first attempts.
RetryOptions scarce() {
  RetryOptions options;
  options.retry_budget = {.share = 0.5, .per_second = 0.1};
  return options;
}

// Sends a thousand a minute to a service that answers all the same, and counts what goes out.
struct Load {
  std::size_t first_attempts = 0;
  std::size_t retries = 0;
};
Load load_of_minutes(LoopWorld& world, int minutes, VerdictKind answer, DeliveryId first_id) {
  const std::uint64_t retries_before = world.loop.retries();
  Load load;
  for (const SteadyTime end = world.now + std::chrono::minutes(minutes); world.now < end;
       world.pass(60ms)) {
    world.submit(first_id + load.first_attempts++);
    world.answer_all(world.take(), answer);
  }
  load.retries = world.loop.retries() - retries_before;
  return load;
}

TEST(RetryLoop, AnOutageDoesNotDoubleTheLoad) {
  LoopWorld world({.retry_budget = {.share = 0.2, .per_second = 0.1}});
  const Load load = load_of_minutes(world, 20, VerdictKind::service_unavailable, 1);
  EXPECT_GE(load.retries, load.first_attempts * 19 / 100);
  EXPECT_LE(load.retries, load.first_attempts * 21 / 100 + 120);
  EXPECT_TRUE(world.books_balance());
}

TEST(RetryLoop, WhatAnOutageLeftWaitingGoesFastOnceItIsOver) {
  LoopWorld world({.retry_budget = {.share = 0.2, .per_second = 0.1}});
  (void)load_of_minutes(world, 10, VerdictKind::service_unavailable, 1);
  ASSERT_GE(world.loop.waiting(), 5'000U);
  world.events = {};
  (void)load_of_minutes(world, 10, VerdictKind::accepted, 1'000'000);
  EXPECT_EQ(world.loop.waiting(), 0U);
}

TEST(RetryLoop, ARetryWithoutMeansWaitsForThemAndIsNotDropped) {
  LoopWorld world(scarce());
  world.submit_range(1, 3);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  world.pass(20s);  // All are due. First attempts brought means for two.
  EXPECT_EQ(world.take().size(), 2U);
  EXPECT_EQ(world.loop.waiting(), 1U);
  EXPECT_EQ(world.loop.ready(), 0U);
  EXPECT_EQ(world.take_when_due().size(), 1U);
  EXPECT_TRUE(world.books_balance());
}

TEST(RetryLoop, SaysExactlyWhenThereAreMeansForTheNextRetry) {
  LoopWorld world({.retry_budget = {.share = 0, .per_second = 0.1}});
  world.submit_range(1, 2);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  world.pass(20s);
  ASSERT_EQ(world.take().size(), 1U);
  const auto due = world.loop.next_due();
  ASSERT_TRUE(due);
  EXPECT_NEAR(std::chrono::duration<double>(*due - world.now).count(), 10, 0.001);
  world.now = *due - 1ms;
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.loop.next_due(), due);
  world.now = *due;
  EXPECT_EQ(world.take().size(), 1U);
}

TEST(RetryLoop, FirstAttemptsDoNotWaitBehindRetriesWithoutMeans) {
  LoopWorld world({.retry_budget = {.share = 0, .per_second = 0.001}});
  world.submit_range(1, 50);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  world.pass(20s);
  ASSERT_EQ(world.take().size(), 1U);
  world.submit(99);
  EXPECT_EQ(world.take(), Ids{99});
}

TEST(RetryLoop, RetriesAndFirstAttemptsShareANarrowWindow) {
  LoopWorld world({.first_window = 8, .retry_budget = {.share = 1, .per_second = 100}});
  world.submit_range(1, 8);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  world.pass(20s);
  world.submit_range(11, 18);
  const Ids sent = world.take();
  EXPECT_EQ(std::ranges::count_if(sent, [](DeliveryId id) { return id > 10; }), 4);
}

TEST(RetryLoop, ARetryThatIsAnsweredGivesBackWhatItTook) {
  LoopWorld world({.retry_budget = {.share = 0, .per_second = 0.001}});
  world.submit_range(1, 5);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  world.pass(20s);
  for (int i = 0; i < 5; ++i) {
    const Ids sent = world.take();
    ASSERT_EQ(sent.size(), 1U) << i;
    world.answer_all(sent, VerdictKind::device_gone);
  }
}

TEST(RetryLoop, ARetryThatNeverArrivedIsPaidForOnce) {
  LoopWorld world({.retry_budget = {.share = 0, .per_second = 0.001}});
  world.submit(1);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  world.pass(20s);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(world.take(), Ids{1}) << i;
    world.answer(1, VerdictKind::unsent);
  }
}

TEST(RetryLoop, ARetryIsGivenUpWhenItsTimeIsOverBeforeThereAreMeans) {
  LoopWorld world({.give_up_after = 60s, .retry_budget = {.share = 0, .per_second = 0.001}});
  world.submit_range(1, 2);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  const SteadyTime deadline = world.now + 60s;
  world.pass(20s);
  const Ids sent = world.take();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(world.take_when_due(), Ids{});
  EXPECT_GT(world.now, deadline);
  EXPECT_LE(world.now, deadline + 1ms);
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->verdict.kind, VerdictKind::service_unavailable);
}

TEST(RetryLoop, AHoldTakesRetriesThatLackMeans) {
  LoopWorld world({.retry_budget = {.share = 0, .per_second = 0.001}});
  world.submit_range(1, 3);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  world.pass(20s);
  const Ids sent = world.take();
  ASSERT_EQ(sent.size(), 1U);
  world.answer_all(sent, VerdictKind::project_blocked);
  EXPECT_EQ(world.events.held.size(), 3U);
  EXPECT_EQ(world.loop.waiting(), 0U);
}

TEST(RetryLoop, WithoutAnIncomeRetriesWaitForFirstAttemptsAlone) {
  LoopWorld world({.give_up_after = std::chrono::milliseconds::max(),
                   .retry_budget = {.share = 0.5, .per_second = 0}});
  world.submit(1);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  world.pass(20s);
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.loop.next_due(), std::nullopt);
  world.submit(2);
  (void)world.take();
  EXPECT_EQ(world.take(), Ids{1});
}

// --- the limits of a target ---

void submit_to(LoopWorld& world, DeliveryId id, std::string target,
               TargetKind kind = TargetKind::token) {
  auto delivery = std::make_unique<Delivery>();
  delivery->id = id;
  delivery->target = {kind, std::move(target)};
  world.submit(std::move(delivery));
}

TEST(RetryLoop, SpreadsADevicesMessagesOverMoreThanAMinuteAndDelaysNobodyElse) {
  LoopWorld world({.first_window = 1'000});
  for (DeliveryId id = 1; id <= 300; ++id) submit_to(world, id, "chatty");
  submit_to(world, 999, "other");
  const Ids sent = world.take();
  EXPECT_EQ(sent.size(), 241U);
  EXPECT_EQ(sent.back(), 999U);
  EXPECT_EQ(world.loop.waiting(), 60U);
  EXPECT_TRUE(world.events.waiting.empty());
  world.answer_all(sent, VerdictKind::accepted);
  const SteadyTime begun = world.now;
  EXPECT_EQ(world.take_when_due().size(), 60U);
  EXPECT_GT(world.now, begun + 60s);
  EXPECT_LE(world.now, begun + 61s);
  EXPECT_TRUE(world.books_balance());
}

TEST(RetryLoop, KeepsTheOrderOfAFullTargetsMessages) {
  LoopWorld world({.target_limits = {.device_per_minute = 2}});
  for (DeliveryId id = 1; id <= 6; ++id) submit_to(world, id, "chatty");
  for (const Ids& expected : {Ids{1, 2}, Ids{3, 4}, Ids{5, 6}}) {
    const Ids sent = world.take_when_due();
    EXPECT_EQ(sent, expected);
    world.answer_all(sent, VerdictKind::accepted);
  }
}

TEST(RetryLoop, LimitsATopicOnlyWhereThatIsAskedFor) {
  LoopWorld world({.first_window = 1'000, .target_limits = {.topic_per_minute = 10}});
  for (DeliveryId id = 1; id <= 20; ++id) submit_to(world, id, "news", TargetKind::topic);
  EXPECT_EQ(world.take().size(), 10U);
  LoopWorld free({.first_window = 1'000});
  for (DeliveryId id = 1; id <= 500; ++id) submit_to(free, id, "news", TargetKind::topic);
  EXPECT_EQ(free.take().size(), 500U);
}

TEST(RetryLoop, ATargetsRetryAfterHoldsUpItsOtherMessagesAndNobodyElses) {
  LoopWorld world;
  submit_to(world, 1, "full");
  (void)world.take();
  world.answer(1, VerdictKind::throttled_target, 90s);
  const SteadyTime until = world.now + 90s;
  submit_to(world, 2, "full");
  submit_to(world, 3, "other");
  EXPECT_EQ(world.take(), Ids{3});
  EXPECT_EQ(world.loop.next_due(), until);
  EXPECT_EQ(world.take_when_due(), Ids{2});
}

TEST(RetryLoop, AThrottledTargetWithoutATimeIsLeftAloneForAMinute) {
  LoopWorld world;
  submit_to(world, 1, "full");
  (void)world.take();
  world.answer(1, VerdictKind::throttled_target);
  submit_to(world, 2, "full");
  EXPECT_EQ(world.take(), Ids{});
  EXPECT_EQ(world.loop.next_due(), world.now + 60s);
}

TEST(RetryLoop, AMessageWhoseTimeEndsBeforeItsTargetHasRoomIsGivenUpAtOnce) {
  LoopWorld world({.give_up_after = 30s, .target_limits = {.device_per_minute = 1}});
  submit_to(world, 1, "full");
  submit_to(world, 2, "full");
  EXPECT_EQ(world.take(), Ids{1});
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->id, 2U);
  EXPECT_EQ(world.events.finals[0]->verdict.kind, VerdictKind::unsent);
  EXPECT_TRUE(world.events.finals[0]->answer.reason.contains("its target"));
}

TEST(RetryLoop, ARetryThatItsTargetHoldsUpTakesNoMeans) {
  LoopWorld world({.retry_budget = {.share = 0, .per_second = 0.001},
                   .target_limits = {.device_per_minute = 1}});
  submit_to(world, 1, "full");
  submit_to(world, 2, "news", TargetKind::topic);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  world.pass(20s);
  EXPECT_EQ(world.take(), Ids{2});
}

TEST(RetryLoop, ALimitOutlivesAHold) {
  LoopWorld world({.target_limits = {.device_per_minute = 1}});
  submit_to(world, 1, "full");
  world.answer_all(world.take(), VerdictKind::project_blocked);
  world.loop.start_over(1);
  submit_to(world, 2, "full");
  EXPECT_EQ(world.take(), Ids{});
}

#if !defined(NDEBUG) && !defined(__SANITIZE_THREAD__)
TEST(RetryLoopDeathTest, AnAttemptNobodyAskedForIsABrokenInvariant) {
  LoopWorld world;
  EXPECT_DEATH(world.loop.on_attempt(std::make_unique<Delivery>(), world.now), "on the wire");
}
#endif

}  // namespace
}  // namespace fanfare::client
