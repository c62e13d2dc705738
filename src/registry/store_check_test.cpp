// Each fault that a store can have, made by hand, is found and told; nothing is told of a sound
// one.
#include "registry/store_check.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "registry/hash.h"
#include "registry/testing/storage.h"
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

class StoreCheckTest : public TempStore {
 protected:
  // Ten devices, one of them retired, one suspect; a campaign with a retry and a probe; a list.
  void SetUp() override {
    TempStore::SetUp();
    auto registry = open();
    auto devices = tokens(10);
    for (Device& device : devices) {
      device.user = "u";
      device.installation = device.registration.value;
    }
    const auto list = registry.make_list().value();
    ASSERT_TRUE(registry.upsert(devices, day0, list));
    ASSERT_TRUE(registry.retire(3, day0 + 1h));
    const Campaign campaign = a_campaign(registry);
    RetryRow waiting;
    waiting.receiver.id = 5;
    ASSERT_TRUE(registry.record(campaign, {.at = day0 + 2h,
                                           .accepted = {1},
                                           .changes = {{4, State::suspect, "rule", "{}"}},
                                           .waiting = {waiting},
                                           .probes = {{6, day0, ""}}}));
  }
  // "id×count" of each finding, with a "!" when it is not harmless.
  std::string findings(bool repair = false) {
    std::string text;
    const CheckReport report = check_store(path_, {.repair = repair}).value();
    for (const Finding& finding : report.findings) {
      text +=
          finding.id + "×" + std::to_string(finding.count) + (finding.harmless ? "" : "!") + " ";
    }
    return text;
  }
  std::string findings_after(const char* sql) {
    Sqlite(path_).run(sql);
    return findings();
  }
};

TEST_F(StoreCheckTest, TellsNothingOfASoundStore) {
  const auto report = check_store(path_).value();
  EXPECT_TRUE(report.findings.empty());
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.devices, 10U);
  EXPECT_EQ(report.events, 2U);
}

TEST_F(StoreCheckTest, MissesKeys) {
  EXPECT_EQ(findings_after("DELETE FROM key_registration WHERE dev IN (2, 7)"),
            "key.registration×2! ");
  EXPECT_EQ(findings_after("DELETE FROM key_user WHERE dev = 2"),
            "key.registration×2! key.user×1! ");
  EXPECT_EQ(findings_after("DELETE FROM key_installation"),
            "key.registration×2! key.user×1! key.installation×10! ");
  EXPECT_FALSE(check_store(path_)->sound());
}

TEST_F(StoreCheckTest, AKeyOfAnotherHashIsNoKey) {
  EXPECT_EQ(findings_after("UPDATE key_registration SET hash = hash + 1 WHERE dev = 2"),
            "key.registration×1! ");
}

TEST_F(StoreCheckTest, DevicesBehindTheMarkNeedNoKeys) {
  EXPECT_EQ(findings_after("UPDATE keyed SET up_to = 8;"
                           "DELETE FROM key_registration WHERE dev > 8;"
                           "DELETE FROM key_user WHERE dev > 8;"
                           "DELETE FROM key_installation WHERE dev > 8"),
            "");
  EXPECT_EQ(findings_after("UPDATE keyed SET up_to = 11"),
            "key.registration×2! key.user×2! key.installation×2! keyed×1! ");
}

constexpr const char* store_again =
    "INSERT INTO dev SELECT id + 100, project, kind, value, user, installation, platform, locale,"
    " time_zone, app_version, tags, last_seen, created, refreshed"
    " FROM dev WHERE id = 2;";

TEST_F(StoreCheckTest, FindsARegistrationStoredTwice) {
  Sqlite(path_).run(store_again);
  EXPECT_EQ(findings(), "registration.twice×1! fleet×1! ") << "behind the mark";
  EXPECT_EQ(check_store(path_)->findings[0].examples[0], "devices 2 and 102");
  EXPECT_EQ(findings_after("INSERT INTO key_registration"
                           " SELECT hash, 102 FROM key_registration WHERE dev = 2;"
                           "INSERT INTO key_user SELECT hash, 102 FROM key_user WHERE dev = 2;"
                           "INSERT INTO key_installation"
                           " SELECT hash, 102 FROM key_installation WHERE dev = 2;"
                           "UPDATE keyed SET up_to = 102"),
            "registration.twice×1! fleet×1! ")
      << "with keys";
}

TEST_F(StoreCheckTest, FindsARegistrationStoredTwiceBehindTheMark) {
  Sqlite(path_).run("UPDATE keyed SET up_to = 0");
  EXPECT_EQ(findings_after(store_again), "registration.twice×1! fleet×1! ");
}

TEST_F(StoreCheckTest, CountsTheDevicesOfEachProject) {
  EXPECT_EQ(findings_after("UPDATE dev SET project = 'q' WHERE id = 2"), "fleet×2! ");
  EXPECT_EQ(check_store(path_)->findings[0].examples,
            (std::vector<std::string>{"project '': 9 devices, 10 stored",
                                      "project 'q': 1 devices, 0 stored"}));
  EXPECT_EQ(findings(true), "fleet×2! ");
  EXPECT_EQ(findings(), "");
  EXPECT_EQ(open().make_audience("", 0, "q", day0)->count, 9U);
}

