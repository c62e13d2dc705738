#include "emulator/auth_planes.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "emulator/testing/assertion.h"
#include "emulator/testing/scene.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::body_of;

constexpr const char* messaging = "https://www.googleapis.com/auth/firebase.messaging";
constexpr const char* everything = "https://www.googleapis.com/auth/cloud-platform";

std::string encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

struct AuthPlanes : ::testing::Test {
  Identities identities = make_identities(testing::account());
  testing::Scene scene{options()};

  static WorldOptions options() {
    WorldOptions options;
    options.require_auth = true;
    options.tokens = TokenEndpoint::make(testing::account(), {"https://aud/token"}).value();
    options.identities = make_identities(testing::account());
    return options;
  }
  static http2::Headers bearer(std::string_view token) {
    return {{"authorization", fmt::format("Bearer {}", token)}};
  }
  int send_with(std::string_view token) {
    const auto body = fmt::format(R"({{"message":{{"token":"{}"}}}})", testing::token_of('c'));
    return scene.call("POST", "/v1/projects/fanfare-demo/messages:send", body, bearer(token))
        .status;
  }

  http2::Response refresh(std::string_view client, std::string_view secret,
                          std::string_view refresh_token) {
    return scene.call("POST", "/token",
                      fmt::format("grant_type=refresh_token&client_id={}&client_secret={}"
                                  "&refresh_token={}",
                                  encode(client), encode(secret), encode(refresh_token)));
  }
  http2::Response refresh() {
    return refresh(identities.client_id, identities.client_secret.reveal(),
                   identities.refresh_token.reveal());
  }

