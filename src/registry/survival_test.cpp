#include "registry/survival.h"

#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

using std::chrono::days;

TEST(Survival, ASilenceBelongsToTheLongestClassThatItReaches) {
  EXPECT_EQ(survival_class(days(7) - 1s), std::nullopt);
  EXPECT_EQ(survival_class(days(7)), 0U);
  EXPECT_EQ(survival_class(days(14) - 1s), 0U);
  EXPECT_EQ(survival_class(days(89)), 3U);
  EXPECT_EQ(survival_class(days(270)), 6U);
  EXPECT_EQ(survival_class(days(5'000)), 6U);
}

TEST(Survival, WhoWasSilentForLongWasSilentForLessToo) {
  const auto rows = survival_rows({10, 0, 0, 0, 2, 0, 1}, {100, 0, 50, 0, 0, 0, 20});
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_EQ(rows[0].days, 7);
  EXPECT_EQ(rows[0].came_back, 13U);
  EXPECT_EQ(rows[0].still_silent, 170U);
  EXPECT_EQ(rows[4].days, 90);
  EXPECT_EQ(rows[4].came_back, 3U);
  EXPECT_EQ(rows[4].still_silent, 20U);
  EXPECT_EQ(rows[6].came_back, 1U);
}

TEST(Survival, TheShareIsRoundedAndUnknownOfNobody) {
  EXPECT_EQ((SurvivalRow{90, 3, 1'197}.per_mille()), 3U);
  EXPECT_EQ((SurvivalRow{90, 1, 2}.per_mille()), 333U);
  EXPECT_EQ((SurvivalRow{90, 5, 0}.per_mille()), 1'000U);
  EXPECT_EQ((SurvivalRow{90, 0, 0}.per_mille()), std::nullopt);
}

class SurvivalTest : public TempStore {
 protected:
  static Device seen(const std::string& value, const std::string& platform, SystemTime at) {
    Device device = a_token(value);
    device.platform = platform;
    device.last_seen = at;
    return device;
  }
  static SurvivalRow row(Registry& registry, const std::string& platform, int days_silent) {
    const auto survival = registry.survival(day0).value();
    for (const auto& one : survival) {
      if (one.platform != platform) continue;
      for (const auto& row : one.rows) {
        if (row.days == days_silent) return row;
      }
    }
    return {};
  }
};

TEST_F(SurvivalTest, CountsWhoWasSeenAgainAfterAWeekOrMore) {
  auto registry = open();
  put(registry, seen("a", "ios", day0 - days(100)));
  put(registry, seen("b", "ios", day0 - days(8)));
  put(registry, seen("c", "ios", day0 - days(3)));
  for (const char* value : {"a", "b", "c"}) put(registry, seen(value, "ios", day0));
  EXPECT_EQ(row(registry, "ios", 90).came_back, 1U);
  EXPECT_EQ(row(registry, "ios", 7).came_back, 2U) << "three days are no silence";
  EXPECT_EQ(row(registry, "ios", 7).still_silent, 0U);
  EXPECT_EQ(row(registry, "android", 7).silent(), 0U);
}

TEST_F(SurvivalTest, AddsUpOverTransactionsAndOpenings) {
  for (int i = 0; i < 3; ++i) {
    auto registry = open();
    put(registry, seen("t", "web", day0 + days(20) * i));
  }
  auto registry = open();
  EXPECT_EQ(row(registry, "web", 14).came_back, 2U);
}

TEST_F(SurvivalTest, TheStillSilentAreThoseThatFcmHasNotCalledDead) {
  auto registry = open();
  for (const char* value : {"a", "b", "c"}) put(registry, seen(value, "ios", day0 - days(95)));
  put(registry, a_token("never"));
  const Campaign campaign = a_campaign(registry);
  const DeviceId dead = get(registry, "a").id;
  ASSERT_TRUE(registry.record(
      campaign, {.at = day0, .changes = {{dead, State::retired, "token.unregistered", ""}}}));
  ASSERT_TRUE(registry.prune(day0 - days(90), day0, false));
  EXPECT_EQ(row(registry, "ios", 90).still_silent, 2U) << "pruned ones are silent, too";
  EXPECT_EQ(row(registry, "ios", 180).still_silent, 0U);
}

TEST_F(SurvivalTest, AnOlderListIsNoReturn) {
  auto registry = open();
  put(registry, seen("t", "ios", day0));
  put(registry, seen("t", "ios", day0 - days(90)));
  EXPECT_EQ(row(registry, "ios", 7).came_back, 0U);
}

}  // namespace
}  // namespace fanfare::registry
