#include "fcm/judge.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fanfare/verdict.h"

#include "base/time_text.h"
#include "fcm/rules.h"

namespace fanfare {
namespace {

using namespace std::chrono_literals;

Answer answer(int status, std::string body) {
  return {.transport = Answer::Transport::answered,
          .status = status,
          .body = std::move(body),
          .retry_after = {},
          .received_at = *parse_rfc3339("2026-11-24T12:00:00Z"),
          .reason = {}};
}

std::string golden(const std::string& name) {
  std::ifstream file(std::string(FANFARE_SOURCE_DIR) + "/testdata/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// An error body with these entries in `details`.
std::string refusal(std::string_view message, std::string_view details) {
  return fmt::format(R"({{"error":{{"message":"{}","status":"S","details":[{}]}}}})", message,
                     details);
}

std::string fcm_error(std::string_view code) {
  return fmt::format(R"({{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",)"
                     R"("errorCode":"{}"}})",
                     code);
}

std::string apns_error(int status, std::string_view reason) {
  return fmt::format(R"({{"@type":"type.googleapis.com/google.firebase.fcm.v1.ApnsError",)"
                     R"("statusCode":{},"reason":"{}"}})",
                     status, reason);
}

std::string violation(std::string_view field, std::string_view description = "wrong") {
  return fmt::format(R"({{"@type":"type.googleapis.com/google.rpc.BadRequest",)"
                     R"("fieldViolations":[{{"field":"{}","description":"{}"}}]}})",
                     field, description);
}

std::string_view rule_of(int status, std::string body, TargetKind target = TargetKind::token) {
  return judge(answer(status, std::move(body)), target).rule;
}

bool retires(const Verdict& verdict) {
  return verdict.action == Action::retire_device;
}

// --- Every known body (docs/protocol.md, "Error bodies") ---

struct Golden {
  const char* file;
  int status;
  std::string_view rule;
  std::string_view code;
  std::string_view field;
};

class GoldenBody : public testing::TestWithParam<Golden> {};

TEST_P(GoldenBody, IsJudgedByItsRule) {
  const Golden& expected = GetParam();
  const Verdict verdict = judge(answer(expected.status, golden(expected.file)), TargetKind::token);
  EXPECT_EQ(verdict.rule, expected.rule);
  EXPECT_EQ(verdict.code, expected.code);
  EXPECT_EQ(verdict.field, expected.field);
}

INSTANTIATE_TEST_SUITE_P(
    Protocol, GoldenBody,
    testing::Values(
        Golden{"accepted.json", 200, "send.accepted", "", ""},
        Golden{"already_subscribed.json", 409, "topic.already_subscribed", "", ""},
        Golden{"unregistered.json", 404, "token.unregistered", "UNREGISTERED", ""},
        Golden{"unregistered_short_text.json", 404, "token.unregistered", "UNREGISTERED", ""},
        Golden{"unregistered_snake_case.json", 404, "token.unregistered", "UNREGISTERED", ""},
        Golden{"unregistered_ios.json", 404, "token.unregistered", "UNREGISTERED", ""},
        Golden{"apns_disabled.json", 400, "token.apns_unregistered", "INVALID_ARGUMENT", ""},
        Golden{"apns_disabled_unregistered.json", 400, "token.unregistered", "UNREGISTERED", ""},
        Golden{"malformed_token.json", 400, "token.malformed", "INVALID_ARGUMENT", "message.token"},
        Golden{"malformed_token_fcm_error_only.json", 400, "token.malformed", "INVALID_ARGUMENT",
               ""},
        Golden{"malformed_token_old.json", 400, "token.malformed", "INVALID_ARGUMENT",
               "message.token"},
        Golden{"wrong_environment.json", 400, "token.wrong_environment", "INVALID_ARGUMENT", ""},
        Golden{"sender_id_mismatch.json", 403, "token.sender_id_mismatch", "SENDER_ID_MISMATCH",
               ""},
        Golden{"malformed_condition.json", 400, "token.suspect", "INVALID_ARGUMENT", ""},
        Golden{"no_target.json", 400, "message.recipient", "INVALID_ARGUMENT", "message"},
        Golden{"bad_type.json", 400, "message.parse", "INVALID_ARGUMENT", "message.data[0].value"},
        Golden{"unknown_field.json", 400, "message.parse", "INVALID_ARGUMENT", "message"},
        Golden{"malformed_json.json", 400, "message.parse", "INVALID_ARGUMENT", ""},
        Golden{"topic_name.json", 400, "message.topic", "INVALID_ARGUMENT", "message"},
        Golden{"webpush_ttl.json", 400, "message.ttl", "INVALID_ARGUMENT",
               "message.webpush.headers.TTL"},
        Golden{"reserved_key.json", 400, "message.data_key", "INVALID_ARGUMENT", ""},
        Golden{"too_large.json", 400, "message.too_large", "INVALID_ARGUMENT", ""},
        Golden{"third_party_auth.json", 401, "platform.apns_key", "THIRD_PARTY_AUTH_ERROR", ""},
        Golden{"third_party_auth_plain.json", 401, "platform.third_party_auth",
               "THIRD_PARTY_AUTH_ERROR", ""},
        Golden{"third_party_auth_misleading.json", 401, "platform.third_party_auth",
               "THIRD_PARTY_AUTH_ERROR", ""},
        Golden{"oauth_expired.json", 401, "oauth.expired", "UNAUTHENTICATED", ""},
        Golden{"oauth_invalid.json", 401, "oauth.invalid", "UNAUTHENTICATED", ""},
        Golden{"oauth_missing.json", 401, "oauth.missing", "UNAUTHENTICATED", ""},
        Golden{"iam_denied.json", 403, "project.iam", "PERMISSION_DENIED", ""},
        Golden{"api_disabled.json", 403, "project.api_disabled", "PERMISSION_DENIED", ""},
        Golden{"scope.json", 403, "project.scope", "PERMISSION_DENIED", ""},
        Golden{"bare_not_found.json", 404, "project.not_found", "NOT_FOUND", ""},
        Golden{"not_found.html", 404, "project.wrong_url", "", ""},
        Golden{"quota_project.json", 429, "quota.project", "RESOURCE_EXHAUSTED", ""},
        Golden{"quota_topic.json", 429, "quota.target", "QUOTA_EXCEEDED", ""},
        Golden{"internal.json", 500, "service.internal", "INTERNAL", ""},
        Golden{"unavailable.json", 503, "service.unavailable", "UNAVAILABLE", ""},
        Golden{"bad_gateway.html", 502, "service.bad_gateway", "", ""}),
    [](const auto& param) {
      std::string name = param.param.file;
      std::ranges::replace(name, '.', '_');
      return name;
    });

// --- Success ---

TEST(Judge, AnAcceptedMessageKeepsTheNameThatFcmGave) {
  const Verdict verdict = judge(answer(200, golden("accepted.json")), TargetKind::token);
  EXPECT_EQ(verdict.kind, VerdictKind::accepted);
  EXPECT_EQ(verdict.action, Action::record);
  EXPECT_EQ(verdict.name, "projects/my-project/messages/0:1500415314455276%31bd1c9631bd1c96");
}

TEST(Judge, SuccessWithoutANameIsAnUnknownOutcome) {
  for (const char* body : {"", "OK", "{}", R"({"name":""})", R"({"name":7})", "[]", "<html>",
                           R"({"name":"projects/p/mess)"}) {
    EXPECT_EQ(rule_of(200, body), "outcome.no_name") << body;
  }
}

// --- 400: device or message? ---

TEST(Judge, ReadsDetailsInAnyOrder) {
  const std::string reason = violation("message.token");
  const std::string code = fcm_error("INVALID_ARGUMENT");
  EXPECT_EQ(rule_of(400, refusal("m", reason + "," + code)), "token.malformed");
  EXPECT_EQ(rule_of(400, refusal("m", code + "," + reason)), "token.malformed");
}

TEST(Judge, KnowsTheRegistrationByTheLastSegmentInAnyCase) {
  for (const char* field : {"message.token", "message.fid", "Message.Token", "token", "FID"}) {
    EXPECT_EQ(rule_of(400, refusal("m", violation(field) + "," + fcm_error("INVALID_ARGUMENT"))),
              "token.malformed")
        << field;
  }
}

TEST(Judge, NamesTheFieldThatDecidedNotTheFirstOne) {
  const std::string body =
      refusal("m", violation("message.data") + "," + violation("message.token") + "," +
                       fcm_error("INVALID_ARGUMENT"));
  const Verdict verdict = judge(answer(400, body), TargetKind::token);
  EXPECT_EQ(verdict.rule, "token.malformed");
  EXPECT_EQ(verdict.field, "message.token");
}

// The app may call its own data "token": FCM blames that data then, not the device.
TEST(Judge, AFieldOfTheMessageCalledTokenDoesNotRetireTheDevice) {
  for (const char* field :
       {"message.data.token", "message.android.data.fid", "message.apns.live_activity_token",
        "message.apns.payload.token", "message.data[0].token", "notmessage.token"}) {
    EXPECT_EQ(rule_of(400, refusal("m", violation(field) + "," + fcm_error("INVALID_ARGUMENT"))),
              "message.field")
        << field;
  }
}

// Only the parser answers without FcmError; it looked at JSON, not at a registration.
TEST(Judge, AViolationWithoutFcmErrorIsTheMessagesFaultEvenOnTheToken) {
  EXPECT_EQ(rule_of(400, refusal("m", violation("message.token"))), "message.parse");
}

TEST(Judge, ApnsReasonsSayWhoseFaultA400Is) {
  const auto with_reason = [](int status, std::string_view reason) {
    return rule_of(400,
                   refusal("m", fcm_error("INVALID_ARGUMENT") + "," + apns_error(status, reason)));
  };
  EXPECT_EQ(with_reason(410, "Unregistered"), "token.apns_unregistered");
  EXPECT_EQ(with_reason(410, "ExpiredToken"), "token.apns_unregistered");
  EXPECT_EQ(with_reason(410, ""), "token.apns_unregistered");
  EXPECT_EQ(with_reason(400, "BadDeviceToken"), "token.wrong_environment");
  EXPECT_EQ(with_reason(400, "DeviceTokenNotForTopic"), "token.wrong_environment");
  EXPECT_EQ(with_reason(413, "PayloadTooLarge"), "message.apns_too_large");
  for (const char* reason : {"BadTopic", "MissingTopic", "TopicDisallowed"}) {
    EXPECT_EQ(with_reason(400, reason), "message.apns_topic") << reason;
  }
  for (const char* reason :
       {"PayloadEmpty", "BadPriority", "BadExpirationDate", "BadCollapseId", "InvalidPushType"}) {
    EXPECT_EQ(with_reason(400, reason), "message.apns_options") << reason;
  }
  for (const char* reason :
       {"InvalidProviderToken", "ExpiredProviderToken", "BadCertificate",
        "BadCertificateEnvironment", "BadEnvironmentKeyInToken", "TooManyProviderTokenUpdates"}) {
    EXPECT_EQ(with_reason(403, reason), "platform.apns_key") << reason;
  }
  EXPECT_EQ(with_reason(429, "TooManyRequests"), "quota.apns");
  EXPECT_EQ(with_reason(503, "ServiceUnavailable"), "service.apns");
  EXPECT_EQ(with_reason(400, "SomethingNew"), "token.suspect");
}

TEST(Judge, KnowsBothGenerationsOfTexts) {
  const auto with_text = [](std::string_view text) {
    return rule_of(400, refusal(text, fcm_error("INVALID_ARGUMENT")));
  };
  EXPECT_EQ(with_text("Invalid registration token"), "token.malformed");
  EXPECT_EQ(with_text("APNs device token is disabled."), "token.apns_unregistered");
  EXPECT_EQ(with_text("Android message is too big"), "message.too_large");
  EXPECT_EQ(with_text("iOS message is too big"), "message.too_large");
  EXPECT_EQ(with_text("Message is too large."), "message.too_large");
  EXPECT_EQ(with_text("TTL is out of range"), "message.ttl");
}

// "throttled" contains "ttl"; a message must not fail for everyone over that.
TEST(Judge, FindsTtlOnlyAsAWord) {
  EXPECT_EQ(rule_of(400, refusal("You are throttled", fcm_error("INVALID_ARGUMENT"))),
            "token.suspect");
}

TEST(Judge, AnUndecided400IsASuspectDeviceButAnInvalidMessageForTopics) {
  for (const char* body : {"", "<html>Bad Request</html>", "{", "null", R"({"error":"x"})"}) {
    EXPECT_EQ(rule_of(400, body, TargetKind::token), "token.suspect") << body;
    EXPECT_EQ(rule_of(400, body, TargetKind::fid), "token.suspect") << body;
    EXPECT_EQ(rule_of(400, body, TargetKind::topic), "message.topic") << body;
    EXPECT_EQ(rule_of(400, body, TargetKind::condition), "message.condition") << body;
  }
}

TEST(Judge, TopicsAndConditionsAreNeverRetired) {
  for (const TargetKind target : {TargetKind::topic, TargetKind::condition}) {
    for (const char* file : {"unregistered.json", "apns_disabled.json", "malformed_token.json",
                             "sender_id_mismatch.json", "wrong_environment.json"}) {
      for (const int status : {400, 403, 404}) {
        const Verdict verdict = judge(answer(status, golden(file)), target);
        EXPECT_FALSE(retires(verdict)) << file << " " << status;
      }
    }
    EXPECT_EQ(rule_of(404, golden("unregistered.json"), target), "message.target");
  }
}

// --- When the code and the status contradict each other ---

TEST(Judge, ADeadlyCodeIsBelievedOnlyWithAStatusThatFcmSendsItWith) {
  for (const char* code : {"UNREGISTERED", "SENDER_ID_MISMATCH"}) {
    for (const int status : {400, 403, 404, 410}) {
      EXPECT_TRUE(retires(judge(answer(status, refusal("m", fcm_error(code))), TargetKind::token)))
          << code << " " << status;
    }
    for (const int status : {200, 301, 401, 405, 409, 429, 500, 502, 503, 504, 599}) {
      EXPECT_FALSE(retires(judge(answer(status, refusal("m", fcm_error(code))), TargetKind::token)))
          << code << " " << status;
    }
  }
}

TEST(Judge, TheServicesOwnCodesWinOverAnOddStatus) {
  for (const int status : {400, 401, 403, 404, 503}) {
    EXPECT_EQ(rule_of(status, refusal("m", fcm_error("INTERNAL"))), "service.internal");
    EXPECT_EQ(rule_of(status, refusal("m", fcm_error("UNAVAILABLE"))), "service.unavailable");
  }
  EXPECT_EQ(rule_of(429, refusal("m", fcm_error("UNAVAILABLE"))), "quota.other");
}

TEST(Judge, ABrokenApnsKeyIsThePlatformsWhateverElseTheAnswerSays) {
  const std::string reason = apns_error(403, "InvalidProviderToken");
  for (const char* code : {"UNREGISTERED", "INVALID_ARGUMENT", "INTERNAL"}) {
    EXPECT_EQ(rule_of(404, refusal("m", fcm_error(code) + "," + reason)), "platform.apns_key");
  }
  EXPECT_EQ(rule_of(401, refusal("m", fcm_error("APNS_AUTH_ERROR"))), "platform.third_party_auth");
}

// --- The other statuses ---

TEST(Judge, A404WithoutFcmErrorIsNeverTheDevicesFault) {
  EXPECT_EQ(rule_of(404, ""), "project.not_found");
  EXPECT_EQ(rule_of(404, R"({"error":{"status":"NOT_FOUND","mess)"), "project.not_found");
  EXPECT_EQ(rule_of(404, refusal("NotRegistered", "")), "project.not_found");
  EXPECT_EQ(rule_of(404, refusal("m", apns_error(410, "Unregistered"))), "project.not_found");
  EXPECT_EQ(rule_of(404, refusal("m", violation("message.token"))), "project.not_found");
  EXPECT_EQ(rule_of(404, "404 page not found"), "project.wrong_url");
}

TEST(Judge, A403IsTheProjectsUnlessFcmErrorSaysOtherwise) {
  EXPECT_EQ(rule_of(403, ""), "project.permission");
  EXPECT_EQ(rule_of(403, refusal("SenderId mismatch", "")), "project.permission");
  EXPECT_EQ(rule_of(403, refusal("The billing account is closed", "")), "project.permission");
}

TEST(Judge, Told429WithoutFcmErrorPausesTheProject) {
  EXPECT_EQ(rule_of(429, ""), "quota.other");
  EXPECT_EQ(rule_of(429, "<html>"), "quota.other");
  EXPECT_EQ(rule_of(429, refusal("m", apns_error(429, "TooManyRequests"))), "quota.apns");
}

TEST(Judge, ServerErrorsAreRetriedWhateverTheBody) {
  EXPECT_EQ(rule_of(500, ""), "service.internal");
  EXPECT_EQ(rule_of(502, "{}"), "service.bad_gateway");
  EXPECT_EQ(rule_of(503, "<html>"), "service.unavailable");
  EXPECT_EQ(rule_of(504, ""), "service.timeout");
  EXPECT_EQ(rule_of(520, ""), "service.other");
}

TEST(Judge, RedirectsAndUnusualRefusalsBlockTheProject) {
  EXPECT_EQ(rule_of(302, ""), "http.redirect");
  for (const int status : {402, 405, 407, 409, 410, 418, 451}) {
    EXPECT_EQ(rule_of(status, ""), "http.unexpected") << status;
  }
}

TEST(Judge, AProxysWordsAboutTimeAndSizeHoldNoProject) {
  EXPECT_EQ(rule_of(408, "<html>Request Time-out</html>"), "service.timeout");
  EXPECT_EQ(rule_of(413, "<html>too large</html>"), "message.too_large");
}

TEST(Judge, NoFinalStatusIsNoAnswer) {
  EXPECT_EQ(rule_of(0, ""), "outcome.unanswered");
  EXPECT_EQ(rule_of(103, ""), "outcome.unanswered");
}

TEST(Judge, WhatDidNotArriveIsJudgedByHowFarItGot) {
  Answer silence = answer(404, golden("unregistered.json"));
  silence.reason = "connection reset by peer";
  silence.transport = Answer::Transport::unknown;
  const Verdict unknown = judge(silence, TargetKind::token);
  EXPECT_EQ(unknown.rule, "outcome.unanswered");
  EXPECT_EQ(unknown.text, "connection reset by peer");
  silence.transport = Answer::Transport::unsent;
  EXPECT_EQ(judge(silence, TargetKind::token).rule, "transport.unsent");
}

// --- Waits ---

TEST(Judge, TheHeaderIsTheWaitAndTheBodyTheFallback) {
  Answer quota = answer(429, golden("quota_topic.json"));
  EXPECT_EQ(judge(quota, TargetKind::topic).retry_after, 60s);
  quota.retry_after = "120";
  EXPECT_EQ(judge(quota, TargetKind::topic).retry_after, 120s);
  quota.retry_after = "Tue, 24 Nov 2026 12:05:00 GMT";
  EXPECT_EQ(judge(quota, TargetKind::topic).retry_after, 5min);
  quota.retry_after = "soon";
  EXPECT_EQ(judge(quota, TargetKind::topic).retry_after, 60s);
}

// --- Bodies that are no error envelope ---

TEST(Judge, ABodyOfStrangeShapeIsJudgedByItsStatus) {
  const std::string deep = R"({"error":{"details":)" + std::string(5000, '[');
  for (const std::string& body :
       {deep, deep + std::string(5000, ']') + "}}", std::string("[]"), std::string("null"),
        std::string(R"({"error":[]})"), std::string(R"({"error":{"details":{}}})"),
        std::string(R"({"error":{"details":[1,null,"x",[]]}})"),
        std::string(R"({"error":{"details":[{"@type":7},{"@type":"FcmError","errorCode":9}]}})"),
        std::string(R"({"error":{"message":")") + "\xFF\xFE" + R"("}})", std::string(1, '\0')}) {
    EXPECT_EQ(judge(answer(404, body), TargetKind::token).kind, VerdictKind::project_blocked);
    EXPECT_EQ(rule_of(503, body), "service.unavailable");
  }
}

TEST(Judge, AHugeBodyIsNotParsed) {
  const std::string padding(70'000, ' ');
  EXPECT_EQ(rule_of(404, padding + golden("unregistered.json")), "project.not_found");
}

TEST(Judge, AByteOrderMarkIsSkipped) {
  EXPECT_EQ(rule_of(404, "\xEF\xBB\xBF" + golden("unregistered.json")), "token.unregistered");
}

TEST(Judge, TheTextIsCutBetweenCharacters) {
  std::string long_text;
  for (int i = 0; i < 400; ++i) long_text += "ä";
  const Verdict verdict = judge(answer(503, refusal("x" + long_text, "")), TargetKind::token);
  EXPECT_EQ(verdict.text.size(), 511U);
}

// --- The table ---

TEST(Rules, IdsAreUniqueAndActionsFollowFromKinds) {
  for (const auto& row : fcm::rule_table) {
    EXPECT_EQ(fcm::find_rule(row.id), &row) << row.id;
    EXPECT_EQ(fcm::make_verdict(row).action, action_of(row.kind));
    EXPECT_FALSE(row.summary.empty()) << row.id;
  }
}

TEST(Rules, WhatAPersonMustMendHasARemedy) {
  for (const auto& row : fcm::rule_table) {
    const Action action = action_of(row.kind);
    if (action == Action::fail_message || action == Action::hold_platform ||
        action == Action::hold_project || action == Action::refresh_credential) {
      EXPECT_FALSE(fcm::remedy_for(row.id).empty()) << row.id;
    }
  }
  EXPECT_EQ(fcm::remedy_for("no.such.rule"), "");
}

TEST(Rules, EachHasItsHeadingInTheDocumentationAndNoneIsMadeUp) {
  std::ifstream file(std::string(FANFARE_ROOT_DIR) + "/docs/verdicts.md");
  std::vector<std::string> headings;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("### `")) headings.push_back(line.substr(5, line.rfind('`') - 5));
  }
  std::vector<std::string> ids;
  for (const auto& row : fcm::rule_table) ids.emplace_back(row.id);
  EXPECT_EQ(headings, ids);
}

TEST(VerdictKinds, ReadBackFromTheirNames) {
  for (const auto& row : fcm::rule_table) {
    EXPECT_EQ(parse_verdict_kind(to_string(row.kind)), row.kind);
  }
  EXPECT_EQ(parse_verdict_kind("Accepted"), std::nullopt);
  EXPECT_EQ(parse_verdict_kind(""), std::nullopt);
}

// --- the short cut ---

Verdict judged_into_a_used_verdict(std::string_view body) {
  Verdict verdict;
  verdict.code = verdict.field = verdict.name = verdict.text = "of another answer";
  verdict.retry_after = 7s;
  Answer answer;
  answer.status = 200;
  answer.body = body;
  fcm::judge_into(verdict, answer, TargetKind::token);
  EXPECT_EQ(verdict, judge(answer, TargetKind::token)) << body;
  return verdict;
}

TEST(JudgeInto, KnowsTheUsualAnswerAndForgetsWhatWasThere) {
  const Verdict verdict =
      judged_into_a_used_verdict("{\n  \"name\": \"projects/p/messages/0:1%a\"\n}\n");
  EXPECT_EQ(verdict.kind, VerdictKind::accepted);
  EXPECT_EQ(verdict.name, "projects/p/messages/0:1%a");
}

TEST(JudgeInto, LeavesWhatIsLessThanPlainToTheParser) {
  for (const std::string_view body :
       {R"({"name":"a\u0062c"})", R"({"name":"é"})", R"({"name":"a","more":1})", R"({"name":""})",
        R"({"name":"a"} x)", R"({"name":"a")", R"({"name":"a)", R"({"name":1})", R"({"nam)", "{",
        "", "<html>", R"({"name" : "a" , "name" : "b"})"}) {
    judged_into_a_used_verdict(body);
  }
}

// Each again after all the others: what is kept of one must not be told of another.
TEST(JudgeInto, TellsOfARefusalWhatJudgeDoesHoweverOftenItComes) {
  const std::string unregistered =
      R"({"error":{"code":404,"status":"NOT_FOUND","message":"gone","details":[{"@type":)"
      R"("type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}})";
  const std::string invalid = R"({"error":{"code":400,"status":"INVALID_ARGUMENT","message":"x"}})";
  struct Told {
    int status;
    std::string body;
    std::string retry_after;
    TargetKind target;
  };
  std::vector<Told> answers = {{404, unregistered, "", TargetKind::token},
                               {404, unregistered, "", TargetKind::topic},
                               {410, unregistered, "", TargetKind::token},
                               {401, unregistered, "", TargetKind::token},
                               {404, "", "", TargetKind::token},
                               {400, invalid, "", TargetKind::token},
                               {400, invalid, "", TargetKind::condition},
                               {503, "", "", TargetKind::token},
                               {503, "", "7", TargetKind::token},
                               {503, "", "9", TargetKind::token},
                               {503, std::string(5'000, 'x'), "", TargetKind::token}};
  Verdict verdict;
  const auto told_right = [&](const Told& told) {
    Answer answer;
    answer.status = told.status;
    answer.body = told.body;
    answer.retry_after = told.retry_after;
    fcm::judge_into(verdict, answer, told.target);
    EXPECT_EQ(verdict, judge(answer, told.target)) << told.status << ' ' << told.body;
  };
  for (int round = 0; round < 3; ++round) {
    for (const Told& told : answers) {
      told_right(told);
      told_right(told);
    }
    std::ranges::reverse(answers);
  }
}

// A date is nearer each second, and what was not answered has no status.
TEST(JudgeInto, DoesNotKeepWhatHasItsOwnMoment) {
  Verdict verdict;
  Answer answer;
  answer.status = 503;
  answer.retry_after = "Thu, 01 Jan 2026 00:01:00 GMT";
  answer.received_at = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  fcm::judge_into(verdict, answer, TargetKind::token);
  EXPECT_EQ(verdict.retry_after, 60s);
  answer.received_at += 20s;
  fcm::judge_into(verdict, answer, TargetKind::token);
  EXPECT_EQ(verdict.retry_after, 40s);
  answer.transport = Answer::Transport::unknown;
  fcm::judge_into(verdict, answer, TargetKind::token);
  EXPECT_EQ(verdict, judge(answer, TargetKind::token));
}

}  // namespace
}  // namespace fanfare
