// What every store must do: devices, audiences, campaigns, undoing, the brake.
#include "registry/testing/conformance.h"

#include <algorithm>

namespace fanfare::registry {
namespace {

class RegistryTest : public ConformanceTest {};

constexpr const char* gone = "token.unregistered";

std::string causes(Registry& registry, DeviceId id) {
  std::string text;
  const auto history = registry.history(id).value();
  for (const Event& event : history) text += event.cause + " ";
  return text;
}

TEST_P(RegistryTest, FindsWhatWasStoredAfterReopening) {
  Device device = a_token("t");
  device.user = "u";
  device.tags = {"a", "b"};
  device.last_seen = day0 + 5ms;
  {
    auto registry = open();
    put(registry, device);
  }
  auto registry = open({.mode = OpenOptions::Mode::read_only});
  const Device found = get(registry, "t");
  EXPECT_EQ(found.registration, device.registration);
  EXPECT_EQ(found.user, "u");
  EXPECT_EQ(found.tags, device.tags);
  EXPECT_EQ(found.last_seen, device.last_seen);
  EXPECT_EQ(found.created, day0);
  EXPECT_EQ(found.changed, std::nullopt);
  EXPECT_EQ(registry.find("other").value(), std::nullopt);
}

TEST_P(RegistryTest, TellsATokenFromAFidOfTheSameText) {
  auto registry = open();
  Device fid = a_token("x");
  fid.registration.kind = TargetKind::fid;
  put(registry, fid);
  EXPECT_EQ(registry.find(Target{TargetKind::token, "x"}).value(), std::nullopt);
  EXPECT_EQ(get(registry, "x").registration.kind, TargetKind::fid);
}

TEST_P(RegistryTest, CountsAddedUpdatedAndRevived) {
  auto registry = open();
  const auto first = registry.upsert(tokens(3), day0).value();
  EXPECT_EQ(first.added, 3U);
  ASSERT_TRUE(registry.retire(get(registry, "token-1").id, day0).value());

  auto again = tokens(4);
  for (Device& device : again) device.last_seen = day0 + 1h;
  const auto second = registry.upsert(again, day0 + 2h).value();
  EXPECT_EQ(second.added, 1U);
  EXPECT_EQ(second.updated, 3U);
  EXPECT_EQ(second.revived, 1U);
  EXPECT_EQ(causes(registry, get(registry, "token-1").id), "retire import ");
}

TEST_P(RegistryTest, StoresNothingOfABatchWithAnImpossibleDevice) {
  auto registry = open();
  auto devices = tokens(2);
  devices.push_back(a_token("with blank"));
  const auto stored = registry.upsert(devices, day0);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().kind, Error::Kind::usage);
  EXPECT_EQ(registry.stats()->total, 0U);
}

TEST_P(RegistryTest, KeepsTheDeadOfAnotherStoresExportDead) {
  auto registry = open();
  Device device = a_token("t");
  device.state = State::retired;
  device.rule = gone;
  const Device stored = put(registry, device);
  EXPECT_EQ(stored.state, State::retired);
  EXPECT_EQ(stored.rule, gone);
  EXPECT_EQ(causes(registry, stored.id), "import ");
}

TEST_P(RegistryTest, RetiresAndRestoresByAPersonsWord) {
  auto registry = open();
  const DeviceId id = put(registry, a_token("t")).id;
  EXPECT_TRUE(registry.retire(id, day0 + 1h).value());
  EXPECT_FALSE(registry.retire(id, day0 + 2h).value());
  EXPECT_EQ(get(registry, "t").changed, day0 + 1h);
  EXPECT_TRUE(registry.restore(id, day0 + 3h).value());
  EXPECT_FALSE(registry.restore(id, day0 + 4h).value());
  EXPECT_EQ(causes(registry, id), "retire restore ");
  EXPECT_EQ(registry.retire(99, day0).error().kind, Error::Kind::usage);
}

class Pruning : public ConformanceTest {
 protected:
  void SetUp() override {
    TempStore::SetUp();
    registry_.emplace(open());
    Device fresh = a_token("fresh");
    fresh.last_seen = day0;
    Device stale = a_token("stale");
    stale.last_seen = day0 - 24h * 31;
    stale.platform = "ios";
    for (const Device& device : {fresh, stale, a_token("never")}) put(*registry_, device);
  }
  std::optional<Registry> registry_;
};

TEST_P(Pruning, DryRunTellsAndChangesNothing) {
  const auto counts = registry_->prune(day0 - 24h * 30, day0, true).value();
  EXPECT_EQ(counts.retired, 1U);
  EXPECT_EQ(counts.never_seen, 1U);
  EXPECT_EQ(counts.by_platform.at("ios"), 1U);
  EXPECT_EQ(get(*registry_, "stale").state, State::active);
}

TEST_P(Pruning, RetiresTheStaleWithEvidence) {
  ASSERT_EQ(registry_->prune(day0 - 24h * 30, day0, false)->retired, 1U);
  EXPECT_EQ(get(*registry_, "fresh").state, State::active);
  EXPECT_EQ(get(*registry_, "never").state, State::active);
  const Device stale = get(*registry_, "stale");
  EXPECT_EQ(stale.state, State::retired);
  const auto history = registry_->history(stale.id).value();
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].cause, "prune");
  EXPECT_EQ(history[0].evidence, R"({"last_seen":"2026-12-15T08:00:00Z"})");
}

