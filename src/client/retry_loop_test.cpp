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
  EXPECT_EQ(world.events.finals[0]->attempt.verdict.kind, GetParam());
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
  EXPECT_EQ(world.events.finals[0]->attempt.verdict.kind, VerdictKind::unknown_outcome);
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
  EXPECT_EQ(world.events.finals[0]->attempt.verdict.kind, VerdictKind::unsent);
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
  EXPECT_EQ(world.events.finals[0]->attempt.verdict.kind, VerdictKind::service_unavailable);
  EXPECT_EQ(world.events.waiting.size(), 2U);
}

TEST(RetryLoop, AnAttemptThatWouldStartTooLateIsNotWaitedFor) {
  LoopWorld world({.give_up_after = 60s});
  world.submit(1);
  (void)world.take();
  world.answer(1, VerdictKind::service_unavailable, 61s);
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->attempt.verdict.kind, VerdictKind::service_unavailable);
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
  EXPECT_EQ(world.events.finals[1]->attempt.verdict.kind, VerdictKind::unsent);
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
    EXPECT_EQ(final->attempt.verdict.kind, VerdictKind::throttled_project);
  }
  world.submit(4);
  EXPECT_EQ(world.events.finals.at(3)->attempt.verdict.kind, VerdictKind::throttled_project);
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
  EXPECT_EQ(world.events.held[0]->attempt.verdict.kind, VerdictKind::service_unavailable);
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

#if !defined(NDEBUG) && !defined(__SANITIZE_THREAD__)
TEST(RetryLoopDeathTest, AnAttemptNobodyAskedForIsABrokenInvariant) {
  LoopWorld world;
  EXPECT_DEATH(world.loop.on_attempt(std::make_unique<Delivery>(), world.now), "on the wire");
}
#endif

}  // namespace
}  // namespace fanfare::client
