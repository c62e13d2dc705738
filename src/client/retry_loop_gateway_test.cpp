// What a driver needs of the retry loop that keeps its backlog somewhere else: messages with limits
// of their own, and the way back for those that wait long.
#include <gtest/gtest.h>

#include "client/testing/loop_world.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using testing::LoopWorld;

DeliveryPtr delivery(DeliveryId id) {
  auto made = std::make_unique<Delivery>();
  made->id = id;
  made->target = {TargetKind::token, "token-" + std::to_string(id)};
  return made;
}

TEST(RetryLoopLimits, AMessagesOwnExpiryEndsItsRetries) {
  LoopWorld world;
  auto brief = delivery(1);
  brief->expires = world.now + 5s;  // The first wait is 10 s and more.
  world.submit(std::move(brief));
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.loop.waiting(), 0U);
}

TEST(RetryLoopLimits, AnExpiryLaterThanTheLoopsDoesNotStretchIt) {
  LoopWorld world({.give_up_after = 5s});
  auto patient = delivery(1);
  patient->expires = world.now + 1h;
  world.submit(std::move(patient));
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  EXPECT_EQ(world.events.finals.size(), 1U);
}

TEST(RetryLoopLimits, AMessagesOwnAttemptsCountInPlaceOfTheLoops) {
  LoopWorld world;
  auto once = delivery(1);
  once->max_attempts = 1;
  world.submit(std::move(once));
  world.submit(2);
  world.answer_all(world.take(), VerdictKind::service_unavailable);
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->id, 1U);
  EXPECT_EQ(world.loop.waiting(), 1U);
}

TEST(RetryLoopLimits, AMessageMayForbidToBeSentAgainWhenItsOutcomeIsUnknown) {
  LoopWorld world;
  auto careful = delivery(1);
  careful->drop_unknown = true;
  world.submit(std::move(careful));
  world.submit(2);
  world.answer_all(world.take(), VerdictKind::unknown_outcome);
  ASSERT_EQ(world.events.finals.size(), 1U);
  EXPECT_EQ(world.events.finals[0]->id, 1U);
}

TEST(RetryLoopIdle, WhatWaitsLongIsTakenWithItsTimeAndWhatIsSoonDueStays) {
  LoopWorld world;
  world.submit_range(1, 2);
  const auto sent = world.take();
  world.answer(sent[0], VerdictKind::service_unavailable, 5min);
  world.answer(sent[1], VerdictKind::service_unavailable);
  std::vector<DeliveryPtr> idle;
  world.loop.take_idle(world.now + 1min, idle);
  ASSERT_EQ(idle.size(), 1U);
  EXPECT_EQ(idle[0]->id, sent[0]);
  EXPECT_GE(*idle[0]->not_before, world.now + 5min);
  EXPECT_EQ(world.loop.waiting(), 1U);
}

TEST(RetryLoopIdle, ALongPauseOfTheProjectGivesBackEverythingThatIsNotOnTheWire) {
  LoopWorld world({.first_window = 2});
  world.submit_range(1, 4);
  const auto sent = world.take();
  ASSERT_EQ(sent.size(), 2U);
  world.answer(sent[0], VerdictKind::throttled_project, 2min);
  std::vector<DeliveryPtr> idle;
  world.loop.take_idle(world.now + 1min, idle);
  EXPECT_EQ(idle.size(), 3U);
  for (const auto& each : idle) EXPECT_GE(*each->not_before, world.now + 2min);
  EXPECT_EQ(world.loop.sending(), 1U);
  EXPECT_EQ(world.loop.ready() + world.loop.waiting(), 0U);
}

TEST(RetryLoopIdle, AReleasedPlatformIsSentToAgain) {
  LoopWorld world;
  world.submit(1, "ios");
  world.answer_all(world.take(), VerdictKind::platform_blocked);
  world.submit(2, "ios");
  EXPECT_TRUE(world.take().empty());
  world.loop.release_platform("ios");
  world.submit(3, "ios");
  EXPECT_EQ(world.take(), (std::vector<DeliveryId>{3}));
}

}  // namespace
}  // namespace fanfare::client
