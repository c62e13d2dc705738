#include "base/random.h"

#include <gtest/gtest.h>

namespace fanfare {
namespace {

using namespace std::chrono_literals;

TEST(Random, RepeatsForTheSameSeed) {
  Random one(7);
  Random two(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(one.next(), two.next());
}

TEST(Random, StaysBelowTheBound) {
  Random random(1);
  for (int i = 0; i < 1000; ++i) EXPECT_LT(random.below(10), 10U);
  EXPECT_EQ(random.below(0), 0U);
}

TEST(Random, BetweenReachesBothEndsAndNothingElse) {
  Random random(3);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 1000; ++i) {
    const auto value = random.between(5ms, 7ms);
    ASSERT_GE(value, 5ms);
    ASSERT_LE(value, 7ms);
    low |= value == 5ms;
    high |= value == 7ms;
  }
  EXPECT_TRUE(low);
  EXPECT_TRUE(high);
  EXPECT_EQ(random.between(7ms, 5ms), 7ms);
}

}  // namespace
}  // namespace fanfare
