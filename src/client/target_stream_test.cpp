#include "client/target_stream.h"

#include <set>

#include <gtest/gtest.h>

#include "client/testing/attempts.h"
#include "client/testing/fake_port.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using testing::attempt;
using testing::FakePort;

// Sends to "token-1" … "token-<count>" and keeps what came back.
struct Sent {
  Sent(FakePort::Script script, int count, RetryOptions options = {}) : port(std::move(script)) {
    int yielded = 0;
    send_to_each(
        port, options, Random(1),
        [&](Target& target) {
          most_open = std::max(most_open, yielded - static_cast<int>(outcomes.size()));
          if (yielded == count) return false;
          target = {TargetKind::token, "token-" + std::to_string(++yielded)};
          return true;
        },
        [&](const Outcome& outcome) { outcomes.push_back(outcome); });
  }

  [[nodiscard]] std::size_t count(VerdictKind kind) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        outcomes, [kind](const Outcome& outcome) { return outcome.verdict.kind == kind; }));
  }
  [[nodiscard]] std::size_t different_targets() const {
    std::set<std::string> targets;
    for (const Outcome& outcome : outcomes) targets.insert(outcome.target.value);
    return targets.size();
  }

  FakePort port;
  int most_open = 0;
  std::vector<Outcome> outcomes;
};

TEST(TargetStream, EveryTargetHasExactlyOneOutcome) {
  const Sent sent([](const Target&, int) { return attempt(VerdictKind::accepted); }, 5'000);
  EXPECT_EQ(sent.outcomes.size(), 5'000U);
  EXPECT_EQ(sent.different_targets(), 5'000U);
  EXPECT_EQ(sent.port.requests, 5'000U);
  EXPECT_EQ(sent.outcomes.front().attempts, 1);
}

TEST(TargetStream, AnEmptyStreamIsDoneAtOnce) {
  const Sent sent([](const Target&, int) { return attempt(VerdictKind::accepted); }, 0);
  EXPECT_TRUE(sent.outcomes.empty());
}

TEST(TargetStream, WaitsBeforeItTriesAgainAndReportsOnlyTheEnd) {
  Sent sent(
      [](const Target&, int nth) {
        return attempt(nth == 1 ? VerdictKind::service_unavailable : VerdictKind::accepted);
      },
      3);
  EXPECT_EQ(sent.count(VerdictKind::accepted), 3U);
  EXPECT_EQ(sent.outcomes.size(), 3U);
  const auto& times = sent.port.times.at("token-1");
  ASSERT_EQ(times.size(), 2U);
  EXPECT_GE(times[1] - times[0], 10s);
}

TEST(TargetStream, AsksForNoMoreTargetsThanItMayKeep) {
  const Sent sent([](const Target&, int) { return attempt(VerdictKind::throttled_target); }, 15'000,
                  {.max_attempts = 2});
  EXPECT_EQ(sent.outcomes.size(), 15'000U);
  EXPECT_LE(sent.most_open, static_cast<int>(max_open_targets));
}

TEST(TargetStream, ABlockedProjectIsNoticedWithinTheFirstWindow) {
  const Sent sent([](const Target&, int) { return attempt(VerdictKind::project_blocked); }, 20'000);
  EXPECT_LE(sent.port.requests, 100U);
  EXPECT_EQ(sent.outcomes.size(), 20'000U);
  EXPECT_EQ(sent.count(VerdictKind::project_blocked), 20'000U);
  EXPECT_EQ(sent.outcomes.back().attempts, 0);
}

TEST(TargetStream, ABrokenPlatformCredentialStopsAStreamOfUnknownPlatform) {
  const Sent sent([](const Target&, int) { return attempt(VerdictKind::platform_blocked); },
                  20'000);
  EXPECT_LE(sent.port.requests, 100U);
  EXPECT_EQ(sent.count(VerdictKind::platform_blocked), 20'000U);
}

TEST(TargetStream, AFewPlatformRefusalsStopNobodyElse) {
  const Sent sent(
      [](const Target& target, int) {
        return attempt(target.value == "token-7" ? VerdictKind::platform_blocked
                                                 : VerdictKind::accepted);
      },
      1'000);
  EXPECT_EQ(sent.count(VerdictKind::accepted), 999U);
  EXPECT_EQ(sent.count(VerdictKind::platform_blocked), 1U);
}

TEST(TargetStream, AnUnreachableHostEndsTheStream) {
  const Sent sent([](const Target&, int) { return attempt(VerdictKind::unsent); }, 500);
  EXPECT_EQ(sent.count(VerdictKind::unsent), 500U);
}

TEST(TargetStream, APauseOfTheProjectIsKept) {
  Sent sent(
      [](const Target& target, int nth) {
        return target.value == "token-1" && nth == 1 ? attempt(VerdictKind::throttled_project, 90s)
                                                     : attempt(VerdictKind::accepted);
      },
      300);
  EXPECT_EQ(sent.count(VerdictKind::accepted), 300U);
  const SteadyTime told = sent.port.times.at("token-1").at(0);
  for (const auto& [token, times] : sent.port.times) {
    EXPECT_TRUE(times.back() == told || times.back() - told >= 90s) << token;
  }
}

}  // namespace
}  // namespace fanfare::client
