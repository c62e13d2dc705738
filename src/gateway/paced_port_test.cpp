#include "gateway/paced_port.h"

#include <gtest/gtest.h>

#include "client/testing/attempts.h"
#include "client/testing/fake_port.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;
using client::DeliveryPtr;
using client::testing::attempt;

class PacedPortTest : public ::testing::Test {
 protected:
  static client::BudgetOptions pace(std::uint64_t a_minute) {
    client::BudgetOptions options;
    options.messages_per_minute = a_minute;
    options.ramp = {};
    return options;
  }
  void start(int count) {
    std::vector<DeliveryPtr> deliveries;
    for (int i = 0; i < count; ++i) {
      deliveries.push_back(stock_.make());
      deliveries.back()->id = static_cast<client::DeliveryId>(i);
      deliveries.back()->target = {TargetKind::token, "t" + std::to_string(i)};
    }
    port_.start(deliveries);
  }
  /// Until `time` from the beginning.
  void run_until(client::SteadyTime::duration time) {
    while (inner_.now() < begun_ + time) port_.wait(begun_ + time, back_);
  }

  client::testing::FakePort inner_{
      [](const Target&, int) { return attempt(VerdictKind::accepted); }};
  const client::SteadyTime begun_ = inner_.now();
  client::DeliveryStock stock_;
  std::atomic<bool> over_ = false;
  PacedPort port_{inner_, pace(60), [this] { return over_.load(); }};
  std::vector<DeliveryPtr> back_;
};

TEST_F(PacedPortTest, StartsNoMoreThanThePaceAllows) {
  start(100);
  run_until(10s);
  EXPECT_GE(inner_.requests, 9U);
  EXPECT_LE(inner_.requests, 11U);
  EXPECT_EQ(back_.size(), inner_.requests);
}

TEST_F(PacedPortTest, WithoutARateAllGoesAtOnce) {
  PacedPort free(inner_, pace(0), [] { return false; });
  std::vector<DeliveryPtr> deliveries;
  for (int i = 0; i < 100; ++i) deliveries.push_back(stock_.make());
  free.start(deliveries);
  EXPECT_EQ(inner_.requests, 100U);
}

// What stands in line at a message a second would else go on for as long.
TEST_F(PacedPortTest, WhatStandsInLineComesBackUnsentOnceItIsOver) {
  start(100);
  run_until(5s);
  const std::size_t sent = inner_.requests;
  over_ = true;
  port_.wait(begun_ + 5s, back_);
  EXPECT_EQ(back_.size(), 100U);
  EXPECT_EQ(inner_.requests, sent);
  EXPECT_EQ(back_.back()->verdict.kind, VerdictKind::unsent);
  start(1);
  port_.wait(begun_ + 5s, back_);
  EXPECT_EQ(back_.size(), 101U);
  EXPECT_EQ(inner_.requests, sent);
}

}  // namespace
}  // namespace fanfare::gateway