TEST_P(RegistryTest, StatsCountStatesPlatformsAndRules) {
  auto registry = open();
  Device ios = a_token("a");
  ios.platform = "ios";
  put(registry, ios);
  put(registry, a_token("b"));
  Device dead = a_token("c");
  dead.state = State::retired;
  dead.rule = gone;
  put(registry, dead);
  const Stats stats = registry.stats().value();
  EXPECT_EQ(stats.total, 3U);
  EXPECT_EQ(stats.by_state.at("active"), 2U);
  EXPECT_EQ(stats.by_state.at("retired"), 1U);
  EXPECT_EQ(stats.by_platform, (std::map<std::string, std::uint64_t>{{"", 1}, {"ios", 1}}));
  EXPECT_EQ(stats.by_rule, (std::map<std::string, std::uint64_t>{{gone, 1}}));
}

TEST_P(RegistryTest, EachStopsWhenToldAndLetsTheVisitorWrite) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(2'500), day0));
  int visited = 0;
  ASSERT_TRUE(registry.each("state:active", [&](const Device& device) {
    EXPECT_TRUE(registry.retire(device.id, day0).value());
    return ++visited < 1'700;
  }));
  EXPECT_EQ(visited, 1'700);
  EXPECT_EQ(registry.stats()->by_state.at("retired"), 1'700U);
}

// Audiences and campaigns -------------------------------------------------------------------------

std::string walk(Registry& registry, const Audience& audience, std::size_t step) {
  std::string values;
  DeviceId after = 0;
  while (true) {
    std::vector<Receiver> chunk;
    EXPECT_TRUE(registry.next_receivers(audience, after, step, chunk));
    if (chunk.empty()) return values;
    EXPECT_LE(chunk.size(), step);
    for (const Receiver& receiver : chunk) values += receiver.registration.value + " ";
    after = chunk.back().id;
  }
}

TEST_P(RegistryTest, AnAudienceIsTheLivingOfItsProjectAtThatMoment) {
  auto registry = open();
  Device other = a_token("other");
  other.project = "q";
  Device ours = a_token("ours");
  ours.project = "p";
  Device suspect = a_token("suspect");
  suspect.state = State::suspect;
  for (const Device& device : {a_token("a"), other, ours, a_token("dead"), suspect}) {
    put(registry, device);
  }
  ASSERT_TRUE(registry.retire(get(registry, "dead").id, day0));
  const Audience audience = registry.make_audience("", 0, "p", day0).value();
  put(registry, a_token("late"));
  EXPECT_EQ(audience.count, 3U);
  EXPECT_EQ(walk(registry, audience, 1), "a ours suspect ");
  EXPECT_EQ(walk(registry, audience, 9), "a ours suspect ");
}

TEST_P(RegistryTest, AnAudienceMeansTheSameDevicesTomorrow) {
  auto registry = open();
  Device device = a_token("a");
  device.last_seen = day0 - 29h;
  put(registry, device);
  EXPECT_EQ(registry.make_audience("last_seen<30h", 0, "p", day0)->count, 1U);
  EXPECT_EQ(registry.make_audience("last_seen<30h", 0, "p", day0 + 2h)->count, 0U);
  const Audience audience = registry.make_audience("last_seen<30h", 0, "p", day0).value();
  EXPECT_EQ(audience.filter, "not state:retired and (last_seen>2027-01-14T02:00:00Z)");
  EXPECT_EQ(walk(registry, audience, 5), "a ");
}

TEST_P(RegistryTest, AListIsWalkedWhateverTheState) {
  auto registry = open();
  put(registry, a_token("outside"));
  const auto list = registry.make_list().value();
  ASSERT_TRUE(registry.upsert(tokens(3), day0, list));
  ASSERT_TRUE(registry.upsert(tokens(1), day0, list));
  ASSERT_TRUE(registry.retire(get(registry, "token-1").id, day0));
  const Audience audience = registry.make_audience("", list, "p", day0).value();
  EXPECT_EQ(audience.count, 3U);
  EXPECT_EQ(walk(registry, audience, 2), "token-0 token-1 token-2 ");
  ASSERT_TRUE(registry.drop_list(list));
  EXPECT_EQ(walk(registry, audience, 2), "");
}

TEST_P(RegistryTest, RefusesAFilterItCannotRead) {
  auto registry = open();
  const auto audience = registry.make_audience("platform:", 0, "p", day0);
  ASSERT_FALSE(audience);
  EXPECT_EQ(audience.error().kind, Error::Kind::usage);
}

TEST_P(RegistryTest, KeepsEverythingOfACampaign) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(3), day0));
  EXPECT_EQ(registry.latest_campaign().value(), std::nullopt);
  Campaign campaign = a_campaign(registry);
  campaign.cursor = 2;
  campaign.done = std::string("\x00\x05", 2);
  campaign.state = Campaign::State::stopped;
  campaign.counts = {
      .accepted = 1, .retired = 2, .failed = 3, .unknown = 4, .retries = 5, .by_rule = {{gone, 2}}};
  campaign.report_bytes = 77;
  ASSERT_TRUE(registry.record(campaign, {.at = day0}));

  const Campaign read = registry.latest_campaign().value().value();
  EXPECT_EQ(read.id, campaign.id);
  EXPECT_EQ(read.state, campaign.state);
  EXPECT_EQ(read.message, campaign.message);
  EXPECT_EQ(read.audience.filter, campaign.audience.filter);
  EXPECT_EQ(read.audience.last_id, 3);
  EXPECT_EQ(read.audience.count, 3U);
  EXPECT_EQ(read.cursor, 2);
  EXPECT_EQ(read.done, campaign.done);
  EXPECT_EQ(read.counts.retries, 5U);
  EXPECT_EQ(read.counts.by_rule, campaign.counts.by_rule);
  EXPECT_EQ(read.report_bytes, 77U);
  EXPECT_EQ(read.started, day0);
}

