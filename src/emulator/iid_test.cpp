#include "emulator/iid.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "emulator/testing/scene.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using testing::body_of;
using testing::Scene;

const http2::Headers auth{{"access_token_auth", "true"}};

constexpr const char* devices =
    "token,health,platform\nalive,living,ios\nb:1,living,android\nu,unregistered,android\n"
    "m,malformed,web\nw,wrong_sender,android\n";

struct Iid : ::testing::Test {
  Scene scene{Scene::listing(devices)};

  http2::Response post(const char* path, const json::value& body) {
    return scene.call("POST", path, json::serialize(body), auth);
  }
  http2::Response batch(const char* operation, const char* to, json::array tokens) {
    return post(fmt::format("/iid/v1:{}", operation).c_str(),
                json::object{{"to", to}, {"registration_tokens", std::move(tokens)}});
  }
  http2::Response info(const char* path) { return scene.call("GET", path, "", auth); }
  bool has(const char* registration, const char* topic) {
    const auto path = fmt::format(
        "/v1/projects/fanfare-demo/registrations/{}/topicSubscriptions/{}", registration, topic);
    return scene.call("GET", path).status == 200;
  }
};

void expect_flat(const http2::Response& response, int status, std::string_view error) {
  EXPECT_EQ(response.status, status);
  EXPECT_EQ(body_of(response), (json::object{{"error", error}}));
}

TEST_F(Iid, SubscribesManyAndAnswersInTheirOrder) {
  const auto answer =
      batch("batchAdd", "/topics/news", {"alive", "u", "nonsense", "w", "b:1", "m"});
  ASSERT_EQ(answer.status, 200);
  const auto results = body_of(answer).at("results").as_array();
  ASSERT_EQ(results.size(), 6U);
  EXPECT_EQ(results[0], json::object{});
  EXPECT_EQ(results[1].at("error"), "NOT_FOUND");
  EXPECT_EQ(results[2].at("error"), "INVALID_ARGUMENT");
  EXPECT_EQ(results[3].at("error"), "PERMISSION_DENIED");
  EXPECT_EQ(results[4], json::object{});
  EXPECT_EQ(results[5].at("error"), "INVALID_ARGUMENT");
  EXPECT_TRUE(has("alive", "news"));
  EXPECT_TRUE(has("b%3A1", "news"));
}

TEST_F(Iid, RemovesManyHoweverOften) {
  (void)batch("batchAdd", "/topics/news", {"alive"});
  for (int round = 0; round < 2; ++round) {
    const auto answer = batch("batchRemove", "/topics/news", {"alive", "u"});
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(body_of(answer).at("results").at(0), json::object{});
    EXPECT_EQ(body_of(answer).at("results").at(1).at("error"), "NOT_FOUND");
  }
  EXPECT_FALSE(has("alive", "news"));
}

TEST_F(Iid, TakesASecondSubscriptionForSuccess) {
  (void)batch("batchAdd", "/topics/news", {"alive"});
  EXPECT_EQ(body_of(batch("batchAdd", "/topics/news", {"alive"})).at("results").at(0),
            json::object{});
}

TEST_F(Iid, StopsAtTwoThousandTopics) {
  for (int i = 0; i < 2'000; ++i) {
    (void)batch("batchAdd", fmt::format("/topics/{}", i).c_str(), {"alive"});
  }
  const auto answer = batch("batchAdd", "/topics/more", {"alive", "b:1"});
  EXPECT_EQ(body_of(answer).at("results").at(0).at("error"), "TOO_MANY_TOPICS");
  EXPECT_EQ(body_of(answer).at("results").at(1), json::object{});
}

