#include "oauth/token_answer.h"

#include <gtest/gtest.h>

namespace fanfare::oauth {
namespace {

using namespace std::chrono_literals;

constexpr SystemTime asked_at{1'000'000s};

TokenError error_of(int status, std::string_view body) {
  const auto answer = parse_token_answer(status, body, asked_at);
  EXPECT_FALSE(answer) << body;
  return answer ? TokenError{} : answer.error();
}

TokenFault fault_of(int status, std::string_view body) {
  return error_of(status, body).fault;
}

TEST(TokenAnswer, ReadsTokenAndExpiry) {
  const auto answer = parse_token_answer(
      200, R"({"access_token":"ya29.c.abc","expires_in":3599,"token_type":"Bearer"})", asked_at);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->value.reveal(), "ya29.c.abc");
  EXPECT_EQ(answer->expires_at, asked_at + 3599s);
}

TEST(TokenAnswer, AssumesAnHourWhenNoLifetimeIsGiven) {
  const auto answer = parse_token_answer(200, R"({"access_token":"t"})", asked_at);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->expires_at, asked_at + 1h);
}

TEST(TokenAnswer, CapsAnAbsurdLifetime) {
  const auto answer =
      parse_token_answer(200, R"({"access_token":"t","expires_in":1e300})", asked_at);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->expires_at, asked_at + 12h);
}

TEST(TokenAnswer, TellsAWrongClock) {
  const auto error = error_of(
      400, R"({"error":"invalid_grant","error_description":"Invalid JWT: Token must be a )"
           R"(short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and )"
           R"(exp values in the JWT claim."})");
  EXPECT_EQ(error.fault, TokenFault::clock_skew);
  EXPECT_NE(error.remedy.find("clock"), std::string::npos);
}

TEST(TokenAnswer, TellsARevokedKey) {
  const auto error =
      error_of(400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})");
  EXPECT_EQ(error.fault, TokenFault::revoked_key);
  EXPECT_EQ(error.what,
            "the token endpoint refused the credentials: invalid_grant (Invalid JWT Signature.)");
  EXPECT_NE(error.remedy.find("new key"), std::string::npos);
}

TEST(TokenAnswer, TellsAMissingAccount) {
  EXPECT_EQ(fault_of(400, R"({"error":"invalid_grant",)"
                          R"("error_description":"Invalid grant: account not found"})"),
            TokenFault::wrong_account);
}

TEST(TokenAnswer, TakesOtherRefusalsForAConfigurationFault) {
  for (const char* code : {"invalid_scope", "unauthorized_client", "invalid_client",
                           "invalid_request", "unsupported_grant_type", "invalid_grant"}) {
    EXPECT_EQ(fault_of(401, std::string(R"({"error":")") + code + R"("})"),
              TokenFault::configuration)
        << code;
  }
}

// "account" in the description means the account only when the grant is what is wrong.
TEST(TokenAnswer, GoesByTheCodeBeforeTheDescription) {
  EXPECT_EQ(fault_of(400, R"({"error":"invalid_scope","error_description":"account signature"})"),
            TokenFault::configuration);
}

TEST(TokenAnswer, TakesServerFaultsAndThrottlingForPassing) {
  EXPECT_EQ(fault_of(503, "<html>"), TokenFault::service);
  EXPECT_EQ(fault_of(500, R"({"error":"internal_failure"})"), TokenFault::service);
  EXPECT_EQ(fault_of(429, ""), TokenFault::service);
}

TEST(TokenAnswer, TakesPagesInPlaceOfARefusalForPassing) {
  EXPECT_EQ(fault_of(400, "<html>Bad Request</html>"), TokenFault::service);
  EXPECT_EQ(fault_of(200, "<html>Please log in</html>"), TokenFault::service);
  EXPECT_EQ(fault_of(404, "<html>Not Found</html>"), TokenFault::configuration);
}

TEST(TokenAnswer, RefusesTokensThatCannotBeUsed) {
  EXPECT_EQ(fault_of(200, R"({"expires_in":3599})"), TokenFault::service);
  EXPECT_EQ(fault_of(200, R"({"access_token":""})"), TokenFault::service);
  EXPECT_EQ(fault_of(200, R"({"access_token":"a\r\nx: y"})"), TokenFault::service);
  EXPECT_EQ(fault_of(200, R"({"access_token":"t","expires_in":0})"), TokenFault::service);
  EXPECT_EQ(fault_of(200, R"({"access_token":"t","expires_in":"3599"})"), TokenFault::service);
  EXPECT_EQ(fault_of(200, R"({"access_token":"t","token_type":"mac"})"), TokenFault::service);
}

TEST(TokenAnswer, NeverRepeatsTokensOrAssertions) {
  const std::string assertion = "eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl";
  const std::string opaque(65, 'k');
  for (const auto& secret : {assertion, opaque, std::string("ya29.secret")}) {
    const auto error = error_of(
        400, R"({"error":"invalid_request","error_description":"bad value <)" + secret + R"(>"})");
    EXPECT_EQ(error.what.find(secret), std::string::npos) << error.what;
    EXPECT_NE(error.what.find("bad value <[hidden]>"), std::string::npos) << error.what;
  }
}

TEST(TokenAnswer, KeepsQuotedTextShortAndOnOneLine) {
  std::string words;
  for (int i = 0; i < 200; ++i) words += "word\\n";
  const auto error = error_of(400, R"({"error":"x","error_description":")" + words + R"("})");
  EXPECT_LT(error.what.size(), 300U);
  EXPECT_EQ(error.what.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace fanfare::oauth