TEST_P(RegistryTest, TheLatestCampaignIsNotAGatewaysOwn) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(1), day0));
  const Campaign mine = a_campaign(registry);
  Campaign steered = mine;
  steered.steered = true;
  ASSERT_TRUE(registry.add_campaign(steered));
  ASSERT_GT(steered.id, mine.id);
  EXPECT_EQ(registry.latest_campaign().value()->id, mine.id);
  EXPECT_TRUE(registry.find_campaign(steered.id).value()->steered);
}

TEST_P(RegistryTest, KeepsWhomACampaignFailedUntilTheyAreSentToAgain) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(4), day0));
  Campaign campaign = a_campaign(registry);
  Progress progress{.at = day0};
  for (const DeviceId id : {3, 1, 2}) progress.failed.push_back({id, "service.503"});
  ASSERT_TRUE(registry.record(campaign, progress));
  ASSERT_TRUE(registry.retire(2, day0));  // Nobody sends to it again.
  const auto failed = registry.failed_of(campaign.id, 0, 10).value();
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[0].id, 1);
  EXPECT_EQ(failed[0].registration.value, "token-0");
  EXPECT_EQ(failed[1].id, 3);
  EXPECT_EQ(failed[1].rule, "service.503");
  EXPECT_EQ(registry.failed_of(campaign.id, 1, 10)->size(), 1U);
  EXPECT_EQ(registry.failed_of(campaign.id, 0, 1)->size(), 1U);
  EXPECT_EQ(registry.forget_failed(campaign.id, 2), 1U);
  EXPECT_EQ(registry.forget_failed(campaign.id, 3), 0U);
  EXPECT_EQ(registry.failed_of(campaign.id, 0, 10)->size(), 0U);
}

