#include "emulator/faults.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

Result<Faults> apply_text(const char* text, Faults faults = {}) {
  return apply(faults, boost::json::parse(text).as_object());
}

TEST(Faults, ChangesWhatIsNamedAndKeepsTheRest) {
  Faults before;
  before.latency.base = 80ms;
  const auto after = apply_text(R"({"fault":"service_503","retry_after":30})", before);
  ASSERT_TRUE(after) << after.error().what;
  EXPECT_EQ(after->fault, Fault::service_503);
  EXPECT_EQ(after->retry_after, 30s);
  EXPECT_EQ(after->latency.base, 80ms);
}

TEST(Faults, TakesNullForNoLimitAndNoRetryAfter) {
  Faults before;
  before.retry_after = 5s;
  before.quota_per_minute = 10;
  const auto after = apply_text(R"({"retry_after":null,"quota_per_minute":null})", before);
  ASSERT_TRUE(after);
  EXPECT_FALSE(after->retry_after);
  EXPECT_FALSE(after->quota_per_minute);
}

TEST(Faults, ReadsBackWhatItWrites) {
  Faults faults;
  faults.retry_after = 7s;
  faults.quota_per_minute = 600'000;
  faults.error_503_share = 0.25;
  for (const auto& entry : fault_catalogue()) {
    faults.fault = entry.fault;
    const auto again = apply(Faults{}, to_json(faults));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(again->fault, faults.fault);
    EXPECT_EQ(to_json(*again), to_json(faults));
  }
}

TEST(Faults, NamesTheSettingThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"fault":"gremlins"})", "fault setting fault"},
      {R"({"latency_ms":-1})", "latency_ms"},
      {R"({"latency_ms":1.5})", "latency_ms"},
      {R"({"outage_share":1.01})", "outage_share"},
      {R"({"retry_after":"soon"})", "retry_after"},
      {R"({"retry_after_as_date":1})", "retry_after_as_date"},
      {R"({"speed":1})", "speed is unknown"},
  };
  for (const auto& [text, what] : cases) {
    const auto faults = apply_text(text);
    ASSERT_FALSE(faults) << text;
    EXPECT_EQ(faults.error().kind, Error::Kind::input);
    EXPECT_NE(faults.error().what.find(what), std::string::npos) << faults.error().what;
    EXPECT_FALSE(faults.error().remedy.empty());
  }
}

TEST(Scenario, ReadsTheSameKeysAsToml) {
  const auto faults = parse_scenario(
      "# a bad day\nfault = \"outage_404\"\noutage_share = 0.3\nlatency_ms = 80\n"
      "latency_jitter_ms = 20\nerror_503_share = 0.01\nretry_after = 2\nseed = 9\n");
  ASSERT_TRUE(faults) << faults.error().what;
  EXPECT_EQ(faults->fault, Fault::outage_404);
  EXPECT_EQ(faults->outage_share, 0.3);
  EXPECT_EQ(faults->latency.jitter, 20ms);
  EXPECT_EQ(faults->seed, 9U);
}

TEST(Faults, TakesRules) {
  const auto text = R"({"rules":[{"fault":"service_503","share":0.5,"platform":"ios","from_s":10,
      "lasts_s":600,"times":3,"topic":"news","retry_after":9},{"latency_ms":5}]})";
  const auto faults = apply_text(text);
  ASSERT_TRUE(faults) << faults.error().what;
  ASSERT_EQ(faults->rules.size(), 2U);
  EXPECT_EQ(faults->rules[0].lasts, 600s);
  EXPECT_EQ(faults->rules[0].platform, Platform::ios);
  EXPECT_EQ(faults->rules[1].latency->base, 5ms);
  const auto again = apply(Faults{}, to_json(*faults));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(*faults));
}

TEST(Faults, NamesTheRuleThatIsWrong) {
  for (const auto* text :
       {R"({"rules":1})", R"({"rules":[1]})", R"({"rules":[{}]})",
        R"({"rules":[{"fault":"none"}]})", R"({"rules":[{"fault":"html_502","share":2}]})",
        R"({"rules":[{"fault":"html_502","pace":2}]})"}) {
    const auto faults = apply_text(text);
    ASSERT_FALSE(faults) << text;
    EXPECT_NE(faults.error().what.find("rules"), std::string::npos) << faults.error().what;
    EXPECT_FALSE(faults.error().remedy.empty());
  }
}

TEST(Faults, KnowsFcmsPublishedLimits) {
  const auto faults = apply_text(R"({"device_per_minute":7,"limits":"fcm"})");
  ASSERT_TRUE(faults) << faults.error().what;
  EXPECT_EQ(faults->quota_per_minute, 600'000U);
  EXPECT_EQ(faults->device.per_minute, 7U) << "what is named beside it wins";
  EXPECT_EQ(faults->device.per_hour, 5'000U);
  EXPECT_FALSE(apply_text(R"({"limits":"none"})", *faults)->device.any());
  EXPECT_FALSE(apply_text(R"({"limits":"some"})"));
}

TEST(Scenario, ReadsRulesFromTables) {
  const auto faults = parse_scenario(
      "latency_ms = 80\n[[rules]]\nfault = \"outage_404\"\nshare = 0.5\nlasts_s = 600\n"
      "[[rules]]\nfault = \"goaway_after\"\ntimes = 1\n");
  ASSERT_TRUE(faults) << faults.error().what;
  ASSERT_EQ(faults->rules.size(), 2U);
  EXPECT_TRUE(faults->rules[0].of_devices) << "an outage is of devices";
  EXPECT_EQ(faults->rules[1].times, 1U);
}

TEST(Scenario, NamesTheLineThatIsNotToml) {
  const auto faults = parse_scenario("fault = \"none\"\nlatency_ms = = 3\n");
  ASSERT_FALSE(faults);
  EXPECT_NE(faults.error().what.find("line 2"), std::string::npos) << faults.error().what;
}

TEST(Scenario, RefusesTables) {
  EXPECT_FALSE(parse_scenario("[fault]\nkind = 1\n"));
}

}  // namespace
}  // namespace fanfare::emulator