TEST_F(Iid, RefusesBadBatchesAsAWhole) {
  expect_flat(batch("batchAdd", "news", {"alive"}), 400, "INVALID_ARGUMENT");
  expect_flat(batch("batchAdd", "/topics/a b", {"alive"}), 400, "INVALID_ARGUMENT");
  expect_flat(batch("batchAdd", "/topics/", {"alive"}), 400, "INVALID_ARGUMENT");
  expect_flat(batch("batchAdd", "/topics/a", {}), 400, "INVALID_ARGUMENT");
  expect_flat(batch("batchAdd", "/topics/a", {1}), 400, "INVALID_ARGUMENT");
  expect_flat(batch("batchAdd", "/topics/a", json::array(1'001, "alive")), 400, "INVALID_ARGUMENT");
  expect_flat(scene.call("POST", "/iid/v1:batchAdd", "{", auth), 400, "INVALID_ARGUMENT");
  expect_flat(post("/iid/v1:batchRemove", json::array{}), 400, "INVALID_ARGUMENT");
  EXPECT_EQ(batch("batchAdd", "/topics/a", json::array(1'000, "alive")).status, 200);
}

TEST_F(Iid, NeedsTheHeaderForOAuthTokens) {
  expect_flat(scene.call("POST", "/iid/v1:batchAdd", "{}"), 401, "Unauthorized");
  expect_flat(scene.call("GET", "/iid/info/alive", "", {{"access_token_auth", "false"}}), 401,
              "Unauthorized");
}

TEST_F(Iid, SubscribesOne) {
  EXPECT_EQ(scene.call("POST", "/iid/v1/b%3A1/rel/topics/news", "", auth).status, 200);
  EXPECT_TRUE(has("b:1", "news"));
  EXPECT_EQ(scene.call("DELETE", "/iid/v1/b:1/rel/topics/news", "", auth).status, 200);
  EXPECT_FALSE(has("b:1", "news"));
  expect_flat(scene.call("POST", "/iid/v1/u/rel/topics/news", "", auth), 404, "NOT_FOUND");
  expect_flat(scene.call("POST", "/iid/v1/m/rel/topics/news", "", auth), 400, "INVALID_ARGUMENT");
  expect_flat(scene.call("POST", "/iid/v1/w/rel/topics/news", "", auth), 403, "PERMISSION_DENIED");
  expect_flat(scene.call("POST", "/iid/v1/b:1/rel/topics/a%20b", "", auth), 400,
              "INVALID_ARGUMENT");
}

TEST_F(Iid, DescribesADevice) {
  (void)batch("batchAdd", "/topics/news", {"alive"});
  const json::object plain{{"application", "com.fanfare.demo"},
                           {"authorizedEntity", "123456789012"},
                           {"applicationVersion", "1"},
                           {"platform", "IOS"}};
  EXPECT_EQ(body_of(info("/iid/info/alive")), plain);
  auto detailed = plain;
  detailed["rel"] = {{"topics", {{"news", {{"addDate", "2026-11-24"}}}}}};
  EXPECT_EQ(body_of(info("/iid/info/alive?details=true")), detailed);
  EXPECT_EQ(body_of(info("/iid/alive?details=true")), detailed);
}

TEST_F(Iid, SaysFlatlyThatItKnowsNoDevice) {
  expect_flat(info("/iid/info/u"), 404, "No information found about this instance id.");
  expect_flat(info("/iid/info/m"), 400, "InvalidToken");
  expect_flat(info("/iid/info/w"), 403, "PERMISSION_DENIED");
}

TEST_F(Iid, ImportsApnsTokens) {
  const std::string good(64, 'a');
  const auto import = [&] {
    const auto answer =
        post("/iid/v1:batchImport",
             {{"application", "com.example"}, {"sandbox", false}, {"apns_tokens", {good, "zz"}}});
    return body_of(answer).at("results").as_array();
  };
  const auto results = import();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].at("status"), "OK");
  EXPECT_EQ(results[0].at("apns_token").as_string(), good);
  EXPECT_EQ(results[1].at("status"), "Internal Server Error");
  EXPECT_FALSE(results[1].as_object().contains("registration_token"));
  EXPECT_EQ(import()[0], results[0]) << "the same again";
  const std::string token(results[0].at("registration_token").as_string());
  EXPECT_EQ(scene.send(fmt::format(R"({{"message":{{"token":"{}"}}}})", token)).status, 200);
  EXPECT_EQ(body_of(info(("/iid/info/" + token).c_str())).at("platform"), "IOS");
}

TEST_F(Iid, RefusesBadImports) {
  const std::string good(64, 'a');
  expect_flat(post("/iid/v1:batchImport", {{"apns_tokens", {good}}}), 400, "INVALID_ARGUMENT");
  expect_flat(post("/iid/v1:batchImport",
                   {{"application", "a"}, {"apns_tokens", json::array(101, good.c_str())}}),
              400, "INVALID_ARGUMENT");
  expect_flat(
      post("/iid/v1:batchImport", {{"application", "a"}, {"sandbox", 1}, {"apns_tokens", {good}}}),
      400, "INVALID_ARGUMENT");
}

TEST_F(Iid, ImportsBesideGeneratedDevices) {
  WorldOptions options;
  options.devices = DeviceBook(GeneratorOptions{.count = 10, .seed = 1});
  Scene generated(std::move(options));
  const auto body =
      fmt::format(R"({{"application":"a","apns_tokens":["{}"]}})", std::string(64, 'b'));
  const auto results =
      body_of(generated.call("POST", "/iid/v1:batchImport", body, auth)).at("results");
  const auto token = std::string(results.at(0).at("registration_token").as_string());
  EXPECT_EQ(generated.send(fmt::format(R"({{"message":{{"token":"{}"}}}})", token)).status, 200);
  EXPECT_EQ(generated.admin("stats").at("devices"), 11);
  const auto listed = generated.call("GET", "/_emulator/devices?offset=10").body;
  EXPECT_NE(listed.find(token + ",living,ios,1,1,0"), std::string::npos) << listed;
}

TEST_F(Iid, FailsFlatly) {
  scene.set(R"({"fault":"unauthenticated"})");
  expect_flat(info("/iid/info/alive"), 401, "Unauthorized");
  scene.set(R"({"fault":"service_503"})");
  expect_flat(info("/iid/info/alive"), 503, "UNAVAILABLE");
  scene.set(R"({"fault":"iam"})");
  expect_flat(info("/iid/info/alive"), 403, "PERMISSION_DENIED");
}

TEST_F(Iid, ChangesSubscriptionsAtTheProjectsRate) {
  scene.set(R"({"subscriptions_per_second":1})");
  EXPECT_EQ(body_of(batch("batchAdd", "/topics/news", {"alive", "b:1"})),
            json::parse(R"({"results":[{},{}]})"));
  EXPECT_EQ(body_of(batch("batchRemove", "/topics/news", {"alive", "b:1"})),
            json::parse(
                R"({"results":[{"error":"RESOURCE_EXHAUSTED"},{"error":"RESOURCE_EXHAUSTED"}]})"));
  expect_flat(scene.call("POST", "/iid/v1/alive/rel/topics/a", "", auth), 429,
              "RESOURCE_EXHAUSTED");
  EXPECT_TRUE(has("b:1", "news"));
}

TEST_F(Iid, LeavesOtherPathsToTheFrontEnd) {
  for (const auto* path : {"/iid/v1:batchAdd", "/iid/v1/a/rel/topics/b", "/iid/info/a/b"}) {
    const auto answer = info(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_NE(answer.body.find("<!DOCTYPE html>"), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace fanfare::emulator
