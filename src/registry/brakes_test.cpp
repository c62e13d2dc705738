// What is kept of the brake: who becomes suspect, what is counted, what settles it.
#include <gtest/gtest.h>

#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

const std::string gone = "token.unregistered";

class BrakesTest : public TempStore {
 protected:
  void SetUp() override {
    TempStore::SetUp();
    registry_.emplace(open());
    auto devices = tokens(6);
    for (auto& device : devices) device.platform = "android";
    devices[5].platform = "ios";
    ASSERT_TRUE(registry_->upsert(devices, day0));
    campaign_ = a_campaign(*registry_);
  }
  void record(Progress progress) { ASSERT_TRUE(registry_->record(campaign_, progress)); }
  void die(std::initializer_list<DeviceId> ids, SystemTime at) {
    Progress progress{.at = at};
    for (const DeviceId id : ids) progress.changes.push_back({id, State::retired, gone, "{}"});
    record(std::move(progress));
  }
  void pull(SystemTime now, const std::string& platform = "android") {
    const BrakePull pull{.platform = platform,
                         .rule = gone,
                         .since = now - 1h,
                         .why = {.share = 0.5, .limit = 0.3, .dead = 5, .answers = 10}};
    ASSERT_TRUE(registry_->pull_brake(campaign_, pull, now));
  }
  BrakeState brake() { return registry_->brakes().value().at(0); }
  std::int64_t last_event() { return registry_->brake_history("p", day0)->last_event; }
  std::string states() {
    std::string text;
    for (int i = 0; i < 6; ++i) {
      text += to_string(get(*registry_, "token-" + std::to_string(i)).state).substr(0, 1);
    }
    return text;
  }

  std::optional<Registry> registry_;
  Campaign campaign_;
};

TEST_F(BrakesTest, BringsBackWhatAnEarlierCampaignRetiredOnThePlatform) {
  die({1, 6}, day0);
  campaign_ = a_campaign(*registry_);
  die({2}, day0 + 30min);
  pull(day0 + 40min);
  EXPECT_EQ(states(), "ssaaar");
  EXPECT_EQ(brake().platform, "android");
  EXPECT_DOUBLE_EQ(brake().why.share, 0.5);
  EXPECT_EQ(brake().why.dead, 5U);
  EXPECT_EQ(brake().suspects, 2U);
}

TEST_F(BrakesTest, LeavesThoseOfAnotherProjectAndOfAPersonAlone) {
  die({1}, day0);
  ASSERT_TRUE(registry_->retire(2, day0));
  campaign_.project = "other";
  ASSERT_TRUE(registry_->add_campaign(campaign_));
  pull(day0 + 10min);
  EXPECT_EQ(states(), "rraaaa");
}

TEST_F(BrakesTest, HoldsVerdictsWhileItIsOnAndOnItsPlatformOnly) {
  pull(day0);
  die({1, 6}, day0 + 1min);
  EXPECT_EQ(states(), "saaaar");
  const std::vector<Change> changes = {{2, State::retired, gone, "{}"},
                                       {3, State::retired, "token.malformed", "{}"}};
  ASSERT_TRUE(registry_->apply(changes, day0 + 2min));
  EXPECT_EQ(states(), "ssraar");
}

TEST_F(BrakesTest, OneFromBeforeThereWerePlatformsHoldsThemAll) {
  pull(day0, std::string(every_platform));
  die({1, 6}, day0 + 1min);
  EXPECT_EQ(states(), "saaaas");
  EXPECT_EQ(brake().suspects, 2U);
  pull(day0 + 2min);
  EXPECT_EQ(registry_->brakes()->size(), 1U);
  EXPECT_EQ(registry_->release_brakes(day0 + 3min).value(), 2U);
  EXPECT_EQ(states(), "aaaaaa");
}

TEST_F(BrakesTest, RetiresOnlyWhatTheRunAfterTheWaveHeard) {
  pull(day0);
  die({1, 2}, day0 + 1min);
  const auto before = last_event();
  campaign_ = a_campaign(*registry_);
  die({2, 3}, day0 + 2h);
  EXPECT_EQ(registry_->settle_brake(brake().id, campaign_, before, day0 + 2h).value(), 2U);
  EXPECT_EQ(states(), "srraaa");
  EXPECT_EQ(brake().over, day0 + 2h);
  EXPECT_EQ(get(*registry_, "token-1").rule, gone);
  // The one left waits for its next answer, which retires it.
  die({1}, day0 + 3h);
  EXPECT_EQ(states(), "rrraaa");
  ASSERT_TRUE(registry_->close_settled_brakes(day0 + 3h));
  EXPECT_TRUE(registry_->brakes()->empty());
}

