#include "registry/silence_policy.h"

#include <gtest/gtest.h>

namespace fanfare::registry {
namespace {

using std::chrono::days;

std::string fault_of(std::string_view text) {
  const auto policy = parse_silence_policy(text);
  if (policy) return "no fault";
  EXPECT_EQ(policy.error().kind, Error::Kind::usage);
  return policy.error().what;
}

TEST(SilencePolicy, DefaultKnowsALimitForAndroidOnly) {
  const auto policy = parse_silence_policy("default").value();
  EXPECT_EQ(policy.limit_of("android"), days(270));
  EXPECT_EQ(policy.limit_of("ios"), std::nullopt);
  EXPECT_EQ(policy.limit_of(""), std::nullopt);
  EXPECT_EQ(policy.warn, days(60));
}

TEST(SilencePolicy, ReadsALimitForEachPlatform) {
  const auto policy = parse_silence_policy("Android=270d, ios=26w,chrome=90d,other=never").value();
  EXPECT_EQ(policy.limit_of("android"), days(270));
  EXPECT_EQ(policy.limit_of("ios"), days(182));
  EXPECT_EQ(policy.limit_of("web"), days(90));
  EXPECT_EQ(policy.limit_of("tizen"), std::nullopt);
}

TEST(SilencePolicy, OtherIsWhateverIsNotNamed) {
  const auto policy = parse_silence_policy("ios=never,other=1d").value();
  EXPECT_EQ(policy.limit_of("ios"), std::nullopt);
  EXPECT_EQ(policy.limit_of("android"), days(1));
  EXPECT_EQ(policy.limit_of(""), days(1));
}

TEST(SilencePolicy, NamesThePartThatItCannotRead) {
  EXPECT_EQ(fault_of("android=270d,ios"), "can't read 'ios' in the policy");
  EXPECT_EQ(fault_of("ios=90"), "can't read 'ios=90' in the policy");
  EXPECT_EQ(fault_of("=90d"), "can't read '=90d' in the policy");
  EXPECT_EQ(fault_of(""), "can't read '' in the policy");
  EXPECT_EQ(fault_of("ios=1d,"), "can't read '' in the policy");
  EXPECT_EQ(fault_of("web=1d,chrome=2d"), "the policy names web twice");
  EXPECT_EQ(fault_of("other=1d,other=2d"), "the policy names other twice");
}

TEST(SilencePolicy, WritesWhatItReads) {
  for (const char* text : {"android=270d,other=never", "ios=3600s,web=90d,other=30d"}) {
    EXPECT_EQ(to_string(parse_silence_policy(text).value()), text);
  }
  EXPECT_EQ(to_string(default_silence_policy()), "android=270d,other=never");
}

TEST(SilencePolicy, NamesItsClasses) {
  std::string names;
  for (std::size_t i = 0; i < silence_class_count; ++i) names += silence_class_name(i) + "; ";
  EXPECT_EQ(names,
            "under 7 d; 7-30 d; 30-60 d; 60-90 d; 90-180 d; 180-270 d; over 270 d; never seen; ");
}

}  // namespace
}  // namespace fanfare::registry
