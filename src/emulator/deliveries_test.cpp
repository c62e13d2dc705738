#include "emulator/deliveries.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "emulator/testing/assertion.h"
#include "emulator/testing/scene.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::body_of;
using testing::Scene;

constexpr const char* data_path =
    "/v1beta1/projects/fanfare-demo/androidApps/1:2:android:3/deliveryData";
constexpr const char* devices =
    "token,health,platform\na,living,android\nf,flaky_503,android\np,payload_refused,android\n"
    "i,living,ios\n";

struct Deliveries : ::testing::Test {
  Scene scene{Scene::listing(devices)};

  void send(std::string_view token, std::string_view label, std::string_view more = "") {
    (void)scene.send(
        fmt::format(R"({{"message":{{"token":"{}","fcm_options":{{"analytics_label":"{}"}}{}}}}})",
                    token, label, more));
  }
  json::object report(std::string_view query = "") {
    return body_of(scene.call("GET", fmt::format("{}{}", data_path, query)));
  }
  json::array rows() {
    const auto body = report();
    const auto* found = body.if_contains("androidDeliveryData");
    return found != nullptr ? found->as_array() : json::array{};
  }
};

TEST_F(Deliveries, CountsWhatAndroidAccepted) {
  send("a", "spring", R"(,"notification":{"title":"x"})");
  send("a", "spring");
  send("i", "spring");
  ASSERT_EQ(rows().size(), 1U);
  const auto row = rows()[0];
  EXPECT_EQ(row.at("appId"), "1:2:android:3");
  EXPECT_EQ(row.at("analyticsLabel"), "spring");
  EXPECT_EQ(row.at("date"), (json::value{{"year", 2026}, {"month", 11}, {"day", 24}}));
  EXPECT_EQ(row.at("data").at("countMessagesAccepted"), "2") << "int64 is a string";
  EXPECT_EQ(row.at("data").at("countNotificationsAccepted"), "1");
  EXPECT_EQ(row.at("data").at("messageOutcomePercents").at("delivered"), 100.0);
}

TEST_F(Deliveries, SaysWhatBecameOfThem) {
  for (const char registration : std::string_view("afpi")) {
    const auto path = fmt::format(
        "/v1/projects/fanfare-demo/registrations/{}/topicSubscriptions?topic_name=t", registration);
    ASSERT_EQ(scene.call("POST", path).status, 200);
  }
  (void)scene.send(R"({"message":{"topic":"t","fcmOptions":{"analyticsLabel":"spring"}}})");
  ASSERT_EQ(rows().size(), 1U);
  const auto data = rows()[0].at("data");
  EXPECT_EQ(data.at("countMessagesAccepted"), "3");
  EXPECT_NEAR(data.at("messageOutcomePercents").at("delivered").as_double(), 66.7, 0.1);
  EXPECT_NEAR(data.at("messageOutcomePercents").at("droppedDeviceInactive").as_double(), 33.3, 0.1);
  EXPECT_NEAR(data.at("deliveryPerformancePercents").at("deliveredNoDelay").as_double(), 33.3, 0.1);
}

TEST_F(Deliveries, PrefersAndroidsOwnLabel) {
  send("a", "common", R"(,"android":{"fcm_options":{"analytics_label":"own"}})");
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_EQ(rows()[0].at("analyticsLabel"), "own");
}

TEST_F(Deliveries, KeepsDaysAndLabelsApart) {
  send("a", "spring");
  send("a", "autumn");
  scene.now += 24h;
  send("a", "spring");
  ASSERT_EQ(rows().size(), 3U);
  EXPECT_EQ(rows()[2].at("date").at("day"), 25);
}

TEST_F(Deliveries, LeavesOutWhatHasNoLabelOrWasNotAccepted) {
  (void)scene.send(R"({"message":{"token":"a"}})");
  send("nonsense", "spring");
  send("a", "no label");
  (void)scene.send(
      R"({"validate_only":true,"message":{"token":"a","fcm_options":{"analytics_label":"x"}}})");
  EXPECT_EQ(report(), json::object{});
}

TEST_F(Deliveries, HasPages) {
  for (const auto* label : {"a", "b", "c"}) send("a", label);
  const auto first = report("?pageSize=2");
  EXPECT_EQ(first.at("androidDeliveryData").as_array().size(), 2U);
  const std::string token(first.at("nextPageToken").as_string());
  const auto second = report("?pageSize=2&pageToken=" + token);
  ASSERT_EQ(second.at("androidDeliveryData").as_array().size(), 1U);
  EXPECT_EQ(second.at("androidDeliveryData").at(0).at("analyticsLabel"), "c");
  EXPECT_FALSE(second.contains("nextPageToken"));
  EXPECT_TRUE(report("?pageToken=999").empty());
  EXPECT_TRUE(report("?pageToken=x").contains("error"));
}

TEST_F(Deliveries, BelongsToAProject) {
  EXPECT_EQ(scene.call("GET", "/v1beta1/projects/other/androidApps/a/deliveryData").status, 403);
  EXPECT_EQ(scene.call("POST", data_path).status, 404);
}

TEST_F(Deliveries, StartsAgainAfterAReset) {
  send("a", "spring");
  (void)scene.call("POST", "/_emulator/reset", "");
  EXPECT_TRUE(rows().empty());
}

TEST(DeliveryLog, KeepsAHundredLabelsADay) {
  DeliveryLog log;
  const DeliveryLog::Counts one{.messages = 1};
  for (int i = 0; i < 150; ++i) log.add(std::to_string(i), one, SystemTime{});
  log.add("0", one, SystemTime{});
  EXPECT_EQ(log.counts().size(), DeliveryLog::max_labels);
  log.add("tomorrow", one, SystemTime{} + 24h);
  EXPECT_EQ(log.counts().size(), DeliveryLog::max_labels + 1);
}

TEST(DeliveryData, NeedsMoreThanTheScopeOfMessaging) {
  WorldOptions options;
  options.require_auth = true;
  options.tokens = TokenEndpoint::make(testing::account(), {"https://aud/token"}).value();
  auto issuer = TokenEndpoint::make(testing::account(), {}).value();
  Scene scene(std::move(options));
  const auto status = [&](Scopes scopes) {
    const auto token = issuer.issue(scene.now, scopes);
    return scene.call("GET", data_path, "", {{"authorization", "Bearer " + token}}).status;
  };
  EXPECT_EQ(status({.messaging = true}), 403);
  EXPECT_EQ(status({.messaging = true, .cloud_platform = true}), 200);
}

}  // namespace
}  // namespace fanfare::emulator
