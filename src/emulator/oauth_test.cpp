#include "emulator/oauth.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "emulator/testing/assertion.h"

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;
using testing::account;
using testing::good_claims;
using testing::make_form;
using testing::make_jwt;

constexpr const char* audience = "https://127.0.0.1:4433/token";

struct OAuth : ::testing::Test {
  SystemTime now = *parse_rfc3339("2026-11-24T06:00:00Z");
  TokenEndpoint endpoint = TokenEndpoint::make(account(), {audience}).value();

  boost::json::object exchange(const std::string& form, Fault fault = Fault::none) {
    const auto response = endpoint.exchange(form, now, fault);
    auto body = boost::json::parse(response.body).as_object();
    EXPECT_EQ(response.status, body.contains("error") ? 400 : 200);
    return body;
  }
  boost::json::object exchange_claims(const boost::json::object& claims) {
    return exchange(make_form(make_jwt(account(), claims)));
  }
  void expect_refused(const boost::json::object& body, std::string_view error,
                      std::string_view description) {
    ASSERT_TRUE(body.contains("error"));
    EXPECT_EQ(std::string_view(body.at("error").as_string()), error);
    EXPECT_EQ(std::string_view(body.at("error_description").as_string()), description);
  }
};

constexpr const char* clock_text =
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim.";

