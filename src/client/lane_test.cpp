#include "client/lane.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <set>

#include <gtest/gtest.h>

#include "client/testing/attempts.h"
#include "client/testing/fake_sender.h"

namespace fanfare::client {
namespace {

using testing::attempt;
using testing::ScriptedFcm;

constexpr auto kForever = SteadyTime::max();

void start(LanePort& port, DeliveryId first, DeliveryId last) {
  std::vector<DeliveryPtr> deliveries;
  for (DeliveryId id = first; id <= last; ++id) {
    auto& delivery = deliveries.emplace_back(std::make_unique<Delivery>());
    delivery->id = id;
    delivery->target = {TargetKind::token, "token-" + std::to_string(id)};
  }
  port.start(deliveries);
}

std::shared_ptr<const fcm::EncodedMessage> a_message() {
  return std::make_shared<fcm::EncodedMessage>(Message{});
}

void collect(AttemptPort& port, std::size_t count, std::vector<DeliveryPtr>& done) {
  while (done.size() < count) port.wait(kForever, done);
}

std::optional<Attempt> accept_all(const Target&, int) {
  return attempt(VerdictKind::accepted);
}
std::optional<Attempt> answer_none(const Target&, int) {
  return std::nullopt;
}

TEST(Lane, EveryAttemptStartedEndsOnce) {
  ScriptedFcm fcm(accept_all);
  Lane lane(fcm.factory());
  LanePort port(lane, a_message());
  for (DeliveryId batch = 0; batch < 20; ++batch) {
    start(port, batch * 50, batch * 50 + 49);
  }
  std::vector<DeliveryPtr> done;
  collect(port, 1'000, done);
  std::set<DeliveryId> ids;
  for (const DeliveryPtr& one : done) ids.insert(one->id);
  EXPECT_EQ(ids.size(), 1'000U);
  EXPECT_EQ(fcm.requests(), 1'000U);
}

TEST(Lane, PortsOfOneLaneGetTheirOwnResults) {
  ScriptedFcm fcm(accept_all);
  Lane lane(fcm.factory());
  LanePort one(lane, a_message());
  LanePort other(lane, a_message());
  start(one, 1, 1);
  start(other, 2, 2);
  std::vector<DeliveryPtr> done;
  collect(other, 1, done);
  EXPECT_EQ(done.at(0)->id, 2U);
  collect(one, 2, done);
  EXPECT_EQ(done.at(1)->id, 1U);
}

TEST(Lane, WaitReturnsWithoutAResultWhenItsTimeHasCome) {
  ScriptedFcm fcm(answer_none);
  Lane lane(fcm.factory());
  LanePort port(lane, a_message());
  start(port, 1, 1);
  std::vector<DeliveryPtr> done;
  port.wait(SteadyTime{}, done);
  port.wait(port.now() + std::chrono::milliseconds(1), done);
  EXPECT_TRUE(done.empty());
}

TEST(Lane, AnInterruptBeforeTheWaitIsNotLost) {
  ScriptedFcm fcm(answer_none);
  Lane lane(fcm.factory());
  LanePort port(lane, a_message());
  port.interrupt();
  std::vector<DeliveryPtr> done;
  port.wait(kForever, done);
  EXPECT_TRUE(done.empty());
}

TEST(Lane, AnInterruptFromAnotherThreadEndsTheWait) {
  ScriptedFcm fcm(answer_none);
  Lane lane(fcm.factory());
  LanePort port(lane, a_message());
  start(port, 1, 1);
  const auto interrupted = std::async(std::launch::async, [&] {
    fcm.wait_for_requests(1);
    port.interrupt();
  });
  std::vector<DeliveryPtr> done;
  port.wait(kForever, done);
  EXPECT_TRUE(done.empty());
}

TEST(Lane, AnInterruptOutlivesTheResultsThatCameWithIt) {
  ScriptedFcm fcm(accept_all);
  std::vector<DeliveryPtr> done;
  auto lane = std::make_unique<Lane>(fcm.factory());
  LanePort port(*lane, a_message());
  start(port, 1, 1);
  lane.reset();  // Its result is there for certain now.
  port.interrupt();
  port.wait(kForever, done);
  EXPECT_EQ(done.size(), 1U);
  port.wait(kForever, done);
  EXPECT_EQ(done.size(), 1U);
}

std::atomic<AttemptPort*> interrupted_by_signal = nullptr;

TEST(Lane, AnInterruptMayComeFromASignalHandler) {
  ScriptedFcm fcm(answer_none);
  Lane lane(fcm.factory());
  LanePort port(lane, a_message());
  interrupted_by_signal = &port;
  const auto before = std::signal(SIGUSR1, [](int) { interrupted_by_signal.load()->interrupt(); });
  (void)std::raise(SIGUSR1);
  std::vector<DeliveryPtr> done;
  port.wait(kForever, done);
  EXPECT_TRUE(done.empty());
  (void)std::signal(SIGUSR1, before);
}

TEST(Lane, ClosingEndsEachAttemptUnderWayExactlyOnce) {
  ScriptedFcm fcm(answer_none);
  auto lane = std::make_unique<Lane>(fcm.factory());
  LanePort port(*lane, a_message());
  start(port, 1, 100);
  fcm.wait_for_requests(100);
  lane.reset();
  std::vector<DeliveryPtr> done;
  collect(port, 100, done);
  EXPECT_EQ(done.size(), 100U);
  EXPECT_EQ(done.front()->verdict.kind, VerdictKind::unknown_outcome);
}

// Whether or not the lane came to send it: nothing that was started is forgotten.
TEST(Lane, ClosingAtOnceForgetsNothingThatWasStarted) {
  for (int round = 0; round < 50; ++round) {
    ScriptedFcm fcm(accept_all);
    auto lane = std::make_unique<Lane>(fcm.factory());
    LanePort port(*lane, a_message());
    start(port, 1, 10);
    start(port, 11, 20);
    lane.reset();
    std::vector<DeliveryPtr> done;
    port.wait(SteadyTime{}, done);
    ASSERT_EQ(done.size(), 20U);
  }
}

TEST(Lane, APortMayBeDroppedWithAttemptsUnderWay) {
  ScriptedFcm fcm(accept_all);
  Lane lane(fcm.factory());
  {
    LanePort port(lane, a_message());
    start(port, 1, 100);
  }
  fcm.wait_for_requests(100);
  LanePort port(lane, a_message());
  start(port, 1, 1);
  std::vector<DeliveryPtr> done;
  collect(port, 1, done);
  EXPECT_EQ(done.size(), 1U);
}

}  // namespace
}  // namespace fanfare::client
