#include "gateway/submission_reader.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;

constexpr SystemTime noon{std::chrono::seconds(1'800'000'000)};

std::expected<ReadSubmission, Refusal> read(const std::string& body) {
  return read_submission(boost::json::parse(body).as_object(), {.targets = 3}, noon);
}
// A body with a text and `rest`.
std::string with(const std::string& rest) {
  return R"({"message":{"data":{"a":"b"}},)" + rest + "}";
}
std::string field(const std::string& body) {
  const auto taken = read(body);
  return taken ? "taken" : taken.error().field;
}

TEST(SubmissionReader, OneMessageToOneTargetLivesForTheDefaultExpiry) {
  const auto taken = read(with(R"("to":{"topic":"news"})")).value();
  ASSERT_EQ(taken.submission.messages.size(), 1U);
  EXPECT_EQ(taken.submission.messages[0].target, (Target{TargetKind::topic, "news"}));
  EXPECT_EQ(taken.submission.message, R"({"data":{"a":"b"}})");
  EXPECT_EQ(taken.submission.priority, Priority::normal);
  EXPECT_EQ(taken.submission.expires_at, noon + SubmissionLimits{}.default_expiry);
}

TEST(SubmissionReader, ATargetMayStandInsideTheMessageButNotTwice) {
  EXPECT_EQ(field(R"({"message":{"topic":"news","data":{"a":"b"}}})"), "taken");
  EXPECT_EQ(field(R"({"message":{"topic":"news"},"to":{"topic":"other"}})"), "to");
  EXPECT_EQ(field(with(R"("to":{"topic":"a","user":"u"})")), "to");
  EXPECT_EQ(field(R"({"messages":[{"message":{}}]})"), "messages[0].to");
}

TEST(SubmissionReader, ManyMessagesHaveTheirOwnTextsAndUsers) {
  const auto taken = read(R"({"messages":[{"message":{"data":{"n":"1"}},"to":{"topic":"a"}},)"
                          R"({"message":{"data":{"n":"2"}},"to":{"user":"u"}}]})")
                         .value();
  ASSERT_EQ(taken.submission.messages.size(), 1U);
  EXPECT_EQ(taken.submission.messages[0].message, R"({"data":{"n":"1"}})");
  ASSERT_EQ(taken.users.size(), 1U);
  EXPECT_EQ(taken.users[0].message, R"({"data":{"n":"2"}})");
}

TEST(SubmissionReader, AnAudienceStandsAlone) {
  const auto taken = read(with(R"("to":{"audience":""})")).value();
  EXPECT_TRUE(taken.to_audience);
  EXPECT_EQ(field(with(R"("to":[{"audience":"all"}])")), "to[0]");
}

TEST(SubmissionReader, TimesAreInOrder) {
  EXPECT_EQ(field(with(R"("to":{"topic":"a"},"expires_at":"2027-01-15T08:00:00Z")")), "expires_at");
  EXPECT_EQ(field(with(R"("to":{"topic":"a"},"send_at":"2027-01-15T09:00:00Z",)"
                       R"("expires_at":"2027-01-15T08:30:00Z")")),
            "expires_at");
  EXPECT_EQ(field(with(R"("to":{"topic":"a"},"send_at":"2037-01-15T08:00:00Z")")), "send_at");
  EXPECT_EQ(
      field(with(R"("to":{"topic":"a"},"expires_in":"1h","expires_at":"2027-02-01T00:00:00Z")")),
      "expires_in");
}

TEST(SubmissionReader, UnknownOutcomesOfWhatCollapsesMayBeRepeated) {
  const auto policy = [](const std::string& rest) {
    return read(with(R"("to":{"topic":"a"},"on_unknown":"retry_if_collapsible")" + rest))
        .value()
        .submission.on_unknown;
  };
  EXPECT_EQ(policy(""), queue::OnUnknown::drop);
  EXPECT_EQ(policy(R"(,"collapse":"score")"), queue::OnUnknown::retry);
}

TEST(SubmissionReader, WhatIsWrongIsNamedByItsField) {
  const std::string to = R"("to":{"topic":"a"},)";
  EXPECT_EQ(field(with(to + R"("priority":"high")")), "priority");
  EXPECT_EQ(field(with(to + R"("colour":"red")")), "colour");
  EXPECT_EQ(field(with(to + R"("labels":{"a":1})")), "labels");
  EXPECT_EQ(field(R"({"to":{"topic":"a"}})"), "message");
  EXPECT_EQ(field(R"({"message":{"notificaton":{}},"to":{"topic":"a"}})"), "message.notificaton");
  EXPECT_EQ(field(with(R"("to":[{"topic":"a"},{"topic":"b"},{"topic":"c"},{"topic":"d"}])")), "to");
  EXPECT_EQ(field(with(R"("to":[])")), "to");
}

}  // namespace
}  // namespace fanfare::gateway
