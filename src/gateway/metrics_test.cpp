#include "gateway/metrics.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include <gtest/gtest.h>

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;

bool has(const std::string& text, std::string_view line) {
  return text.find("\n" + std::string(line) + "\n") != std::string::npos;
}

// One of everything.
MetricsSnapshot full() {
  MetricsSnapshot snapshot;
  auto& part = snapshot.projects["demo"];
  part.by_rule["delivered"] = 7;
  part.delivery_seconds.add(20ms);
  part.sent = 9;
  part.messages_per_minute = 600;
  part.rate_share = 0.5;
  BreakerState& breaker = part.breakers.emplace_back();
  breaker.scope = "oauth";
  breaker.rule = "oauth.invalid_grant";
  registry::BrakeState& brake = part.brakes.emplace_back();
  brake.platform = "ios";
  brake.rule = "token.unregistered";
  snapshot.books["demo"].accepted = 7;
  snapshot.books["demo"].in[static_cast<std::size_t>(queue::State::delivered)] = 7;
  snapshot.requests[{"submitMessages", "2xx"}] = 3;
  snapshot.webhook_lag["hook"] = 2;
  snapshot.version = "1.2.3";
  return snapshot;
}

TEST(Metrics, CountsTheBooksByProjectAndState) {
  const std::string text = render(full());
  EXPECT_TRUE(has(text, "fanfare_messages_accepted_total{project=\"demo\"} 7")) << text;
  EXPECT_TRUE(has(text, "fanfare_messages{project=\"demo\",state=\"delivered\"} 7")) << text;
  EXPECT_TRUE(has(text, "fanfare_messages{project=\"demo\",state=\"waiting\"} 0")) << text;
}

TEST(Metrics, AHistogramsClassesAddUp) {
  MetricsSnapshot snapshot;
  for (const auto took : {200us, 20'000us, 70'000'000us}) snapshot.commit_seconds.add(took);
  const std::string text = render(snapshot);
  EXPECT_TRUE(has(text, "fanfare_commit_seconds_bucket{le=\"0.0005\"} 1")) << text;
  EXPECT_TRUE(has(text, "fanfare_commit_seconds_bucket{le=\"0.025\"} 2")) << text;
  EXPECT_TRUE(has(text, "fanfare_commit_seconds_bucket{le=\"60\"} 2")) << text;
  EXPECT_TRUE(has(text, "fanfare_commit_seconds_bucket{le=\"+Inf\"} 3")) << text;
  EXPECT_TRUE(has(text, "fanfare_commit_seconds_count 3")) << text;
}

TEST(Metrics, EscapesTheValuesOfLabels) {
  MetricsSnapshot snapshot;
  snapshot.webhook_lag["a\"b\\c\nd"] = 1;
  EXPECT_TRUE(has(render(snapshot), R"(fanfare_webhook_lag_events{webhook="a\"b\\c\nd"} 1)"));
}

TEST(Metrics, ShowsABreakerAndABrakeOnlyWhileTheyAreOn) {
  const std::string text = render(full());
  EXPECT_TRUE(has(text,
                  "fanfare_breaker_open{project=\"demo\",scope=\"oauth\",rule=\"oauth.invalid_"
                  "grant\"} 1"))
      << text;
  EXPECT_TRUE(has(text,
                  "fanfare_brake_on{project=\"demo\",platform=\"ios\",rule=\"token.unregistered\"} "
                  "1"))
      << text;
  EXPECT_EQ(render(MetricsSnapshot{}).find("fanfare_breaker_open{"), std::string::npos);
}

TEST(Metrics, EachFamilyIsDescribedOnceBeforeItsSamples) {
  std::istringstream text(render(full()));
  std::string family;
  std::map<std::string, int> described;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# TYPE ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      ++described[family];
    } else if (!line.starts_with("# HELP ")) {
      EXPECT_TRUE(line.starts_with(family)) << line;
    }
  }
  EXPECT_GT(described.size(), 15U);
  for (const auto& [name, times] : described) EXPECT_EQ(times, 1) << name;
}

TEST(Metrics, PromtoolFindsNoFault) {
  if (std::system("command -v promtool >/dev/null") != 0) GTEST_SKIP() << "no promtool here";
  std::FILE* promtool = ::popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = render(full());
  std::fwrite(text.data(), 1, text.size(), promtool);
  EXPECT_EQ(::pclose(promtool), 0);
}

}  // namespace
}  // namespace fanfare::gateway
