// Campaigns whose devices answer with a 400 that names nobody.
#include <gtest/gtest.h>

#include "delivery/testing/world.h"

namespace fanfare::delivery {
namespace {

using States = std::map<std::string, std::uint64_t>;

Answer silent_refusal() {
  return http(400, R"({"error":{"code":400,"message":"Request contains an invalid argument.",)"
                   R"("status":"INVALID_ARGUMENT"}})");
}

class ProbeRun : public World {
 protected:
  /// An FCM that answers messages and probes apart.
  FakePort port(std::function<Answer(const std::string&)> message,
                std::function<Answer(const std::string&)> probe) {
    FakePort made([message](const std::string& token, int) { return message(token); });
    made.probe_script = [this, probe](const std::string& token, int) {
      ++probes_[token];
      return probe(token);
    };
    return made;
  }
  std::uint64_t rule_count(const Summary& summary, const std::string& rule) {
    const auto at = summary.counts.by_rule.find(rule);
    return at == summary.counts.by_rule.end() ? 0 : at->second;
  }
  std::map<std::string, int> probes_;
};

Answer refuse_suspects(const std::string& token) {
  return token.starts_with("living") ? accepted() : silent_refusal();
}

TEST_F(ProbeRun, AThousandSuspectsOfWhichHalfAreDeadEndAsWhatTheyAre) {
  // Among each other, or the brake would take the dead for an outage.
  for (int round = 0; round < 10; ++round) {
    add_devices(fmt::format("living-{}", round), 300);
    add_devices(fmt::format("suspect-dead-{}", round), 50);
    add_devices(fmt::format("suspect-fine-{}", round), 50);
  }
  auto fcm = port(refuse_suspects, [](const std::string& token) {
    return token.starts_with("suspect-dead") ? unregistered() : accepted();
  });
  const Summary summary = run(fcm, new_campaign());
  EXPECT_EQ(summary.counts.accepted, 3'000U);
  EXPECT_EQ(rule_count(summary, "token.probe_unregistered"), 500U);
  EXPECT_EQ(rule_count(summary, "message.probe_passed"), 500U);
  EXPECT_EQ(states(), (States{{"active", 3'500}, {"retired", 500}}));
  EXPECT_EQ(probes_.size(), 1'000U);
  for (const auto& [token, count] : probes_) EXPECT_EQ(count, 1) << token;
  auto dead = registry_->find(Target{TargetKind::token, "suspect-dead-0-3"});
  ASSERT_TRUE(dead && *dead);
  EXPECT_NE(registry_->history((*dead)->id)->back().evidence.find("UNREGISTERED"),
            std::string::npos);
}

TEST_F(ProbeRun, TheFirstThousandBeingSuspectsDoesNotBlameTheMessageWhereHalfAreDead) {
  add_devices("suspect-dead", 500);
  add_devices("suspect-fine", 500);
  auto fcm = port(refuse_suspects, [](const std::string& token) {
    return token.starts_with("suspect-dead") ? unregistered() : accepted();
  });
  const Summary summary = run(fcm, new_campaign());
  EXPECT_FALSE(summary.message_fault);
  EXPECT_EQ(summary.counts.retired, 500U);
}

TEST_F(ProbeRun, ABadPayloadRetiresNobodyAndStopsTheCampaign) {
  add_devices("suspect", 5'000);
  auto fcm = port(refuse_suspects, [](auto&) { return accepted(); });
  const Summary summary = run(fcm, new_campaign());
  ASSERT_TRUE(summary.message_fault);
  EXPECT_EQ(summary.message_fault->rule, "message.probe_passed");
  EXPECT_EQ(exit_status(summary), 1);
  EXPECT_EQ(states(), (States{{"active", 5'000}}));
  EXPECT_EQ(summary.counts.failed, 5'000U);
  EXPECT_LE(fcm.requests(), 400U);
}

TEST_F(ProbeRun, ASilentRefusalOfTheProbeConvictsOnlyBeforeAWitness) {
  add_devices("suspect", 20);
  add_devices("living", 500);
  const auto silent_to_suspects = [](const std::string& token) { return refuse_suspects(token); };
  auto fcm = port(refuse_suspects, silent_to_suspects);
  const Summary summary = run(fcm, new_campaign());
  EXPECT_EQ(rule_count(summary, "token.probe_refused"), 20U);
  EXPECT_EQ(states(), (States{{"active", 500}, {"retired", 20}}));
  EXPECT_EQ(probes_.size(), 21U);  // The witness, too.
}

TEST_F(ProbeRun, WhereEmptyMessagesPassForNobodyASilentRefusalProvesNothing) {
  add_devices("suspect", 20);
  add_devices("living", 500);
  auto fcm = port(refuse_suspects, [](auto&) { return silent_refusal(); });
  const Summary summary = run(fcm, new_campaign());
  EXPECT_EQ(rule_count(summary, "token.suspect"), 20U);
  EXPECT_EQ(summary.counts.retired, 0U);
  EXPECT_EQ(states(), (States{{"active", 520}}));
  EXPECT_EQ(stored_campaign().state, registry::Campaign::State::finished);
  std::vector<registry::RetryRow> rows;
  ASSERT_TRUE(registry_->next_retries(stored_campaign().id, 0, 100, rows));
  EXPECT_TRUE(rows.empty());
}

TEST_F(ProbeRun, TheBudgetHoldsAlsoAcrossACrash) {
  add_devices("living", 500);
  add_devices("suspect", 300);
  const auto probe = [](auto&) { return accepted(); };
  RunOptions with = options();
  with.probe_budget = 40;
  auto first = port(refuse_suspects, probe);
  first.crash_after(620);
  const auto campaign = new_campaign();
  EXPECT_THROW(run(first, campaign, false, with), Crash);
  open_store();
  auto second = port(refuse_suspects, probe);
  RunOptions again = options();
  again.probe_budget = 40;
  const Summary summary = run(second, stored_campaign(), true, again);
  int probes = 0;
  for (const auto& [token, count] : probes_) {
    EXPECT_EQ(count, 1) << token;
    probes += count;
  }
  EXPECT_LE(probes, 40);
  EXPECT_GT(probes, 0);
  EXPECT_EQ(summary.counts.failed, 300U);
  EXPECT_EQ(summary.counts.retired, 0U);
}

TEST_F(ProbeRun, NoDeviceIsProbedTwiceWithinADay) {
  add_devices("suspect-fine", 10);
  add_devices("suspect-odd", 10);
  add_devices("living", 300);
  const auto probe = [](const std::string& token) {
    return token.starts_with("suspect-fine") ? accepted() : http(500);
  };
  auto first = port(refuse_suspects, probe);
  run(first, new_campaign());
  const auto before = probes_;
  auto second = port(refuse_suspects, probe);
  const Summary summary = run(second, new_campaign());
  EXPECT_EQ(probes_, before);
  EXPECT_EQ(rule_count(summary, "message.probe_passed"), 10U);  // Known from the first.
  EXPECT_EQ(rule_count(summary, "token.suspect"), 10U);
}

TEST_F(ProbeRun, ABlockDuringTheProbesLeavesTheSuspectsAsTheyWere) {
  add_devices("suspect", 30);
  add_devices("living", 200);
  auto fcm = port(refuse_suspects, [](auto&) { return iam_denied(); });
  const Summary summary = run(fcm, new_campaign());
  EXPECT_EQ(exit_status(summary), 3);
  EXPECT_EQ(summary.counts.retired, 0U);
  EXPECT_EQ(rule_count(summary, "token.suspect"), 30U);
  EXPECT_EQ(summary.counts.accepted + summary.counts.failed + summary.held, 230U);
}

}  // namespace
}  // namespace fanfare::delivery