constexpr const char* active_with_a_rule =
    "UPDATE standing SET state = 0 WHERE dev = 4; UPDATE event SET to_state = 0 WHERE dev = 4;";

TEST_F(StoreCheckTest, StatesAndRulesMustFit) {
  EXPECT_EQ(findings_after(active_with_a_rule), "state×1! ");
  EXPECT_EQ(findings_after("UPDATE standing SET state = 3 WHERE dev = 3"),
            "state×2! state.event×1! ");
}

TEST_F(StoreCheckTest, AStateNeedsItsEvent) {
  EXPECT_EQ(findings_after("DELETE FROM event WHERE dev = 3"), "state.event×1! ");
}

TEST_F(StoreCheckTest, ACampaignSettlesNoMoreThanItHas) {
  EXPECT_EQ(findings_after("UPDATE campaign SET accepted = 6, retired = 3"), "");
  EXPECT_EQ(findings_after("UPDATE campaign SET failed = 1"), "campaign.books×1! ");
}

TEST_F(StoreCheckTest, TellsWhatIsLeftOfDevicesThatAreGone) {
  EXPECT_EQ(findings_after("DELETE FROM dev"),
            "fleet×1! event.orphan×2! key.stray×30 standing.orphan×2 retry.orphan×1 list.orphan×10"
            " probe.orphan×1 ");
}

TEST_F(StoreCheckTest, RepairsWithoutLoss) {
  Sqlite(path_).run(
      "DELETE FROM key_registration WHERE dev = 2; DELETE FROM key_user;"
      "DELETE FROM dev WHERE id = 3");
  EXPECT_EQ(findings(true),
            "key.registration×1! key.user×9! fleet×1! event.orphan×1! key.stray×2"
            " standing.orphan×1 list.orphan×1 ");
  EXPECT_EQ(findings(), "");
  auto registry = open();
  EXPECT_EQ(get(registry, "token-1").id, 2);
  EXPECT_EQ(registry.make_audience("user:u", 0, "p", day0)->count, 9U);
}

TEST_F(StoreCheckTest, ARepairLeavesWhatItCannotMend) {
  Sqlite(path_).run("DELETE FROM key_user");
  Sqlite(path_).run(active_with_a_rule);
  const auto report = check_store(path_, {.repair = true}).value();
  EXPECT_FALSE(report.sound());
  EXPECT_EQ(findings(), "state×1! ");
}

TEST_F(StoreCheckTest, ShowsTenExamplesAndCountsAll) {
  {
    auto registry = open();
    ASSERT_TRUE(registry.upsert(tokens(100, "more-"), day0));
  }
  Sqlite(path_).run("DELETE FROM key_registration");
  const auto report = check_store(path_).value();
  EXPECT_EQ(report.findings[0].count, 110U);
  EXPECT_EQ(report.findings[0].examples.size(), 10U);
}

TEST_F(StoreCheckTest, ADamagedFileIsOneFindingAndIsNotRepaired) {
  {
    auto registry = open();
    ASSERT_TRUE(registry.upsert(tokens(2'000, "more-"), day0));
  }
  std::string bytes = read_file(path_).value();
  for (std::size_t at = 8 * 4'096UL; at < bytes.size(); at += 64) bytes.replace(at, 32, 32, '\xEE');
  ASSERT_TRUE(write_file(path_, bytes));
  const auto report = check_store(path_, {.repair = true}).value();
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].id, "damage");
  EXPECT_FALSE(report.sound());
  EXPECT_EQ(read_file(path_).value(), bytes);
}

// A child adds, changes, retires and purges meanwhile.
TEST_F(StoreCheckTest, RaisesNoFalseAlarmWhileTheStoreIsWrittenTo) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto registry = Registry::open(path_);
    for (int round = 0; registry; ++round) {
      const SystemTime now = day0 + 3h + std::chrono::seconds(round);
      auto devices = tokens(300, std::to_string(round % 5) + "-");
      for (Device& device : devices) device.user = std::to_string(round);
      if (round % 2 == 0) registry->defer_keys();
      if (!registry->upsert(devices, now)) break;
      if (!registry->prune(now, now, false)) break;
      const auto first = registry->find(devices[0].registration);
      if (!first || !*first || !registry->retire((*first)->id, now)) break;
      if (!registry->purge(now + 1s)) break;
      if (::write(ends[1], "x", 1) != 1) break;
    }
    ::_exit(1);
  }
  ::close(ends[1]);
  char byte = 0;
  int rounds = 0;
  const auto wait = [&](std::string_view, std::uint64_t, std::uint64_t) {
    rounds += ::read(ends[0], &byte, 1) == 1 ? 1 : 0;
  };
  for (int i = 0; i < 5; ++i) {
    const auto report = check_store(path_, {.progress = wait}).value();
    for (const Finding& finding : report.findings) {
      // Members of a list outlive a purged device.
      EXPECT_EQ(finding.id, "list.orphan") << finding.examples[0];
    }
  }
  EXPECT_GT(rounds, 20) << "the writer stopped";
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
}

}  // namespace
}  // namespace fanfare::registry
