// The bodies against those that were captured from FCM or stand in its documentation.
#include "emulator/answers.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

void expect_body(const Answer& answer, int status, std::string_view kind, const char* text) {
  EXPECT_EQ(answer.status, status);
  EXPECT_EQ(kind_of(answer), kind);
  const auto response = render(answer, true, CommonHeaders("now"));
  EXPECT_EQ(response.status, status);
  EXPECT_EQ(boost::json::parse(response.body), boost::json::parse(text)) << response.body;
}

TEST(Answers, Unregistered) {
  expect_body(unregistered(), 404, "404 UNREGISTERED", R"({"error":{"code":404,
    "message":"Requested entity was not found.","status":"NOT_FOUND","details":[
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}})");
}

TEST(Answers, UnregisteredAtApns) {
  expect_body(apns_unregistered(), 404, "404 UNREGISTERED", R"({"error":{"code":404,
    "message":"Requested entity was not found.","status":"NOT_FOUND","details":[
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"},
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.ApnsError","statusCode":410,
     "reason":"Unregistered"}]}})");
}

TEST(Answers, DisabledAtApns) {
  expect_body(apns_disabled(), 400, "400 INVALID_ARGUMENT", R"({"error":{"code":400,
    "message":"APNs device token is disabled.","status":"INVALID_ARGUMENT","details":[
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"INVALID_ARGUMENT"},
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.ApnsError","statusCode":410,
     "reason":"Unregistered"}]}})");
}

TEST(Answers, BadRegistrationNamesFcmErrorFirst) {
  expect_body(bad_registration("message.token"), 400, "400 INVALID_ARGUMENT",
              R"({"error":{"code":400,
    "message":"The registration token is not a valid FCM registration token",
    "status":"INVALID_ARGUMENT","details":[
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"INVALID_ARGUMENT"},
    {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[
     {"field":"message.token",
      "description":"The registration token is not a valid FCM registration token"}]}]}})");
}

TEST(Answers, InvalidFieldNamesBadRequestFirst) {
  expect_body(invalid_field("message", "Recipient of the message is not set."), 400,
              "400 INVALID_ARGUMENT", R"({"error":{"code":400,
    "message":"Recipient of the message is not set.","status":"INVALID_ARGUMENT","details":[
    {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[
     {"field":"message","description":"Recipient of the message is not set."}]},
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",
     "errorCode":"INVALID_ARGUMENT"}]}})");
}

TEST(Answers, SchemaFaultsHaveNoFcmError) {
  const FieldFault fault{"message.data[0].value",
                         "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"};
  expect_body(schema_faults({&fault, 1}), 400, "400", R"({"error":{"code":400,
    "message":"Invalid value at 'message.data[0].value' (TYPE_STRING), 12",
    "status":"INVALID_ARGUMENT","details":[
    {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[
     {"field":"message.data[0].value",
      "description":"Invalid value at 'message.data[0].value' (TYPE_STRING), 12"}]}]}})");
}

TEST(Answers, ReservedKey) {
  expect_body(reserved_key("from"), 400, "400 INVALID_ARGUMENT", R"({"error":{"code":400,
    "message":"Invalid data payload key: from","status":"INVALID_ARGUMENT","details":[
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",
     "errorCode":"INVALID_ARGUMENT"}]}})");
}

TEST(Answers, TooLargeHasABadRequestWithoutViolations) {
  expect_body(too_large(), 400, "400 INVALID_ARGUMENT", R"({"error":{"code":400,
    "message":"Message is too large. The maximum is 4K (4096 bytes).",
    "status":"INVALID_ARGUMENT","details":[
    {"@type":"type.googleapis.com/google.rpc.BadRequest"},
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",
     "errorCode":"INVALID_ARGUMENT"}]}})");
}

TEST(Answers, BareInvalidArgumentHasNoDetails) {
  expect_body(bare_invalid_argument(), 400, "400", R"({"error":{"code":400,
    "message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}})");
}

TEST(Answers, SenderMismatch) {
  expect_body(sender_mismatch(), 403, "403 SENDER_ID_MISMATCH", R"({"error":{"code":403,
    "message":"SenderId mismatch","status":"PERMISSION_DENIED","details":[
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",
     "errorCode":"SENDER_ID_MISMATCH"}]}})");
}