TEST_P(RegistryTest, RecordsVerdictsWithTheirEvidence) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(3), day0));
  const Campaign campaign = a_campaign(registry);
  const std::string evidence = R"({"status":404})";
  ASSERT_TRUE(registry.record(
      campaign, {.at = day0 + 1h,
                 .accepted = {1},
                 .changes = {{2, State::retired, gone, evidence}, {3, State::active, "x", "{}"}}}));
  EXPECT_EQ(get(registry, "token-0").last_accepted, day0 + 1h);
  const Device dead = get(registry, "token-1");
  EXPECT_EQ(dead.state, State::retired);
  EXPECT_EQ(dead.rule, gone);
  EXPECT_EQ(dead.changed, day0 + 1h);
  EXPECT_EQ(registry.history(2).value()[0].evidence, evidence);
  EXPECT_EQ(get(registry, "token-2").changed, std::nullopt);
  EXPECT_EQ(registry.history(3)->size(), 1U);
}

TEST_P(RegistryTest, ADeviceThatFcmAcceptsIsAlive) {
  auto registry = open();
  const DeviceId id = put(registry, a_token("t")).id;
  const Campaign campaign = a_campaign(registry);
  ASSERT_TRUE(registry.retire(id, day0));
  ASSERT_TRUE(registry.record(campaign, {.at = day0 + 1h, .accepted = {id}}));
  EXPECT_EQ(get(registry, "t").state, State::active);
  EXPECT_EQ(causes(registry, id), "retire verdict ");
}

TEST_P(RegistryTest, ASuspicionDoesNotSoftenAVerdict) {
  auto registry = open();
  const DeviceId id = put(registry, a_token("t")).id;
  const Campaign campaign = a_campaign(registry);
  ASSERT_TRUE(registry.retire(id, day0));
  ASSERT_TRUE(registry.record(campaign, {.at = day0, .changes = {{id, State::suspect, gone, ""}}}));
  EXPECT_EQ(get(registry, "t").state, State::retired);
}

