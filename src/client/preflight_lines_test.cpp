#include "client/preflight_lines.h"

#include <gtest/gtest.h>

#include "fcm/rules.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using State = PreflightLine::State;

// 2026-11-24 12:00:00 UTC, as a server would write it.
const SystemTime noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 12h;
constexpr const char* noon_text = "Tue, 24 Nov 2026 12:00:00 GMT";

Outcome ended_by(std::string_view rule) {
  Outcome outcome;
  outcome.verdict = fcm::make_verdict(*fcm::find_rule(rule));
  outcome.answer.date = noon_text;
  outcome.answer.received_at = noon;
  return outcome;
}

// "network+ oauth+ clock+ api- iam?": passed, warned (!), failed, skipped.
std::string told(const std::vector<PreflightLine>& lines) {
  std::string text;
  for (const auto& line : lines) {
    if (!text.empty()) text += ' ';
    text += line.check;
    text += line.state == State::passed   ? '+'
            : line.state == State::warned ? '!'
            : line.state == State::failed ? '-'
                                          : '?';
  }
  return text;
}

std::string told(std::string_view rule) {
  return told(access_lines(ended_by(rule), true));
}

TEST(PreflightLines, AnyWordAboutTheMessageMeansThatTheWayIsClear) {
  for (const auto* rule : {"send.accepted", "message.field", "quota.project", "token.unregistered",
                           "platform.third_party_auth"}) {
    EXPECT_EQ(told(rule), "network+ oauth+ clock+ api+ iam+") << rule;
  }
}

TEST(PreflightLines, EachFaultStopsAtItsOwnLine) {
  EXPECT_EQ(told("project.iam"), "network+ oauth+ clock+ api+ iam-");
  EXPECT_EQ(told("project.api_disabled"), "network+ oauth+ clock+ api- iam?");
  EXPECT_EQ(told("project.not_found"), "network+ oauth+ clock+ api- iam?");
  EXPECT_EQ(told("project.wrong_url"), "network+ oauth+ clock+ api- iam?");
  EXPECT_EQ(told("oauth.revoked_key"), "network+ oauth- clock+ api? iam?");
  EXPECT_EQ(told("oauth.refused"), "network+ oauth- clock+ api? iam?");
  EXPECT_EQ(told("network.untrusted"), "network- oauth? clock+ api? iam?");
  EXPECT_EQ(told("outcome.unanswered"), "network- oauth? clock+ api? iam?");
}

TEST(PreflightLines, AnOutageIsAWarningSinceASendWaitsForItsEnd) {
  EXPECT_EQ(told("service.unavailable"), "network! oauth? clock+ api? iam?");
}

// No answer of FCM's came, so there is no date; the token endpoint's word counts.
TEST(PreflightLines, ARefusedAssertionSaysThatTheClockIsWrong) {
  auto outcome = ended_by("oauth.clock_skew");
  outcome.answer.date.clear();
  EXPECT_EQ(told(access_lines(outcome, true)), "network+ oauth- clock- api? iam?");
}

TEST(PreflightLines, EveryFailureHasARemedyAndEveryRuleAStage) {
  for (const auto& rule : fcm::rule_table) {
    for (const auto& line : access_lines(ended_by(rule.id), true)) {
      EXPECT_FALSE(line.what.empty()) << rule.id;
      if (line.state == State::failed && rule.domain != FaultDomain::network) {
        EXPECT_FALSE(line.remedy.empty()) << rule.id;
      }
    }
    EXPECT_FALSE(dry_run_line(ended_by(rule.id)).what.empty()) << rule.id;
  }
}

TEST(PreflightLines, TheClockIsComparedWithTheDateOfTheAnswer) {
  EXPECT_EQ(clock_line(noon_text, noon + 20s).state, State::passed);
  EXPECT_EQ(clock_line(noon_text, noon - 20s).state, State::passed);
  EXPECT_EQ(clock_line(noon_text, noon + 200s).state, State::warned);
  const auto late = clock_line(noon_text, noon - 1h);
  EXPECT_EQ(late.state, State::failed);
  EXPECT_EQ(late.what, "this machine's clock is 3600 s behind FCM's");
  EXPECT_EQ(clock_line("", noon).state, State::skipped);
  EXPECT_EQ(clock_line("yesterday", noon).state, State::skipped);
}

TEST(PreflightLines, TheDryRunFailsByTheMessageAndNotByTheDevice) {
  EXPECT_EQ(dry_run_line(ended_by("send.accepted")).state, State::passed);
  EXPECT_EQ(dry_run_line(ended_by("token.unregistered")).state, State::warned);
  EXPECT_EQ(dry_run_line(ended_by("quota.project")).state, State::warned);
  EXPECT_EQ(dry_run_line(ended_by("platform.third_party_auth")).state, State::failed);
  auto outcome = ended_by("message.field");
  outcome.verdict.field = "message.android.ttl";
  const auto line = dry_run_line(outcome);
  EXPECT_EQ(line.state, State::failed);
  EXPECT_TRUE(line.what.starts_with("message.android.ttl: ")) << line.what;
  EXPECT_EQ(line.rule, "message.field");
}

}  // namespace
}  // namespace fanfare::client