TEST(Answers, PermissionDenied) {
  expect_body(permission_denied("my-project"), 403, "403", R"({"error":{"code":403,
    "message":"Permission 'cloudmessaging.messages.create' denied on resource '//cloudresourcemanager.googleapis.com/projects/my-project' (or it may not exist).",
    "status":"PERMISSION_DENIED","details":[
    {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED",
     "domain":"cloudresourcemanager.googleapis.com","metadata":{
      "permission":"cloudmessaging.messages.create","resource":"projects/my-project"}}]}})");
}

TEST(Answers, ApiDisabled) {
  expect_body(api_disabled("123456"), 403, "403", R"({"error":{"code":403,
    "message":"Firebase Cloud Messaging API has not been used in project 123456 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/fcm.googleapis.com/overview?project=123456 then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
    "status":"PERMISSION_DENIED","details":[
    {"@type":"type.googleapis.com/google.rpc.Help","links":[
     {"description":"Google developers console API activation",
      "url":"https://console.developers.google.com/apis/api/fcm.googleapis.com/overview?project=123456"}]},
    {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED",
     "domain":"googleapis.com","metadata":{
      "service":"fcm.googleapis.com","consumer":"projects/123456"}}]}})");
}

TEST(Answers, ThirdPartyAuthIsNotOurTokensFault) {
  const auto answer = third_party_auth();
  expect_body(answer, 401, "401 THIRD_PARTY_AUTH_ERROR", R"({"error":{"code":401,
    "message":"Auth error from APNS or Web Push Service","status":"UNAUTHENTICATED","details":[
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",
     "errorCode":"THIRD_PARTY_AUTH_ERROR"},
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.ApnsError","statusCode":403,
     "reason":"InvalidProviderToken"}]}})");
}

TEST(Answers, ExpiredCredentials) {
  expect_body(expired_credentials(), 401, "401", R"({"error":{"code":401,
    "message":"Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    "status":"UNAUTHENTICATED","details":[
    {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ACCESS_TOKEN_EXPIRED",
     "domain":"googleapis.com","metadata":{
      "method":"google.firebase.fcm.v1.FcmService.SendMessage",
      "service":"fcm.googleapis.com"}}]}})");
}

TEST(Answers, InvalidCredentialsHaveNoDetails) {
  const auto answer = invalid_credentials();
  EXPECT_FALSE(answer.body.at("error").as_object().contains("details"));
  EXPECT_FALSE(
      http2::find_header(render(answer, true, CommonHeaders("")).headers, "www-authenticate")
          .empty());
}

TEST(Answers, MissingCredentials) {
  const auto error = missing_credentials().body.at("error").as_object();
  EXPECT_TRUE(std::string_view(error.at("message").as_string())
                  .starts_with("Request is missing required authentication credential. "
                               "Expected OAuth 2 access token, "));
  EXPECT_EQ(error.at("details").as_array()[0].at("reason"), "CREDENTIALS_MISSING");
}

TEST(Answers, BareNotFoundHasNoDetails) {
  expect_body(bare_not_found(), 404, "404", R"({"error":{"code":404,
    "message":"Requested entity was not found.","status":"NOT_FOUND"}})");
}

TEST(Answers, ProjectQuotaHasNoFcmError) {
  expect_body(project_quota("123456", 600'000), 429, "429", R"({"error":{"code":429,
    "message":"Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute' of service 'fcm.googleapis.com' for consumer 'project_number:123456'.",
    "status":"RESOURCE_EXHAUSTED","details":[
    {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED",
     "domain":"googleapis.com","metadata":{"quota_limit_value":"600000",
      "consumer":"projects/123456","quota_metric":"fcm.googleapis.com/send_requests",
      "quota_unit":"1/min/{project}","service":"fcm.googleapis.com","quota_location":"global",
      "quota_limit":"SendsPerMinutePerProject"}},
    {"@type":"type.googleapis.com/google.rpc.Help","links":[
     {"description":"Request a higher quota limit.",
      "url":"https://cloud.google.com/docs/quotas/help/request_increase"}]}]}})");
}