TEST_P(RegistryTest, BoundsEvidenceAndKeepsItJson) {
  auto registry = open();
  const DeviceId id = put(registry, a_token("t")).id;
  const Campaign campaign = a_campaign(registry);
  const std::string huge(100'000, '"');
  ASSERT_TRUE(
      registry.record(campaign, {.at = day0, .changes = {{id, State::retired, gone, huge}}}));
  const std::string kept = registry.history(id).value()[0].evidence;
  EXPECT_LE(kept.size(), 8'192U);
  EXPECT_TRUE(kept.starts_with(R"({"cut":"\"\")")) << kept.substr(0, 20);
  EXPECT_TRUE(kept.ends_with(R"("})"));
}

TEST_P(RegistryTest, RetryRowsAreReplacedAndGoWhenSettled) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(3), day0));
  const Campaign campaign = a_campaign(registry);
  const auto row = [](DeviceId id, int attempts, SystemTime due) {
    RetryRow waiting;
    waiting.receiver.id = id;
    waiting.attempts = attempts;
    waiting.due = due;
    return waiting;
  };
  ASSERT_TRUE(registry.record(
      campaign, {.at = day0, .waiting = {row(1, 1, day0 + 2h), row(2, 1, day0 + 1h)}}));
  ASSERT_TRUE(registry.record(
      campaign, {.at = day0, .waiting = {row(1, 2, day0 + 3h), row(3, 1, day0)}, .settled = {3}}));
  std::vector<RetryRow> waiting;
  ASSERT_TRUE(registry.next_retries(campaign.id, 0, 1, waiting));
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].attempts, 2);
  EXPECT_EQ(waiting[0].due, day0 + 3h);
  ASSERT_TRUE(registry.next_retries(campaign.id, 1, 9, waiting));
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_EQ(waiting[1].receiver.registration.value, "token-1");
}

TEST_P(RegistryTest, RecordsNothingForACampaignItDoesNotKnow) {
  auto registry = open();
  const DeviceId id = put(registry, a_token("t")).id;
  Campaign campaign;
  campaign.id = 9;
  EXPECT_FALSE(registry.record(campaign, {.at = day0, .accepted = {id}}));
  EXPECT_EQ(get(registry, "t").last_accepted, std::nullopt);
}

// Undoing -----------------------------------------------------------------------------------------

TEST_P(RegistryTest, RestoresOnlyWhatChangedSinceAndByThatRule) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(3), day0));
  const Campaign campaign = a_campaign(registry);
  ASSERT_TRUE(registry.record(campaign, {.at = day0, .changes = {{1, State::retired, gone, ""}}}));
  ASSERT_TRUE(registry.record(campaign, {.at = day0 + 1h,
                                         .changes = {{2, State::retired, gone, ""},
                                                     {3, State::retired, "token.malformed", ""}}}));
  EXPECT_EQ(registry.restore_since(day0 + 1h, gone, day0 + 2h).value(), 1U);
  EXPECT_EQ(get(registry, "token-0").state, State::retired);
  EXPECT_EQ(get(registry, "token-1").state, State::active);
  EXPECT_EQ(causes(registry, 2), "verdict restore ");
  EXPECT_EQ(registry.restore_since(day0, "", day0 + 2h).value(), 2U);
}

TEST_P(RegistryTest, PurgeForgetsTheLongDeadWithTheirHistory) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(3), day0));
  ASSERT_TRUE(registry.retire(1, day0));
  ASSERT_TRUE(registry.retire(2, day0 + 1h));
  EXPECT_EQ(registry.purge(day0 + 1h).value(), 1U);
  EXPECT_EQ(registry.find("token-0").value(), std::nullopt);
  EXPECT_TRUE(registry.history(1)->empty());
  EXPECT_EQ(registry.history(2)->size(), 1U);
  EXPECT_EQ(registry.stats()->total, 2U);
}

TEST_P(RegistryTest, NeverGivesAPurgedIdToAnotherDevice) {
  auto registry = open();
  const DeviceId id = put(registry, a_token("t")).id;
  ASSERT_TRUE(registry.retire(id, day0));
  ASSERT_EQ(registry.purge(day0 + 1h).value(), 1U);
  EXPECT_GT(put(registry, a_token("t")).id, id);
}