TEST_F(OAuth, GivesATokenForAGoodAssertion) {
  const auto body = exchange_claims(good_claims(now, audience));
  EXPECT_EQ(body.at("expires_in"), 3'599);
  EXPECT_EQ(body.at("token_type"), "Bearer");
  const std::string token(body.at("access_token").as_string());
  EXPECT_TRUE(token.starts_with("ya29.c."));
  EXPECT_EQ(endpoint.judge(token, now), TokenState::good);
}

TEST_F(OAuth, GivesTokensAsLongAsAsked) {
  EXPECT_NEAR(static_cast<double>(endpoint.issue(now, {.messaging = true}).size()), 224, 4);
  for (const std::size_t chars : {180U, 1'024U}) {
    endpoint.set_chars(chars);
    const auto token = endpoint.issue(now, {.messaging = true});
    EXPECT_NEAR(static_cast<double>(token.size()), static_cast<double>(chars), 4);
    EXPECT_EQ(endpoint.judge(token, now), TokenState::good);
  }
  endpoint.set_chars(1);
  EXPECT_EQ(endpoint.judge(endpoint.issue(now, {.messaging = true}), now), TokenState::good);
}

TEST_F(OAuth, KnowsWhenATokenIsOver) {
  const auto token = endpoint.issue(now, {.messaging = true});
  EXPECT_EQ(endpoint.judge(token, now + 3'598s), TokenState::good);
  EXPECT_EQ(endpoint.judge(token, now + 3'599s), TokenState::expired);
}

TEST_F(OAuth, RefusesTokensItDidNotMake) {
  auto token = endpoint.issue(now, {.messaging = true});
  EXPECT_EQ(endpoint.judge("", now), TokenState::missing);
  EXPECT_EQ(endpoint.judge("ya29.c.made-up", now), TokenState::invalid);
  for (const std::size_t at : {std::size_t{8}, token.size() / 2, token.size() - 4}) {
    auto forged = token;
    forged[at] = forged[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(endpoint.judge(forged, now), TokenState::invalid) << at;
  }
  EXPECT_EQ(TokenEndpoint::make(testing::other_account(), {audience})->judge(token, now),
            TokenState::invalid);
}

TEST_F(OAuth, KnowsItsTokensAfterARestart) {
  const auto token = endpoint.issue(now, {.messaging = true});
  EXPECT_EQ(TokenEndpoint::make(account(), {audience})->judge(token, now), TokenState::good);
}

TEST_F(OAuth, KnowsMoreTokensThanItRemembers) {
  const auto first = endpoint.issue(now, {.messaging = true});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(endpoint.judge(endpoint.issue(now, {.messaging = true}), now), TokenState::good);
  }
  EXPECT_EQ(endpoint.judge(first, now), TokenState::good);
}

TEST_F(OAuth, KeepsAnotherScopeAwayFromMessaging) {
  auto claims = good_claims(now, audience);
  claims["scope"] = "https://www.googleapis.com/auth/userinfo.email";
  const auto body = exchange_claims(claims);
  EXPECT_EQ(endpoint.judge(body.at("access_token").as_string(), now),
            TokenState::scope_insufficient);
  claims["scope"] = "openid https://www.googleapis.com/auth/cloud-platform";
  const auto broad = exchange_claims(claims);
  EXPECT_EQ(endpoint.judge(broad.at("access_token").as_string(), now), TokenState::good);
}

// As google-auth for Python writes it up to 1.6, with what RFC 7515 leaves out.
TEST_F(OAuth, TakesAnAssertionWithPadding) {
  const auto jwt = make_jwt(account(), good_claims(now, audience));
  EXPECT_TRUE(exchange(make_form(jwt + "==")).contains("access_token"));
  expect_refused(exchange(make_form(jwt + "===")), "invalid_grant",
                 "Invalid JWT: it must be three base64url parts of JSON, RS256.");
}

TEST_F(OAuth, RefusesAKeyThatIsNotTheAccounts) {
  expect_refused(
      exchange(make_form(make_jwt(testing::other_account(), good_claims(now, audience)))),
      "invalid_grant", "Invalid JWT Signature.");
}

TEST_F(OAuth, RefusesClaimsChangedAfterSigning) {
  const auto jwt = make_jwt(account(), good_claims(now, audience));
  auto claims = good_claims(now, audience);
  claims["scope"] = "https://www.googleapis.com/auth/cloud-platform";
  const auto other = make_jwt(account(), claims);
  const auto forged = other.substr(0, other.rfind('.')) + jwt.substr(jwt.rfind('.'));
  expect_refused(exchange(make_form(forged)), "invalid_grant", "Invalid JWT Signature.");
}

TEST_F(OAuth, RefusesAnUnknownAccount) {
  auto claims = good_claims(now, audience);
  claims["iss"] = "nobody@elsewhere.iam.gserviceaccount.com";
  expect_refused(exchange_claims(claims), "invalid_grant", "Invalid grant: account not found");
}

TEST_F(OAuth, RefusesAnotherAudience) {
  expect_refused(exchange_claims(good_claims(now, "https://example.com/token")), "invalid_grant",
                 "Invalid JWT: Failed audience check.");
}

TEST_F(OAuth, RefusesWrongClocks) {
  for (const auto& off : {-2h, 2h}) {
    expect_refused(exchange_claims(good_claims(now + off, audience)), "invalid_grant", clock_text);
  }
  auto claims = good_claims(now, audience);
  claims["exp"] = claims["iat"].as_int64() + 3'601;
  expect_refused(exchange_claims(claims), "invalid_grant", clock_text);
  claims["exp"] = claims["iat"].as_int64() - 1;
  expect_refused(exchange_claims(claims), "invalid_grant", clock_text);
  claims.erase("iat");
  expect_refused(exchange_claims(claims), "invalid_grant", clock_text);
}

TEST_F(OAuth, ToleratesAClockThatIsSlightlyOff) {
  EXPECT_TRUE(exchange_claims(good_claims(now + 4min, audience)).contains("access_token"));
  EXPECT_TRUE(exchange_claims(good_claims(now - 4min, audience)).contains("access_token"));
}

TEST_F(OAuth, RefusesNoScopeAndForeignOnes) {
  auto claims = good_claims(now, audience);
  for (const auto* scope : {"", "https://example.com/auth/all"}) {
    claims["scope"] = scope;
    expect_refused(exchange_claims(claims), "invalid_scope",
                   "Invalid OAuth scope or ID token audience provided.");
  }
}

TEST_F(OAuth, RefusesOtherAlgorithms) {
  const auto claims = good_claims(now, audience);
  for (const auto* alg : {"none", "HS256", "RS512"}) {
    const auto body = exchange(make_form(make_jwt(account(), claims, {{"alg", alg}})));
    EXPECT_EQ(body.at("error"), "invalid_grant") << alg;
  }
}

TEST_F(OAuth, RefusesWhatIsNoJwt) {
  for (const auto* text : {"x", "a.b", "a.b.c", "...", "e30.e30.", "e30.e30.e30.e30", "!.!.!"}) {
    EXPECT_EQ(exchange(make_form(text)).at("error"), "invalid_grant") << text;
  }
}

TEST_F(OAuth, RefusesIncompleteForms) {
  EXPECT_EQ(exchange("").at("error"), "invalid_request");
  EXPECT_EQ(exchange("grant_type=password").at("error"), "unsupported_grant_type");
  EXPECT_EQ(exchange(make_form("")).at("error"), "invalid_request");
}

TEST_F(OAuth, FailsOnRequest) {
  const auto form = make_form(make_jwt(account(), good_claims(now, audience)));
  expect_refused(exchange(form, Fault::revoked_key), "invalid_grant", "Invalid JWT Signature.");
  expect_refused(exchange(form, Fault::clock_skew), "invalid_grant", clock_text);
  expect_refused(exchange(form, Fault::account_gone), "invalid_grant",
                 "Invalid grant: account not found");
}

TEST(TokenEndpoint, RefusesAKeyItCantRead) {
  const auto endpoint = TokenEndpoint::make({"a@b", Secret("no key")}, {audience});
  ASSERT_FALSE(endpoint);
  EXPECT_EQ(endpoint.error().kind, Error::Kind::input);
}

}  // namespace
}  // namespace fanfare::emulator
