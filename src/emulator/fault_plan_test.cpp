// Which fault strikes which request.
#include "emulator/fault_plan.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

struct Plans : ::testing::Test {
  SystemTime now = *parse_rfc3339("2026-11-24T06:00:00Z");

  static FaultPlan plan(const char* text) {
    return FaultPlan(apply(Faults{}, boost::json::parse(text).as_object()).value());
  }
  std::optional<Fault> next(FaultPlan& plan, Step step) {
    plan.begin(now);
    return plan.strike(step);
  }
  int count(FaultPlan& plan, Step step, int requests) {
    int struck = 0;
    for (int i = 0; i < requests; ++i) struck += next(plan, step).has_value() ? 1 : 0;
    return struck;
  }
};

const Subject android{"a", Platform::android, {}};
const Subject ios{"i", Platform::ios, {}};
const Subject news{{}, Platform::unknown, "news"};

TEST_F(Plans, NothingStrikesByItself) {
  auto calm = plan("{}");
  EXPECT_FALSE(next(calm, Step::front_end));
  EXPECT_FALSE(calm.strike(Step::device, android));
  EXPECT_EQ(calm.struck(), Fault::none);
}

TEST_F(Plans, TheOneFaultStrikesEveryRequestAtItsStep) {
  auto broken = plan(R"({"fault":"service_503"})");
  EXPECT_FALSE(next(broken, Step::project));
  EXPECT_EQ(next(broken, Step::service), Fault::service_503);
  EXPECT_EQ(broken.struck(), Fault::service_503);
}

TEST_F(Plans, ARuleHasItsTime) {
  auto wave = plan(R"({"rules":[{"fault":"html_502","from_s":60,"lasts_s":600}]})");
  EXPECT_FALSE(next(wave, Step::front_end)) << "the first request starts the clock";
  now += 60s;
  EXPECT_TRUE(next(wave, Step::front_end));
  now += 599s;
  EXPECT_TRUE(next(wave, Step::front_end));
  now += 1s;
  EXPECT_FALSE(next(wave, Step::front_end));
}

TEST_F(Plans, ARuleCountsRequests) {
  auto some = plan(R"({"rules":[{"fault":"cut_before","after_requests":3,"times":2}]})");
  std::string struck;
  for (int i = 0; i < 8; ++i) struck += next(some, Step::front_end) ? 'x' : '.';
  EXPECT_EQ(struck, "...xx...");
}

TEST_F(Plans, AShareOfRequestsIsDrawnFromTheSeed) {
  auto first = plan(R"({"seed":7,"rules":[{"fault":"internal_500","share":0.25}]})");
  auto second = plan(R"({"seed":7,"rules":[{"fault":"internal_500","share":0.25}]})");
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(next(first, Step::service), next(second, Step::service));
  }
  auto third = plan(R"({"rules":[{"fault":"internal_500","share":0.25}]})");
  const auto struck = count(third, Step::service, 4'000);
  EXPECT_GT(struck, 850);
  EXPECT_LT(struck, 1'150);
}

TEST_F(Plans, AShareOfDevicesIsAlwaysTheSame) {
  auto wave = plan(R"({"rules":[{"fault":"outage_404","share":0.5}]})");
  int struck = 0;
  for (int i = 0; i < 1'000; ++i) {
    const auto name = "device " + std::to_string(i);
    wave.begin(now);
    const bool once = wave.strike(Step::device, {name, Platform::android, {}}).has_value();
    wave.begin(now);
    EXPECT_EQ(wave.strike(Step::device, {name, Platform::android, {}}).has_value(), once);
    struck += once ? 1 : 0;
  }
  EXPECT_GT(struck, 430);
  EXPECT_LT(struck, 570);
}

TEST_F(Plans, ARuleMayBeForAPlatformOrATopic) {
  auto aimed = plan(R"({"rules":[{"fault":"service_503","platform":"ios"},
                                 {"fault":"internal_500","topic":"news"}]})");
  EXPECT_FALSE(next(aimed, Step::service)) << "not before it is known for whom";
  EXPECT_TRUE(aimed.is_aimed());
  EXPECT_FALSE(aimed.strike(Step::service, android));
  EXPECT_EQ(aimed.strike(Step::service, ios), Fault::service_503);
  EXPECT_EQ(aimed.strike(Step::service, news), Fault::internal_500);
}

TEST_F(Plans, AFaultStrikesOnlyWhomItCan) {
  auto broken = plan(R"({"fault":"apns_broken"})");
  broken.begin(now);
  EXPECT_FALSE(broken.strike(Step::apns, android));
  EXPECT_TRUE(broken.strike(Step::apns, ios));
  auto topics = plan(R"({"fault":"topic_quota_429"})");
  topics.begin(now);
  EXPECT_FALSE(topics.strike(Step::device, android));
  EXPECT_TRUE(topics.strike(Step::device, news));
}

TEST_F(Plans, ToAskIsNotToStrike) {
  auto some = plan(R"({"rules":[{"fault":"outage_404","times":1}]})");
  some.begin(now);
  EXPECT_TRUE(some.is_down(Fault::outage_404, android));
  EXPECT_EQ(some.struck(), Fault::none);
  EXPECT_TRUE(some.strike(Step::device, android));
  some.begin(now);
  EXPECT_FALSE(some.is_down(Fault::outage_404, android));
}

TEST_F(Plans, ARulesRetryAfterWins) {
  auto slow = plan(R"({"retry_after":5,"rules":[{"fault":"service_503","retry_after":77}]})");
  EXPECT_TRUE(next(slow, Step::service));
  EXPECT_EQ(slow.retry_after(), 77s);
  slow.begin(now);
  EXPECT_EQ(slow.retry_after(), 5s);
}

TEST_F(Plans, ARuleMayOnlySlowDown) {
  auto slow = plan(R"({"latency_ms":10,"rules":[{"latency_ms":900,"lasts_s":60}]})");
  slow.begin(now);
  EXPECT_EQ(slow.draw_latency(now, false), 900ms);
  EXPECT_EQ(slow.draw_latency(now + 60s, false), 10ms);
}

TEST_F(Plans, LatenciesHaveTheirSpread) {
  auto lognormal =
      plan(R"({"latency_ms":80,"latency_jitter_ms":420,"latency_spread":"lognormal"})");
  auto exponential =
      plan(R"({"latency_ms":80,"latency_jitter_ms":100,"latency_spread":"exponential"})");
  int above_median = 0;
  int beyond = 0;
  std::chrono::milliseconds sum{0};
  for (int i = 0; i < 10'000; ++i) {
    const auto one = lognormal.draw_latency(now, false);
    above_median += one > 80ms ? 1 : 0;
    beyond += one >= 500ms ? 1 : 0;
    const auto other = exponential.draw_latency(now, false);
    EXPECT_GE(other, 80ms);
    sum += other;
  }
  EXPECT_NEAR(above_median, 5'000, 300);
  EXPECT_NEAR(beyond, 100, 60);
  EXPECT_NEAR(static_cast<double>(sum.count()) / 10'000, 180, 10);
}

TEST_F(Plans, TheTokenEndpointCanBeSlowAlone) {
  auto slow = plan(R"({"oauth_latency_ms":500})");
  EXPECT_EQ(slow.draw_latency(now, false), 0ms);
  EXPECT_EQ(slow.draw_latency(now, true), 500ms);
}

}  // namespace
}  // namespace fanfare::emulator
