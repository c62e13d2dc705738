#include "fcm/topic_calls.h"

#include <gtest/gtest.h>

namespace fanfare::fcm {
namespace {

std::string rule_of(int status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return std::string(judge_topic(answer, TargetKind::token).rule);
}

std::string fcm_error(int status, std::string_view code) {
  return R"({"error":{"code":)" + std::to_string(status) +
         R"(,"message":"m","status":"S","details":[{"@type":)"
         R"("type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":")" +
         std::string(code) + R"("}]}})";
}

TEST(TopicCalls, ARegistrationStandsEncodedInThePath) {
  EXPECT_EQ(topic_path(TopicDeed::subscribe, "p", "a:b/c", "news%1"),
            "/v1/projects/p/registrations/a%3Ab%2Fc/topicSubscriptions?topic_name=news%251");
  EXPECT_EQ(topic_path(TopicDeed::unsubscribe, "p", "f", "news"),
            "/v1/projects/p/registrations/f/topicSubscriptions/news?allow_missing=true");
  EXPECT_EQ(subscriptions_path("p", "f", ""),
            "/v1/projects/p/registrations/f/topicSubscriptions?pageSize=2000");
  EXPECT_EQ(subscriptions_path("p", "f", "a=b"),
            "/v1/projects/p/registrations/f/topicSubscriptions?pageSize=2000&pageToken=a%3Db");
}

TEST(TopicCalls, SuccessNeedsNoNameAndASecondSubscriptionIsOne) {
  EXPECT_EQ(rule_of(200, "{}"), "topic.changed");
  EXPECT_EQ(rule_of(409, R"({"error":{"code":409,"status":"ALREADY_EXISTS","message":"m"}})"),
            "topic.already_subscribed");
}

TEST(TopicCalls, FaultsAreJudgedAsThoseOfASend) {
  EXPECT_EQ(rule_of(404, fcm_error(404, "UNREGISTERED")), "token.unregistered");
  EXPECT_EQ(rule_of(404, R"({"error":{"code":404,"status":"NOT_FOUND","message":"m"}})"),
            "project.not_found");
  EXPECT_EQ(rule_of(400, fcm_error(400, "TOO_MANY_TOPICS")), "topic.too_many");
}

TEST(TopicCalls, ReadsPagesInEitherSpelling) {
  const auto page = parse_subscriptions(
      R"({"topicSubscriptions":[{"name":"projects/p/registrations/r/topicSubscriptions/news",)"
      R"("topicName":"news","createTime":"2026-11-24T12:00:00Z"},)"
      R"({"name":"projects/p/registrations/r/topicSubscriptions/b"},)"
      R"({"topic_name":"c","create_time":"2026-11-24T12:00:01Z"}],"nextPageToken":"x"})");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->subscriptions.size(), 3U);
  EXPECT_EQ(page->subscriptions[0].topic, "news");
  EXPECT_EQ(page->subscriptions[0].since, "2026-11-24T12:00:00Z");
  EXPECT_EQ(page->subscriptions[1].topic, "b");
  EXPECT_EQ(page->subscriptions[2].topic, "c");
  EXPECT_EQ(page->next_page, "x");
  EXPECT_TRUE(parse_subscriptions("{}"));
  EXPECT_EQ(parse_subscriptions("<html>").error().kind, Error::Kind::network);
}

TEST(TopicCalls, ABatchIsAnsweredWordByWord) {
  EXPECT_EQ(iid_batch_body("news", std::vector<std::string>{"a", "b\"c"}),
            R"({"to":"/topics/news","registration_tokens":["a","b\"c"]})");
  const auto verdicts = parse_iid_results(
      R"({"results":[{},{"error":"NOT_FOUND"},{"error":"INVALID_ARGUMENT"},)"
      R"({"error":"RESOURCE_EXHAUSTED"},{"error":"TOO_MANY_TOPICS"},{"error":"WHATEVER"}]})",
      6);
  ASSERT_TRUE(verdicts);
  const std::vector<std::string_view> expected = {"topic.changed",   "token.unregistered",
                                                  "token.malformed", "quota.target",
                                                  "topic.too_many",  "service.other"};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ((*verdicts)[i].rule, expected[i]);
}

TEST(TopicCalls, ABatchWithoutAWordForEachProvesNothing) {
  EXPECT_FALSE(parse_iid_results(R"({"results":[{}]})", 2));
  EXPECT_FALSE(parse_iid_results(R"({"error":"nope"})", 1));
  EXPECT_FALSE(parse_iid_results("", 1));
}

}  // namespace
}  // namespace fanfare::fcm
