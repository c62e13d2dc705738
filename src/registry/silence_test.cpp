// Pruning by a policy, and what tidies up after campaigns.
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

using std::chrono::days;

class SilenceTest : public TempStore {
 protected:
  void SetUp() override {
    TempStore::SetUp();
    registry_.emplace(open());
    add("android-new", "android", day0 - days(1));
    add("android-60", "android", day0 - days(60));
    add("android-269", "android", day0 - days(269));
    add("android-271", "android", day0 - days(271));
    add("ios-271", "ios", day0 - days(271));
    add("unknown-271", "", day0 - days(271));
    add("never", "ios", std::nullopt);
  }
  void add(const std::string& value, const std::string& platform, std::optional<SystemTime> seen) {
    Device device = a_token(value);
    device.platform = platform;
    device.last_seen = seen;
    put(*registry_, device);
  }
  std::string retired() {
    std::string found;
    const auto done = registry_->each("state:retired", [&](const Device& device) {
      return found += device.registration.value + " ", true;
    });
    return done ? found : done.error().what;
  }
  PruneCounts prune(const std::string& policy, bool dry_run = false) {
    return registry_->prune(parse_silence_policy(policy).value(), day0, dry_run).value();
  }
  std::optional<Registry> registry_;
};

TEST_F(SilenceTest, DefaultRetiresOnlyWhatFcmHasForgottenAndWarnsOfTheRest) {
  const PruneCounts counts = prune("default");
  EXPECT_EQ(retired(), "android-271 ");
  EXPECT_EQ(counts.retired, 1U);
  EXPECT_EQ(counts.warned, 4U);
  EXPECT_EQ(counts.warned_by_platform,
            (std::map<std::string, std::uint64_t>{{"", 1}, {"android", 2}, {"ios", 1}}));
  EXPECT_EQ(counts.never_seen, 1U);
}

TEST_F(SilenceTest, EachPlatformHasItsOwnLimit) {
  EXPECT_EQ(prune("android=never,ios=90d,other=100d").retired, 2U);
  EXPECT_EQ(retired(), "ios-271 unknown-271 ");
}

TEST_F(SilenceTest, CountsByAgeAndPlatformWithoutChangingAnything) {
  const PruneCounts counts = prune("default", true);
  EXPECT_EQ(counts.ages.at("android"), (SilenceClasses{1, 0, 0, 1, 0, 1, 1, 0}));
  EXPECT_EQ(counts.ages.at("ios"), (SilenceClasses{0, 0, 0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(counts.retired, 1U);
  EXPECT_EQ(retired(), "");
}

TEST_F(SilenceTest, LooksAtOnePlatformAlone) {
  SilencePolicy policy = parse_silence_policy("other=30d").value();
  policy.only = "ios";
  const auto counts = registry_->prune(policy, day0, false).value();
  EXPECT_EQ(retired(), "ios-271 ");
  EXPECT_EQ(counts.ages.size(), 1U);
}

TEST_F(SilenceTest, ADeviceExactlyAtItsLimitStays) {
  EXPECT_EQ(prune("other=271d").retired, 0U);
}

TEST_F(SilenceTest, KeepsWhyInTheHistory) {
  prune("default");
  const auto history = registry_->history(get(*registry_, "android-271").id).value();
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].cause, "prune");
  EXPECT_EQ(history[0].evidence, R"({"last_seen":"2026-04-19T08:00:00Z"})");
}

TEST_F(SilenceTest, NamesTheSilentInPiecesAndRetiresThoseOfThemThatStillAre) {
  const SilencePolicy policy = parse_silence_policy("other=100d").value();
  std::vector<Receiver> silent;
  ASSERT_TRUE(registry_->next_silent(policy, day0, 0, 3, silent));
  ASSERT_EQ(silent.size(), 3U);
  EXPECT_EQ(silent[2].registration.value, "ios-271");
  ASSERT_TRUE(registry_->next_silent(policy, day0, silent[2].id, 3, silent));
  ASSERT_EQ(silent.size(), 4U);
  std::vector<DeviceId> ids;
  for (const Receiver& receiver : silent) ids.push_back(receiver.id);
  add("android-269", "android", day0);  // Seen again in between.
  EXPECT_EQ(registry_->prune_these(ids, policy, day0).value(), 3U);
  EXPECT_EQ(retired(), "android-271 ios-271 unknown-271 ");
  EXPECT_EQ(registry_->prune_these(ids, policy, day0).value(), 0U);
  EXPECT_EQ(registry_->history(ids[1])->size(), 1U);
}

TEST_F(SilenceTest, TidyDropsWhatOnlyAnOldCampaignKeeps) {
  const auto waits = [](DeviceId id) {
    RetryRow row;
    row.receiver.id = id;
    return row;
  };
  const Campaign old = a_campaign(*registry_);
  ASSERT_TRUE(
      registry_->record(old, {.at = day0, .waiting = {waits(1)}, .probes = {{1, day0, ""}}}));
  EXPECT_EQ(registry_->tidy(day0 + 1h)->retries, 0U) << "the latest campaign can be resumed";
  EXPECT_EQ(registry_->tidy(day0 + 1h)->probes, 0U) << "gone with the first call";
  const Campaign latest = a_campaign(*registry_);
  ASSERT_TRUE(registry_->record(latest, {.at = day0, .waiting = {waits(2)}}));
  EXPECT_EQ(registry_->tidy(day0)->retries, 0U) << "not old yet";
  EXPECT_EQ(registry_->tidy(day0 + 1h)->retries, 1U);
  std::vector<RetryRow> waiting;
  ASSERT_TRUE(registry_->next_retries(latest.id, 0, 9, waiting));
  EXPECT_EQ(waiting.size(), 1U);
}

}  // namespace
}  // namespace fanfare::registry
