#include "registry/brake.h"

#include <gtest/gtest.h>

namespace fanfare::registry {
namespace {

TEST(Brake, NeverPullsBelowItsFloorWhateverTheShare) {
  EXPECT_FALSE(brake_pulls({}, "token.unregistered", 99, 99));
  EXPECT_TRUE(brake_pulls({}, "token.unregistered", 100, 100));
}

TEST(Brake, PullsAboveTheShareAndNotAtIt) {
  EXPECT_FALSE(brake_pulls({}, "token.unregistered", 300, 1'000));
  EXPECT_TRUE(brake_pulls({}, "token.unregistered", 301, 1'000));
}

TEST(Brake, IsQuickerWhenDevicesBelongToAnotherProject) {
  EXPECT_FALSE(brake_pulls({}, "token.unregistered", 150, 1'000));
  EXPECT_TRUE(brake_pulls({}, "token.sender_id_mismatch", 150, 1'000));
  EXPECT_TRUE(brake_pulls({}, "token.probe_sender_id_mismatch", 150, 1'000));
}

TEST(Brake, NeedsARetirementEvenWithoutAFloor) {
  EXPECT_FALSE(brake_pulls({.floor = 0, .share = 0.0}, "token.unregistered", 0, 0));
}

}  // namespace
}  // namespace fanfare::registry
