#include "cli/topic_leaver.h"

#include <gtest/gtest.h>

namespace fanfare::cli {
namespace {

using registry::Receiver;

// An FCM in memory: who has which topics, and which registrations it answers for with a rule.
class FakeFcm {
 public:
  std::map<std::string, std::set<std::string>> topics;  // By registration.
  std::map<std::string, std::string> fails_at_describe;
  std::map<std::string, std::string> fails_at_unsubscribe;
  int asked = 0;

  TopicApis apis() {
    return {.describe_tokens =
                [this](const TopicApis::NextToken& next, const TopicApis::OnDescribed& done) {
                  while (const auto token = next()) describe(*token, done);
                },
            .topics_of_fid = [this](const Target& fid) -> Reply<std::vector<Subscription>> {
              ++asked;
              if (const auto rule = fails_at_describe.find(fid.value);
                  rule != fails_at_describe.end()) {
                return std::unexpected(outcome(fid, rule->second));
              }
              return subscriptions(fid.value);
            },
            .unsubscribe =
                [this](TargetKind kind, const std::string& topic, const Topics::Next& next,
                       const Topics::OnOutcome& done) {
                  while (const auto target = next()) {
                    EXPECT_EQ(target->kind, kind);
                    done(unsubscribe(topic, *target));
                  }
                }};
  }

 private:
  static Outcome outcome(const Target& target, const std::string& rule) {
    Outcome outcome;
    outcome.target = target;
    // Kept for as long as the program runs, as the rules of judge() are.
    outcome.verdict.rule = *names().insert(rule).first;
    outcome.verdict.kind = rule == "ok" ? VerdictKind::accepted : VerdictKind::device_suspect;
    outcome.verdict.action = Action::probe_device;
    if (rule == "ok") outcome.verdict.action = Action::record;
    if (rule == "project.permission") outcome.verdict.action = Action::hold_project;
    if (rule == "token.unregistered") outcome.verdict.action = Action::retire_device;
    return outcome;
  }
  static std::set<std::string>& names() {
    static std::set<std::string> all;
    return all;
  }
  std::vector<Subscription> subscriptions(const std::string& registration) {
    std::vector<Subscription> all;
    for (const std::string& topic : topics[registration]) all.push_back({topic, ""});
    return all;
  }
  void describe(const std::string& token, const TopicApis::OnDescribed& done) {
    ++asked;
    const auto rule = fails_at_describe.find(token);
    InstanceInfo info;
    if (rule == fails_at_describe.end()) info.topics = subscriptions(token);
    done(outcome({TargetKind::token, token}, rule == fails_at_describe.end() ? "ok" : rule->second),
         info);
  }
  Outcome unsubscribe(const std::string& topic, const Target& target) {
    const auto rule = fails_at_unsubscribe.find(target.value);
    if (rule != fails_at_unsubscribe.end()) return outcome(target, rule->second);
    topics[target.value].erase(topic);
    return outcome(target, "ok");
  }
};

std::vector<Receiver> receivers(const std::vector<std::string>& tokens) {
  std::vector<Receiver> all;
  for (const std::string& token : tokens) {
    Receiver receiver;
    receiver.id = static_cast<registry::DeviceId>(all.size()) + 1;
    receiver.registration = {token.starts_with("fid") ? TargetKind::fid : TargetKind::token, token};
    all.push_back(receiver);
  }
  return all;
}

std::string names(const std::vector<Receiver>& receivers) {
  std::string text;
  for (const Receiver& receiver : receivers) text += receiver.registration.value + " ";
  return text;
}

TEST(TopicLeaver, LeavesAllTopicsOfTokensAndFids) {
  FakeFcm fcm;
  fcm.topics = {{"a", {"news", "sport"}}, {"fid-b", {"news"}}, {"other", {"news"}}};
  TopicLeaver leaver(fcm.apis());
  EXPECT_EQ(names(leaver.leave(receivers({"a", "fid-b", "c"}))), "a fid-b c ");
  EXPECT_EQ(leaver.left(), 3U);
  EXPECT_TRUE(fcm.topics["a"].empty() && fcm.topics["fid-b"].empty());
  EXPECT_EQ(fcm.topics["other"].size(), 1U);
}

TEST(TopicLeaver, OneThatCannotBeAskedAboutStays) {
  FakeFcm fcm;
  fcm.fails_at_describe = {{"b", "service.unavailable"}, {"fid-c", "service.unavailable"}};
  TopicLeaver leaver(fcm.apis());
  EXPECT_EQ(names(leaver.leave(receivers({"a", "b", "fid-c", "d"}))), "a d ");
  EXPECT_EQ(leaver.failed(), (std::map<std::string, std::uint64_t>{{"service.unavailable", 2}}));
  EXPECT_FALSE(leaver.blocked());
}

TEST(TopicLeaver, OneThatCannotLeaveATopicStaysAndCountsOnce) {
  FakeFcm fcm;
  fcm.topics = {{"a", {"news", "sport"}}, {"b", {"news"}}};
  fcm.fails_at_unsubscribe = {{"a", "topic.permission"}};
  TopicLeaver leaver(fcm.apis());
  EXPECT_EQ(names(leaver.leave(receivers({"a", "b"}))), "b ");
  EXPECT_EQ(leaver.failed(), (std::map<std::string, std::uint64_t>{{"topic.permission", 1}}));
  EXPECT_EQ(leaver.left(), 1U);
}

TEST(TopicLeaver, WhomFcmDoesNotKnowHasNoTopics) {
  FakeFcm fcm;
  fcm.fails_at_describe = {{"a", "instance.unknown"}, {"b", "instance.invalid"}};
  fcm.topics = {{"c", {"news"}}};
  fcm.fails_at_unsubscribe = {{"c", "token.unregistered"}};
  TopicLeaver leaver(fcm.apis());
  EXPECT_EQ(names(leaver.leave(receivers({"a", "b", "c"}))), "a b c ");
  EXPECT_TRUE(leaver.failed().empty());
}

TEST(TopicLeaver, ABlockedProjectKeepsAllAndAsksNoMore) {
  FakeFcm fcm;
  fcm.fails_at_describe = {{"b", "project.permission"}};
  TopicLeaver leaver(fcm.apis());
  EXPECT_EQ(names(leaver.leave(receivers({"a", "b", "c", "fid-d"}))), "");
  ASSERT_TRUE(leaver.blocked());
  EXPECT_EQ(leaver.blocked()->target.value, "b");
  EXPECT_EQ(fcm.asked, 2);
}

}  // namespace
}  // namespace fanfare::cli
