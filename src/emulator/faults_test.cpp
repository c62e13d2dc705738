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
  before.latency = 80ms;
  const auto after = apply_text(R"({"fault":"service_503","retry_after":30})", before);
  ASSERT_TRUE(after) << after.error().what;
  EXPECT_EQ(after->fault, Fault::service_503);
  EXPECT_EQ(after->retry_after, 30s);
  EXPECT_EQ(after->latency, 80ms);
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
  for (int i = 0; i <= static_cast<int>(Fault::payload_invalid); ++i) {
    faults.fault = static_cast<Fault>(i);
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
  EXPECT_EQ(faults->latency_jitter, 20ms);
  EXPECT_EQ(faults->seed, 9U);
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