  /// A good exchange, but for one parameter.
  http2::Response exchange(std::string_view name = "", std::string_view value = "") {
    std::string form;
    const std::pair<std::string_view, std::string_view> parameters[] = {
        {"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
        {"audience", identities.audience},
        {"scope", messaging},
        {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
        {"subject_token", identities.subject_token.reveal()},
        {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"}};
    for (const auto& [key, good] : parameters) {
      form += fmt::format("{}={}&", key, encode(key == name ? value : good));
    }
    return scene.call("POST", "/v1/token", form);
  }

  http2::Response impersonate(std::string_view token, const char* body, std::string email = "") {
    if (email.empty()) email = testing::account().client_email;
    return scene.call("POST",
                      fmt::format("/v1/projects/-/serviceAccounts/{}:generateAccessToken", email),
                      body, bearer(token));
  }
  http2::Response metadata(std::string_view what,
                           http2::Headers headers = {{"metadata-flavor", "Google"}}) {
    return scene.call("GET", fmt::format("/computeMetadata/v1/{}", what), "", std::move(headers));
  }
  static std::string text_of(const json::object& body, std::string_view name) {
    const auto* value = body.if_contains(name);
    return value != nullptr ? std::string(value->as_string()) : std::string();
  }
};

void expect_error(const http2::Response& response, int status, std::string_view error) {
  EXPECT_EQ(response.status, status);
  EXPECT_EQ(std::string_view(body_of(response).at("error").as_string()), error);
}

// --- refresh_token ---

// gtoken, oauth2client and key files of some age know other addresses than today's.
TEST_F(AuthPlanes, AnAssertionIsTakenWhereverGoogleHasATokenEndpoint) {
  for (const auto* path :
       {"/token", "/oauth2/v4/token", "/oauth2/v3/token", "/o/oauth2/token", "/o/token"}) {
    const auto claims = testing::good_claims(scene.now, "https://aud/token");
    const auto form = testing::make_form(testing::make_jwt(testing::account(), claims));
    const int expected = std::string_view(path) == "/o/token" ? 404 : 200;
    EXPECT_EQ(scene.call("POST", path, form).status, expected) << path;
  }
}

TEST_F(AuthPlanes, GivesAUserAToken) {
  const auto body = body_of(refresh());
  EXPECT_EQ(body.at("expires_in"), 3'599);
  EXPECT_EQ(body.at("token_type"), "Bearer");
  EXPECT_EQ(body.at("scope"), everything);
  EXPECT_EQ(send_with(text_of(body, "access_token")), 200);
}

TEST_F(AuthPlanes, RefusesAnotherUser) {
  const auto secret = identities.client_secret.reveal();
  expect_error(refresh("somebody", secret, "x"), 401, "invalid_client");
  expect_error(refresh(identities.client_id, "wrong", "x"), 401, "invalid_client");
  expect_error(refresh(identities.client_id, secret, "x"), 400, "invalid_grant");
  expect_error(refresh(identities.client_id, secret, ""), 400, "invalid_request");
  scene.set(R"({"fault":"revoked_key"})");
  expect_error(refresh(), 400, "invalid_grant");
}

// --- security token service ---

TEST_F(AuthPlanes, ExchangesASubjectToken) {
  const auto response = exchange();
  ASSERT_EQ(response.status, 200) << response.body;
  const auto body = body_of(response);
  EXPECT_EQ(body.at("issued_token_type"), "urn:ietf:params:oauth:token-type:access_token");
  EXPECT_EQ(body.at("expires_in"), 3'599);
  EXPECT_EQ(send_with(text_of(body, "access_token")), 200);
}

TEST_F(AuthPlanes, RefusesBadExchanges) {
  expect_error(exchange("grant_type", "x"), 400, "unsupported_grant_type");
  expect_error(exchange("audience", "x"), 400, "invalid_target");
  expect_error(exchange("audience", ""), 400, "invalid_request");
  expect_error(exchange("subject_token", "x"), 400, "invalid_grant");
  expect_error(exchange("subject_token_type", ""), 400, "invalid_request");
  expect_error(exchange("requested_token_type", "x"), 400, "invalid_request");
  expect_error(exchange("scope", "x"), 400, "invalid_scope");
}

// --- impersonation ---

TEST_F(AuthPlanes, LetsAUserActAsTheServiceAccount) {
  const auto user = text_of(body_of(refresh()), "access_token");
  const auto response = impersonate(
      user, R"({"delegates":[],"scope":["https://www.googleapis.com/auth/firebase.messaging"],)"
            R"("lifetime":"600s"})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(body_of(response).at("expireTime"), "2026-11-24T06:10:00Z");
  const auto token = text_of(body_of(response), "accessToken");
  EXPECT_EQ(send_with(token), 200);
  scene.now += 10min;
  EXPECT_EQ(send_with(token), 401);
}

TEST_F(AuthPlanes, GivesAnImpersonatorAnHourUnlessTold) {
  const auto user = text_of(body_of(refresh()), "access_token");
  const auto response = impersonate(user, R"({"scope":["email"]})");
  EXPECT_EQ(body_of(response).at("expireTime"), "2026-11-24T07:00:00Z");
  EXPECT_EQ(send_with(text_of(body_of(response), "accessToken")), 403) << "email is no messaging";
}

TEST_F(AuthPlanes, RefusesBadImpersonations) {
  const auto user = text_of(body_of(refresh()), "access_token");
  const auto* good = R"({"scope":["email"]})";
  EXPECT_EQ(impersonate("x", good).status, 401);
  const auto weak = text_of(body_of(exchange()), "access_token");
  EXPECT_EQ(impersonate(weak, good).status, 403) << "messaging alone may not impersonate";
  EXPECT_EQ(impersonate(user, good, "other@example.com").status, 404);
  for (const auto* body :
       {"{", "{}", R"({"scope":[]})", R"({"scope":["x"]})",
        R"({"scope":["email"],"lifetime":"3601s"})", R"({"scope":["email"],"lifetime":"0s"})",
        R"({"scope":["email"],"lifetime":"x"})"}) {
    EXPECT_EQ(impersonate(user, body).status, 400) << body;
  }
}

// --- metadata ---

TEST_F(AuthPlanes, IsAMetadataServer) {
  EXPECT_EQ(metadata("project/project-id").body, "fanfare-demo");
  EXPECT_EQ(metadata("project/numeric-project-id").body, "123456789012");
  EXPECT_EQ(metadata("instance/service-accounts/default/email").body,
            testing::account().client_email);
  const auto token =
      metadata(fmt::format("instance/service-accounts/default/token?scopes={}", encode(messaging)));
  EXPECT_EQ(http2::find_header(token.headers, "metadata-flavor"), "Google");
  EXPECT_EQ(body_of(token).at("token_type"), "Bearer");
  EXPECT_EQ(send_with(text_of(body_of(token), "access_token")), 200);
  EXPECT_EQ(metadata("instance/service-accounts/default/token").status, 200);
  EXPECT_EQ(metadata("instance/service-accounts/other/token").status, 404);
}

TEST_F(AuthPlanes, HidesMetadataFromBrowsers) {
  const auto answer = metadata("instance/service-accounts/default/token", {});
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.body.find("ya29"), std::string::npos);
}

TEST_F(AuthPlanes, IsFoundByAPing) {
  const auto found = scene.call("GET", "/", "", {{"metadata-flavor", "Google"}});
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(http2::find_header(found.headers, "metadata-flavor"), "Google");
  const auto page = scene.call("GET", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(http2::find_header(page.headers, "metadata-flavor"), "");
}

TEST(Metadata, HasNoAccountWithoutTokens) {
  testing::Scene scene;
  const http2::Headers headers{{"metadata-flavor", "Google"}};
  const auto get = [&](const char* path) { return scene.call("GET", path, "", headers).status; };
  EXPECT_EQ(get("/computeMetadata/v1/project/project-id"), 200);
  EXPECT_EQ(get("/computeMetadata/v1/instance/service-accounts/default/token"), 404);
}

TEST(Identities, FollowFromTheAccount) {
  const auto one = make_identities(testing::account());
  EXPECT_EQ(one.refresh_token.reveal(), make_identities(testing::account()).refresh_token.reveal());
  EXPECT_NE(one.refresh_token.reveal(),
            make_identities(testing::other_account()).refresh_token.reveal());
  EXPECT_GE(one.refresh_token.reveal().size(), 40U);
  EXPECT_NE(one.subject_token.reveal().substr(16), one.refresh_token.reveal().substr(4));
}

}  // namespace
}  // namespace fanfare::emulator
