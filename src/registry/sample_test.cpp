#include "registry/sample.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

namespace fanfare::registry {
namespace {

std::vector<DeviceId> sample(std::size_t size, std::uint64_t seed, DeviceId count) {
  SampleOfIds sample(size, seed);
  for (DeviceId id = 1; id <= count; ++id) sample.offer(id);
  return sample.ids();
}

TEST(SampleOfIds, IsTheSameForASeedAndAnotherForAnother) {
  EXPECT_EQ(sample(20, 7, 10'000), sample(20, 7, 10'000));
  EXPECT_NE(sample(20, 7, 10'000), sample(20, 8, 10'000));
}

TEST(SampleOfIds, IsEverybodyWhenThereAreFewer) {
  EXPECT_EQ(sample(5, 1, 3), (std::vector<DeviceId>{1, 2, 3}));
  EXPECT_TRUE(sample(0, 1, 3).empty());
}

TEST(SampleOfIds, DoesNotDependOnTheOrder) {
  SampleOfIds backwards(10, 3);
  for (DeviceId id = 1'000; id > 0; --id) backwards.offer(id);
  EXPECT_EQ(backwards.ids(), sample(10, 3, 1'000));
}

TEST(SampleOfIds, ANewDeviceMovesAtMostOneOut) {
  const auto before = sample(10, 3, 1'000);
  const auto after = sample(10, 3, 1'001);
  std::vector<DeviceId> kept;
  std::ranges::set_intersection(before, after, std::back_inserter(kept));
  EXPECT_GE(kept.size(), 9U);
}

// Of 100 devices 10 are drawn 2,000 times: each 200 times, with a standard deviation of 13.4.
TEST(SampleOfIds, GivesEveryDeviceTheSameChance) {
  std::map<DeviceId, int> drawn;
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    for (const DeviceId id : sample(10, seed, 100)) ++drawn[id];
  }
  ASSERT_EQ(drawn.size(), 100U);
  for (const auto& [id, count] : drawn) EXPECT_NEAR(count, 200, 5 * 13.4) << id;
}

}  // namespace
}  // namespace fanfare::registry