TEST_F(BrakesTest, ClosesWhenTheLastSuspectIsAccepted) {
  pull(day0);
  die({1}, day0 + 1min);
  const auto before = last_event();
  ASSERT_TRUE(registry_->settle_brake(brake().id, campaign_, before, day0 + 2h));
  EXPECT_EQ(registry_->brakes()->size(), 1U);
  record({.at = day0 + 2h, .accepted = {1}});
  ASSERT_TRUE(registry_->close_settled_brakes(day0 + 2h));
  EXPECT_TRUE(registry_->brakes()->empty());
  EXPECT_EQ(states(), "aaaaaa");
}

TEST_F(BrakesTest, IsPulledAgainByAnotherWave) {
  pull(day0);
  die({1}, day0 + 1min);
  ASSERT_TRUE(registry_->settle_brake(brake().id, campaign_, last_event(), day0 + 2h));
  die({2}, day0 + 2h);
  pull(day0 + 2h);
  EXPECT_EQ(states(), "ssaaaa");
  ASSERT_EQ(registry_->brakes()->size(), 1U);
  EXPECT_EQ(brake().over, std::nullopt);
  EXPECT_EQ(brake().since, day0 + 2h);
}

TEST_F(BrakesTest, NeverRetiresACanary) {
  EXPECT_TRUE(registry_->add_canary(1).value());
  EXPECT_FALSE(registry_->add_canary(1).value());
  die({1, 2}, day0);
  EXPECT_EQ(states(), "sraaaa");
  EXPECT_EQ(registry_->canaries()->at(0).registration.value, "token-0");
  EXPECT_TRUE(registry_->remove_canary(1).value());
  die({1}, day0 + 1min);
  EXPECT_EQ(states(), "rraaaa");
}

TEST_F(BrakesTest, NamesTheCanaryThatPulledIt) {
  const BrakePull pull{.platform = "android", .rule = gone, .since = day0, .canary = 3};
  ASSERT_TRUE(registry_->pull_brake(campaign_, pull, day0));
  EXPECT_EQ(brake().why.canary, "token-2");
}

TEST_F(BrakesTest, APersonsWordMayBeAboutOnePlatform) {
  pull(day0);
  pull(day0, "ios");
  die({1, 6}, day0 + 1min);
  EXPECT_EQ(registry_->confirm_brakes(day0 + 2min, {.platform = "ios"}).value(), 1U);
  EXPECT_EQ(registry_->release_brakes(day0 + 2min, {.platform = "ios"}).value(), 0U);
  EXPECT_EQ(registry_->release_brakes(day0 + 2min, {.rule = "another"}).value(), 0U);
  EXPECT_EQ(states(), "saaaar");
  EXPECT_EQ(registry_->release_brakes(day0 + 2min, {.rule = gone}).value(), 1U);
  EXPECT_EQ(states(), "aaaaar");
}

TEST_F(BrakesTest, LearnsFromThirtyDaysWithoutTheTimesOfABrake) {
  const auto count = [&](SystemTime at, std::string rule, std::uint64_t number) {
    record({.at = at, .answers = {{brake_bucket_of(at), "android", std::move(rule), number}}});
  };
  count(day0 - 24h * 40, "", 1'000);
  count(day0 - 24h * 20, "", 20);
  count(day0 - 24h * 20, "", 30);
  count(day0 - 24h * 20, gone, 3);
  count(day0 - 24h * 10, gone, 700);
  pull(day0 - 24h * 10 + 5min);
  ASSERT_TRUE(registry_->release_brakes(day0 - 24h * 9));
  count(day0, "", 7);

  const auto history = registry_->brake_history("p", day0).value();
  ASSERT_EQ(history.window.size(), 1U);
  EXPECT_EQ(history.window[0].count, 7U);
  std::map<std::string, std::uint64_t> learnt;
  for (const auto& row : history.baseline) learnt[row.rule] += row.count;
  EXPECT_EQ(learnt, (std::map<std::string, std::uint64_t>{{"", 50}, {gone, 3}}));
  EXPECT_TRUE(registry_->brake_history("other", day0)->baseline.empty());
}

TEST_F(BrakesTest, DoesNotCountADeathTwiceAfterAPersonsWord) {
  record({.at = day0,
          .answers = {{brake_bucket_of(day0), "android", gone, 500},
                      {brake_bucket_of(day0), "android", "", 400}}});
  pull(day0);
  ASSERT_TRUE(registry_->release_brakes(day0 + 1min));
  const auto window = registry_->brake_history("p", day0 + 2min)->window;
  ASSERT_EQ(window.size(), 1U);
  EXPECT_EQ(window[0].rule, "");
}

TEST_F(BrakesTest, TellsAtTheStartWhoWaits) {
  pull(day0);
  die({1, 2}, day0 + 1min);
  const auto open = registry_->brake_history("p", day0 + 1h)->open;
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].brake.suspects, 2U);
  EXPECT_EQ(open[0].actives, 3U);
}

}  // namespace
}  // namespace fanfare::registry
