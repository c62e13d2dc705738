#include "gateway/gorush_reader.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace fanfare::gateway {
namespace {

constexpr SystemTime noon{std::chrono::seconds(1'800'000'000)};

std::expected<GorushPush, Refusal> read(const std::string& notifications) {
  return read_gorush(boost::json::parse(R"({"notifications":)" + notifications + "}").as_object(),
                     {}, noon);
}
std::string field(const std::string& notifications) {
  const auto taken = read(notifications);
  return taken ? "taken" : taken.error().field;
}

TEST(GorushReader, TokensOfAPlatformBecomeMessages) {
  const auto push = read(R"([{"tokens":["a","b"],"platform":1,"message":"Hi","badge":3}])").value();
  EXPECT_EQ(push.count, 2U);
  ASSERT_EQ(push.submissions.size(), 1U);
  const queue::Submission& submission = push.submissions[0];
  ASSERT_EQ(submission.messages.size(), 2U);
  EXPECT_EQ(submission.messages[1].target, (Target{TargetKind::token, "b"}));
  EXPECT_EQ(submission.messages[1].platform, "ios");
  EXPECT_NE(submission.message.find(R"("badge":3)"), std::string::npos);
  EXPECT_EQ(submission.expires_at, noon + SubmissionLimits{}.default_expiry);
}

TEST(GorushReader, TopicsAndConditionsAreTargetsOnAndroid) {
  const auto push = read(R"([{"to":"/topics/news","platform":2,"message":"Hi"},)"
                         R"({"condition":"'a' in topics","message":"Hi"}])")
                        .value();
  ASSERT_EQ(push.submissions.size(), 2U);
  EXPECT_EQ(push.submissions[0].messages[0].target, (Target{TargetKind::topic, "news"}));
  EXPECT_EQ(push.submissions[1].messages[0].target.kind, TargetKind::condition);
}

TEST(GorushReader, DataIsWrittenOutAsText) {
  const auto push = read(R"([{"tokens":["a"],"data":{"n":{"x":1},"s":"t"}}])").value();
  EXPECT_NE(push.submissions[0].message.find(R"("n":"{\"x\":1}")"), std::string::npos)
      << push.submissions[0].message;
}

TEST(GorushReader, WhatItDoesNotKnowIsIgnoredAsGorushDoes) {
  EXPECT_EQ(field(R"([{"tokens":["a"],"message":"Hi","retry":3,"development":true}])"), "taken");
}

TEST(GorushReader, WhatCannotBeSentIsRefusedByItsField) {
  EXPECT_EQ(field("[]"), "notifications");
  EXPECT_EQ(field("[1]"), "notifications[0]");
  EXPECT_EQ(field(R"([{"message":"Hi"}])"), "notifications[0].tokens");
  EXPECT_EQ(field(R"([{"tokens":["a"],"platform":3}])"), "notifications[0].platform");
  EXPECT_EQ(field(R"([{"to":"/topics/a b"}])"), "notifications[0].to");
}

}  // namespace
}  // namespace fanfare::gateway
