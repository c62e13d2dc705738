// Whom a message to a topic or to a condition reaches, as the emulator's own interface tells it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "emulator/testing/scene.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using testing::kind_of;
using testing::Scene;

constexpr const char* devices =
    "token,health,platform\na,living,android\nb,living,ios\nc,living,web\nd,apns_disabled,ios\n"
    "f,flaky_cut,android\n";

struct FanOut : ::testing::Test {
  Scene scene{Scene::listing(devices)};

  void subscribe(std::string_view topic, std::string_view letters) {
    for (const char registration : letters) {
      const auto path =
          fmt::format("/v1/projects/fanfare-demo/registrations/{}/topicSubscriptions?topic_name={}",
                      registration, topic);
      ASSERT_EQ(scene.call("POST", path, "{}").status, 200);
    }
  }
  /// Whom the last message reached.
  std::string reached() {
    std::string all;
    const auto messages = scene.admin("messages").at("messages").as_array();
    for (const auto& one : messages.at(0).at("reached").as_array()) all += one.as_string().c_str();
    return all;
  }
  std::string send(const char* target, const char* value) {
    const auto answer = scene.send(fmt::format(R"({{"message":{{"{}":"{}"}}}})", target, value));
    return kind_of(answer) == "200" ? reached() : kind_of(answer);
  }
};

TEST_F(FanOut, ReachesTheLivingSubscribersOfATopic) {
  subscribe("news", "abdf");
  EXPECT_EQ(send("topic", "news"), "abf") << "APNs has disabled d";
  EXPECT_EQ(send("topic", "sport"), "");
}

TEST_F(FanOut, ReachesThoseForWhomAConditionHolds) {
  subscribe("news", "ab");
  subscribe("sport", "bc");
  EXPECT_EQ(send("condition", "'news' in topics && 'sport' in topics"), "b");
  EXPECT_EQ(send("condition", "'news' in topics || 'sport' in topics"), "abc");
  EXPECT_EQ(send("condition", "!'news' in topics"), "c") << "who has no topic is not asked";
  EXPECT_EQ(send("condition", "'news' in topics &&"), "400");
}

TEST_F(FanOut, CountsByDeviceWithoutCallingItADuplicate) {
  subscribe("news", "ab");
  (void)send("topic", "news");
  (void)send("topic", "news");
  (void)scene.send(R"({"message":{"token":"a"}})");
  EXPECT_EQ(scene.call("GET", "/_emulator/devices?limit=2").body,
            "token,health,platform,accepted,requests,reached\n"
            "a,living,android,1,1,2\nb,living,ios,0,0,2\n");
  EXPECT_EQ(scene.admin("stats").at("duplicates"), 0);
  EXPECT_EQ(scene.admin("stats").at("reached"), 4);
  EXPECT_EQ(scene.admin("stats").at("accepted"), 3);
}

TEST_F(FanOut, LeavesNobodyReachedByADryRun) {
  subscribe("news", "a");
  const auto answer = scene.send(R"({"validate_only":true,"message":{"topic":"news"}})");
  EXPECT_EQ(kind_of(answer), "200");
  EXPECT_EQ(scene.admin("stats").at("reached"), 0);
}

TEST_F(FanOut, StartsAgainAfterAReset) {
  subscribe("news", "a");
  (void)send("topic", "news");
  (void)scene.call("POST", "/_emulator/reset", "");
  EXPECT_EQ(scene.admin("stats").at("reached"), 0);
  EXPECT_EQ(scene.call("GET", "/_emulator/devices?limit=1").body,
            "token,health,platform,accepted,requests,reached\na,living,android,0,0,0\n");
  EXPECT_EQ(send("topic", "news"), "a") << "subscriptions stay";
}

TEST_F(FanOut, NamesAThousandAndCountsAll) {
  Scene open;
  for (int i = 0; i < 1'001; ++i) {
    const auto path = fmt::format(
        "/v1/projects/fanfare-demo/registrations/c:{:040}/topicSubscriptions?topic_name=a", i);
    ASSERT_EQ(open.call("POST", path).status, 200);
  }
  EXPECT_EQ(kind_of(open.send(R"({"message":{"topic":"a"}})")), "200");
  const auto message = open.admin("messages").at("messages").at(0);
  EXPECT_EQ(message.at("reached").as_array().size(), 1'000U);
  EXPECT_EQ(message.at("reached_count"), 1'001);
}

}  // namespace
}  // namespace fanfare::emulator