TEST(Answers, DeviceQuotaHasItsFcmErrorAndADelay) {
  const auto answer = device_quota();
  EXPECT_EQ(kind_of(answer), "429 QUOTA_EXCEEDED");
  const auto& details = answer.body.at("error").at("details").as_array();
  EXPECT_EQ(details[0].at("errorCode"), "QUOTA_EXCEEDED");
  EXPECT_EQ(details[1].at("@type"), "type.googleapis.com/google.rpc.QuotaFailure");
  EXPECT_EQ(details[2].at("retryDelay"), "1s");
}

TEST(Answers, Unavailable) {
  expect_body(unavailable(), 503, "503 UNAVAILABLE", R"({"error":{"code":503,
    "message":"The service is currently unavailable.","status":"UNAVAILABLE","details":[
    {"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",
     "errorCode":"UNAVAILABLE"}]}})");
}

TEST(Answers, FrontEndSpeaksHtml) {
  const auto missing = render(html_not_found("/batch<script>"), true, CommonHeaders(""));
  EXPECT_EQ(missing.status, 404);
  EXPECT_TRUE(http2::find_header(missing, "content-type").starts_with("text/html"));
  EXPECT_NE(missing.body.find("Error 404 (Not Found)!!1"), std::string::npos);
  EXPECT_NE(missing.body.find("/batch&lt;script&gt;"), std::string::npos);
  const auto gateway = render(html_bad_gateway(), true, CommonHeaders(""));
  EXPECT_EQ(gateway.status, 502);
  EXPECT_NE(gateway.body.find("try again in 30 seconds"), std::string::npos);
}

TEST(Answers, MalformedJsonPointsAtThePlace) {
  const std::string_view body = R"({"message": oops})";
  const auto error = malformed_json(body, 12).body.at("error").as_object();
  EXPECT_EQ(error.at("message"),
            "Invalid JSON payload received. Unexpected token.\n"
            "{\"message\": oops}\n            ^");
  const auto& details = error.at("details").as_array();
  ASSERT_EQ(details.size(), 1U);
  const auto& violation = details[0].at("fieldViolations").as_array()[0].as_object();
  EXPECT_FALSE(violation.contains("field"));
}

TEST(Answers, ArePrettyPrintedAsGoogleDoes) {
  EXPECT_EQ(render(accepted("projects/p/messages/1"), true, CommonHeaders("")).body,
            "{\n  \"name\": \"projects/p/messages/1\"\n}\n");
  EXPECT_EQ(render(accepted("projects/p/messages/1"), false, CommonHeaders("")).body,
            R"({"name":"projects/p/messages/1"})");
  EXPECT_EQ(pretty_print(boost::json::parse(R"({"a":[{"b":1},{}],"c":[]})")),
            "{\n  \"a\": [\n    {\n      \"b\": 1\n    },\n    {}\n  ],\n  \"c\": []\n}\n");
}

TEST(Answers, CarryGooglesHeaders) {
  const auto headers =
      *render(accepted("n"), true, CommonHeaders("Tue, 24 Nov 2026 06:00:00 GMT")).common;
  const std::pair<const char*, const char*> wanted[] = {
      {"content-type", "application/json; charset=UTF-8"},
      {"vary", "Origin, X-Origin, Referer"},
      {"cache-control", "private"},
      {"x-xss-protection", "0"},
      {"x-frame-options", "SAMEORIGIN"},
      {"x-content-type-options", "nosniff"},
      {"date", "Tue, 24 Nov 2026 06:00:00 GMT"}};
  for (const auto& [name, value] : wanted) EXPECT_EQ(http2::find_header(headers, name), value);
}

TEST(Answers, SayRetryAfterInEitherForm) {
  const auto now = *parse_rfc3339("2026-11-24T06:00:00Z");
  EXPECT_EQ(
      http2::find_header(with_retry_after(unavailable(), 30s, false, now).headers, "retry-after"),
      "30");
  EXPECT_EQ(
      http2::find_header(with_retry_after(unavailable(), 30s, true, now).headers, "retry-after"),
      "Tue, 24 Nov 2026 06:00:30 GMT");
}

}  // namespace
}  // namespace fanfare::emulator