class BrakeTest : public ConformanceTest {
 protected:
  static inline const BrakePull pull_{.rule = gone, .since = day0 + 30min};
  // Devices 1 and 2 die in the campaign by one rule, 3 by another, 4 before it.
  void SetUp() override {
    TempStore::SetUp();
    registry_.emplace(open());
    ASSERT_TRUE(registry_->upsert(tokens(5), day0));
    const Campaign earlier = a_campaign(*registry_);
    ASSERT_TRUE(
        registry_->record(earlier, {.at = day0, .changes = {{4, State::retired, gone, ""}}}));
    campaign_ = a_campaign(*registry_);
    ASSERT_TRUE(registry_->record(campaign_, {.at = day0 + 1h,
                                              .changes = {{1, State::retired, gone, ""},
                                                          {2, State::retired, gone, ""},
                                                          {3, State::retired, "other", ""},
                                                          {4, State::retired, gone, ""}}}));
    ASSERT_TRUE(registry_->pull_brake(campaign_, pull_, day0 + 2h));
  }
  std::string states() {
    std::string text;
    for (int i = 0; i < 5; ++i) {
      text += to_string(get(*registry_, "token-" + std::to_string(i)).state).substr(0, 1);
    }
    return text;
  }
  std::optional<Registry> registry_;
  Campaign campaign_;
};

TEST_P(BrakeTest, MakesOnlyTheDeadOfItsTimeAndRuleSuspect) {
  EXPECT_EQ(states(), "ssrra");
  const auto brakes = registry_->brakes().value();
  ASSERT_EQ(brakes.size(), 1U);
  EXPECT_EQ(brakes[0].rule, gone);
  EXPECT_EQ(brakes[0].campaign, campaign_.id);
  EXPECT_EQ(brakes[0].since, day0 + 2h);
  EXPECT_EQ(brakes[0].suspects, 2U);
  EXPECT_EQ(causes(*registry_, 1), "verdict brake ");
}

TEST_P(BrakeTest, CountsLaterSuspectsAndIsOneWhenPulledTwice) {
  ASSERT_TRUE(
      registry_->record(campaign_, {.at = day0 + 1h, .changes = {{5, State::suspect, gone, ""}}}));
  ASSERT_TRUE(registry_->pull_brake(campaign_, pull_, day0 + 3h));
  const auto brakes = registry_->brakes().value();
  ASSERT_EQ(brakes.size(), 1U);
  EXPECT_EQ(brakes[0].suspects, 3U);
}

TEST_P(BrakeTest, VerdictsOutsideOfACampaignChangeTheStateAndKeepTheirEvidence) {
  const std::vector<Change> changes = {{5, State::retired, "other", R"({"status":404})"}};
  ASSERT_TRUE(registry_->apply(changes, day0 + 4h));
  EXPECT_EQ(states().back(), 'r');
  const auto history = registry_->history(5).value();
  EXPECT_EQ(history.back().rule, "other");
  EXPECT_EQ(history.back().evidence, R"({"status":404})");
}

TEST_P(BrakeTest, ReleaseBringsTheSuspectsBack) {
  EXPECT_EQ(registry_->release_brakes(day0 + 3h).value(), 2U);
  EXPECT_EQ(states(), "aarra");
  EXPECT_TRUE(registry_->brakes()->empty());
  EXPECT_EQ(registry_->release_brakes(day0 + 3h).value(), 0U);
}

TEST_P(BrakeTest, ConfirmRetiresThemByTheirRule) {
  EXPECT_EQ(registry_->confirm_brakes(day0 + 3h).value(), 2U);
  EXPECT_EQ(states(), "rrrra");
  EXPECT_EQ(get(*registry_, "token-0").rule, gone);
  EXPECT_TRUE(registry_->brakes()->empty());
}

TEST_P(BrakeTest, LeavesADeviceAloneThatCameBackInBetween) {
  ASSERT_TRUE(registry_->release_brakes(day0 + 3h));
  ASSERT_TRUE(registry_->retire(1, day0 + 4h).value());
  ASSERT_TRUE(registry_->pull_brake(campaign_, pull_, day0 + 5h));
  EXPECT_EQ(states(), "rarra");
}

FANFARE_FOR_EACH_STORE(RegistryTest);
FANFARE_FOR_EACH_STORE(Pruning);
FANFARE_FOR_EACH_STORE(BrakeTest);

}  // namespace
}  // namespace fanfare::registry
