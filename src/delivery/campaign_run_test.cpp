#include "delivery/campaign_run.h"

#include <set>

#include <gtest/gtest.h>

#include "delivery/testing/world.h"

namespace fanfare::delivery {
namespace {

using namespace std::chrono_literals;
using States = std::map<std::string, std::uint64_t>;

std::string token_of(const std::string& line) {
  const auto begin = line.find("token\":\"") + 8;
  return line.substr(begin, line.find('"', begin) - begin);
}

TEST_F(World, SendsToEveryoneOnce) {
  add_devices("living", 2'500);
  FakePort port([](auto&, int) { return accepted(); });
  const Summary summary = run(port, new_campaign());
  EXPECT_EQ(summary.counts.accepted, 2'500U);
  EXPECT_EQ(summary.held, 0U);
  EXPECT_EQ(exit_status(summary), 0);
  EXPECT_EQ(port.requests(), 2'500U);
  EXPECT_EQ(stored_campaign().state, registry::Campaign::State::finished);
}

TEST_F(World, RetiresTheDeadWithEvidenceAndSendsToTheLivingNextTime) {
  add_devices("living", 900);
  add_devices("dead", 50);
  const auto script = [](const std::string& token, int) {
    return token.starts_with("dead") ? unregistered() : accepted();
  };
  FakePort first(script);
  const Summary summary = run(first, new_campaign());
  EXPECT_EQ(summary.counts.retired, 50U);
  EXPECT_EQ(exit_status(summary), 1);
  EXPECT_EQ(states(), (States{{"active", 900}, {"retired", 50}}));

  auto device = registry_->find(Target{TargetKind::token, "dead-7"});
  ASSERT_TRUE(device && *device);
  auto history = registry_->history((*device)->id);
  ASSERT_TRUE(history);
  ASSERT_FALSE(history->empty());
  EXPECT_EQ(history->back().rule, "token.unregistered");
  EXPECT_NE(history->back().evidence.find("UNREGISTERED"), std::string::npos);

  FakePort second(script);
  run(second, new_campaign());
  EXPECT_EQ(second.requests(), 900U);
}

TEST_F(World, RetriesWhatFcmCouldNotDoNowAndNotBeforeItsTime) {
  add_devices("busy", 20);
  FakePort port([](auto&, int nth) { return nth == 1 ? http(503, "", "7") : accepted(); });
  const Summary summary = run(port, new_campaign());
  EXPECT_EQ(summary.counts.accepted, 20U);
  EXPECT_EQ(summary.counts.retries, 20U);
  EXPECT_EQ(exit_status(summary), 0);
  for (const auto& [token, count] : port.sent()) {
    ASSERT_EQ(count, 2);
    EXPECT_GE(port.sent_at(token)[1] - port.sent_at(token)[0], 7s);
  }
}

TEST_F(World, DoesNotDoubleTheLoadOfAnOutageAndReachesEveryoneAfterIt) {
  add_devices("living", 3'000);
  FakePort* clock = nullptr;
  std::uint64_t in_the_outage = 0;
  FakePort port([&](auto&, int) {
    if (clock->now() >= SteadyTime(1h + 1min)) return accepted();
    ++in_the_outage;
    return http(503);
  });
  clock = &port;
  const Summary summary = run(port, new_campaign());
  EXPECT_GT(in_the_outage, 3'000U);
  // A fifth of the first attempts, and ten a second, of which ten seconds' are saved up.
  EXPECT_LE(in_the_outage, 3'000U + 600U + 700U);
  EXPECT_EQ(summary.counts.accepted, 3'000U);
  EXPECT_EQ(summary.held, 0U);
}

TEST_F(World, HoldsABlockedProjectWithinTheFirstWindowAndTouchesNobody) {
  add_devices("living", 5'000);
  FakePort blocked([](auto&, int) { return iam_denied(); });
  const Summary summary = run(blocked, new_campaign());
  EXPECT_LE(blocked.requests(), 200U);
  EXPECT_EQ(exit_status(summary), 3);
  EXPECT_EQ(summary.held, 5'000U);
  EXPECT_EQ(states(), (States{{"active", 5'000}}));

  FakePort mended([](auto&, int) { return accepted(); });
  const Summary resumed = run(mended, stored_campaign(), true);
  EXPECT_EQ(resumed.counts.accepted, 5'000U);
  EXPECT_EQ(mended.requests(), 5'000U);
  EXPECT_EQ(exit_status(resumed), 0);
}

TEST_F(World, HoldsOnePlatformAndServesTheOthers) {
  add_devices("iphone", 3'000, "ios");
  add_devices("pixel", 1'000, "android");
  FakePort broken([](const std::string& token, int) {
    return token.starts_with("iphone") ? fcm_error(401, "THIRD_PARTY_AUTH_ERROR") : accepted();
  });
  const Summary summary = run(broken, new_campaign());
  EXPECT_EQ(summary.counts.accepted, 1'000U);
  EXPECT_EQ(summary.held, 3'000U);
  EXPECT_EQ(exit_status(summary), 3);
  EXPECT_EQ(states(), (States{{"active", 4'000}}));

  FakePort mended([](auto&, int) { return accepted(); });
  const Summary resumed = run(mended, stored_campaign(), true);
  EXPECT_EQ(resumed.counts.accepted, 4'000U);
  EXPECT_EQ(mended.requests(), 3'000U);
}

TEST_F(World, FailsAWrongMessageForEveryoneAndTouchesNobody) {
  add_devices("living", 3'000);
  FakePort port([](auto&, int) {
    return http(400, R"({"error":{"code":400,"message":"Invalid value at 'message.data[0].value'",
"status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest",
"fieldViolations":[{"field":"message.data[0].value","description":"x"}]}]}})");
  });
  Report report = open_report(0);
  RunOptions with = options();
  with.report = &report;
  const Summary summary = run(port, new_campaign(), false, with);
  EXPECT_LE(port.requests(), 200U);
  ASSERT_TRUE(summary.message_fault);
  EXPECT_EQ(summary.message_fault->field, "message.data[0].value");
  EXPECT_EQ(summary.counts.failed, 3'000U);
  EXPECT_EQ(exit_status(summary), 1);
  EXPECT_EQ(states(), (States{{"active", 3'000}}));
  EXPECT_EQ(report_lines().size(), 3'000U);
}

TEST_F(World, TakesABareRefusalOfEveryoneForAFaultOfTheMessage) {
  add_devices("living", 3'000);
  FakePort port([](auto&, int) {
    return http(400, R"({"error":{"code":400,"message":"Request contains an invalid argument.",
"status":"INVALID_ARGUMENT"}})");
  });
  const Summary summary = run(port, new_campaign());
  EXPECT_LE(port.requests(), 200U);
  EXPECT_TRUE(summary.message_fault);
  EXPECT_EQ(states(), (States{{"active", 3'000}}));
}

TEST_F(World, PullsTheBrakeWhenHalfOfAllDevicesSeemToDie) {
  add_devices("living", 4'000);
  FakePort outage([](const std::string& token, int) {
    return token.back() % 2 == 0 ? unregistered() : accepted();
  });
  const Summary summary = run(outage, new_campaign());
  ASSERT_EQ(summary.brakes.size(), 1U);
  EXPECT_EQ(summary.brakes[0].rule, "token.unregistered");
  EXPECT_EQ(summary.brakes[0].platform, "android");
  EXPECT_EQ(exit_status(summary), 1);
  EXPECT_EQ(states(), (States{{"active", 2'000}, {"suspect", 2'000}}));

  // Suspects may live, so the next send goes to them too; being accepted clears them.
  FakePort over([](auto&, int) { return accepted(); });
  run(over, new_campaign());
  EXPECT_EQ(over.requests(), 4'000U);
  EXPECT_EQ(states(), (States{{"active", 4'000}}));
}

TEST_F(World, HoldsEverybodyWhenFcmCannotBeReached) {
  add_devices("living", 3'000);
  FakePort port([](auto&, int) {
    Answer answer;
    answer.transport = Answer::Transport::unsent;
    answer.reason = "connection refused";
    return answer;
  });
  const Summary summary = run(port, new_campaign());
  EXPECT_EQ(exit_status(summary), 3);
  EXPECT_EQ(summary.held, 3'000U);
  EXPECT_EQ(states(), (States{{"active", 3'000}}));
}

TEST_F(World, AnInterruptedSendCanBeResumed) {
  add_devices("living", 3'000);
  std::atomic<bool> interrupt = false;
  FakePort first([](auto&, int) { return accepted(); });
  first.on_results = [&] {
    if (first.requests() > 700) interrupt = true;
  };
  RunOptions with = options();
  with.interrupt = &interrupt;
  const Summary summary = run(first, new_campaign(), false, with);
  EXPECT_EQ(exit_status(summary), 4);
  EXPECT_EQ(summary.counts.accepted + summary.held, 3'000U);

  FakePort second([](auto&, int) { return accepted(); });
  const Summary resumed = run(second, stored_campaign(), true);
  EXPECT_EQ(resumed.counts.accepted, 3'000U);
  EXPECT_EQ(first.requests() + second.requests(), 3'000U);
}

TEST_F(World, SendsNothingAfterTheDeadline) {
  add_devices("busy", 100);
  FakePort port([](auto&, int) { return http(503, "", "3600"); });
  RunOptions with = options();
  const SteadyTime start = port.now();
  with.clock = [&] {
    return now() + std::chrono::duration_cast<SystemTime::duration>(port.now() - start);
  };
  with.deadline = now() + 60s;
  with.retry.give_up_after = 48h;  // Else the loop itself gives up, seeing the long wait.
  const Summary summary = run(port, new_campaign(), false, with);
  EXPECT_TRUE(summary.deadline_passed);
  EXPECT_EQ(summary.held, 100U);
  EXPECT_EQ(exit_status(summary), 1);
  EXPECT_EQ(port.requests(), 100U);
  EXPECT_LE(port.now() - start, 61s);
}

TEST_F(World, StartsSlowlyAndKeepsToTheWindow) {
  add_devices("living", 4'000);
  FakePort port([](auto&, int) { return accepted(); });
  RunOptions with = options();
  with.retry.first_window = 50;
  with.retry.max_window = 300;
  run(port, new_campaign(), false, with);
  EXPECT_LE(port.most_under_way(), 300U);
  EXPECT_GE(port.most_under_way(), 250U);
}

TEST_F(World, RecordsManyResultsAtOnceButLetsNoneWait) {
  add_devices("living", 1'000);
  FakePort port([](auto&, int) { return accepted(); });
  RunOptions with = options();
  with.retry.first_window = with.retry.max_window = 200;
  std::uint64_t transactions = 0;
  with.on_progress = [&](auto, auto&) { ++transactions; };
  run(port, new_campaign(), false, with);
  EXPECT_GE(transactions, 5U);
  EXPECT_LE(transactions, 8U);

  // One that is slow does not keep the results of the others.
  add_devices("slow", 1);
  FakePort second([](const std::string& token, int nth) {
    return token == "slow-0" && nth == 1 ? http(503, "", "60") : accepted();
  });
  const SteadyTime begun = second.now();
  std::vector<SteadyTime> recorded;
  with.on_progress = [&](auto, auto&) { recorded.push_back(second.now()); };
  with.retry.first_window = with.retry.max_window = 5'000;
  run(second, new_campaign(), false, with);
  EXPECT_LE(recorded.front() - begun, with.record_within + 1ms);
}

// Killed anywhere: nobody is forgotten, only what was under way or answered a moment ago is sent
// again, and each target has one line in the report.
TEST_F(World, SurvivesBeingKilledAtAnyMoment) {
  add_devices("living", 600);
  add_devices("busy", 60);
  add_devices("dead", 40);
  const auto script = [](const std::string& token, int nth) {
    if (token.starts_with("dead")) return unregistered();
    if (token.starts_with("busy") && nth == 1) return http(503, "", "2");
    return accepted();
  };
  Random random(5);
  registry::Campaign campaign = new_campaign();
  std::map<std::string, int> accepted_times;
  std::uint64_t second_sends_allowed = 0;
  bool finished = false;
  for (int life = 0; life < 50 && !finished; ++life) {
    FakePort port(script);
    port.crash_after(random.below(200));
    Report report = open_report(stored_campaign().report_bytes);
    RunOptions with = options();
    with.report = &report;
    with.retry.first_window = 40;
    with.retry.max_window = 80;
    with.max_batch = 30;
    try {
      finished = exit_status(run(port, stored_campaign(), life > 0, with)) == 1;
    } catch (const Crash&) {
      second_sends_allowed += port.most_under_way() + with.max_batch;
    }
    for (const auto& [token, count] : port.accepted()) accepted_times[token] += count;
    open_store();
  }
  ASSERT_TRUE(finished);
  EXPECT_EQ(accepted_times.size(), 660U);
  std::uint64_t second_sends = 0;
  for (const auto& [token, count] : accepted_times)
    second_sends += static_cast<unsigned>(count - 1);
  EXPECT_LE(second_sends, second_sends_allowed);

  const registry::CampaignCounts counts = stored_campaign().counts;
  EXPECT_EQ(counts.accepted, 660U);
  EXPECT_EQ(counts.retired, 40U);
  std::set<std::string> reported;
  for (const auto& line : report_lines()) {
    EXPECT_TRUE(reported.insert(token_of(line)).second) << line;
  }
  EXPECT_EQ(reported.size(), 700U);
}

}  // namespace
}  // namespace fanfare::delivery
