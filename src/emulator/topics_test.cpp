#include "emulator/topics.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "emulator/testing/scene.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::body_of;
using testing::kind_of;
using testing::Scene;

constexpr const char* devices =
    "token,health\nalive,living\nu,unregistered\nm,malformed\nw,wrong_sender\nd,apns_disabled\n";

std::string path_of(std::string_view registration, std::string_view more = "") {
  return fmt::format("/v1/projects/fanfare-demo/registrations/{}/topicSubscriptions{}",
                     registration, more);
}

http2::Response subscribe(Scene& scene, std::string_view registration, std::string_view topic) {
  return scene.call("POST", path_of(registration, fmt::format("?topic_name={}", topic)), "{}");
}

TEST(Topics, CreatesASubscription) {
  Scene scene;
  const auto token = testing::token_of('c');
  const auto encoded = std::string(22, 'c') + "%3AAPA91b" + std::string(134, 'c');
  const auto answer = subscribe(scene, encoded, "news");
  ASSERT_EQ(answer.status, 200);
  const json::object wanted{
      {"name",
       fmt::format("projects/fanfare-demo/registrations/{}/topicSubscriptions/news", token)},
      {"topicName", "news"},
      {"createTime", "2026-11-24T06:00:00Z"}};
  EXPECT_EQ(body_of(answer), wanted);
  EXPECT_EQ(scene.call("GET", path_of(token, "/news")).status, 200) << "the colon may stand bare";
}

TEST(Topics, TakesBothSpellingsOfAName) {
  Scene scene(Scene::listing(devices));
  EXPECT_EQ(scene.call("POST", path_of("alive", "?topicName=a")).status, 200);
  EXPECT_EQ(scene.call("DELETE", path_of("alive", "/b?allowMissing=true")).status, 200);
}

TEST(Topics, SaysThatASubscriptionIsThereAlready) {
  Scene scene(Scene::listing(devices));
  EXPECT_EQ(subscribe(scene, "alive", "news").status, 200);
  const auto answer = subscribe(scene, "alive", "news");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(body_of(answer).at("error").at("status"), "ALREADY_EXISTS");
}

TEST(Topics, RefusesDevicesAsASendWould) {
  Scene scene(Scene::listing(devices));
  for (const auto& [registration, kind] :
       {std::pair{"u", "404 UNREGISTERED"}, std::pair{"m", "400 INVALID_ARGUMENT"},
        std::pair{"nonsense", "400 INVALID_ARGUMENT"}, std::pair{"w", "403 SENDER_ID_MISMATCH"},
        std::pair{"d", "200"}}) {
    EXPECT_EQ(kind_of(subscribe(scene, registration, "news")), kind) << registration;
  }
  scene.set(R"({"fault":"outage_404","outage_share":1})");
  EXPECT_EQ(kind_of(subscribe(scene, "alive", "news")), "404 UNREGISTERED");
}

TEST(Topics, RefusesBadNames) {
  Scene scene(Scene::listing(devices));
  for (const auto* topic : {"", "a%20b", "%2Ftopics%2Fa"}) {
    EXPECT_EQ(kind_of(subscribe(scene, "alive", topic)), "400 INVALID_ARGUMENT") << topic;
  }
  EXPECT_EQ(kind_of(scene.call("POST", path_of("alive"))), "400 INVALID_ARGUMENT");
  EXPECT_EQ(kind_of(scene.call("GET", path_of("alive", "/a%21"))), "400 INVALID_ARGUMENT");
  EXPECT_EQ(kind_of(subscribe(scene, "alive", std::string(901, 'a'))), "400 INVALID_ARGUMENT");
}

TEST(Topics, RefusesABodyThatIsNoObject) {
  Scene scene(Scene::listing(devices));
  for (const auto* body : {"{", "[]", "null"}) {
    EXPECT_EQ(kind_of(scene.call("POST", path_of("alive", "?topic_name=a"), body)), "400") << body;
  }
}

TEST(Topics, StopsAtTwoThousand) {
  Scene scene(Scene::listing(devices));
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_EQ(subscribe(scene, "alive", std::to_string(i)).status, 200);
  }
  EXPECT_EQ(kind_of(subscribe(scene, "alive", "more")), "400 TOO_MANY_TOPICS");
  EXPECT_EQ(subscribe(scene, "alive", "7").status, 409);
  EXPECT_EQ(subscribe(scene, "d", "more").status, 200);
}

TEST(Topics, DeletesOnceOrAsOftenAsAllowed) {
  Scene scene(Scene::listing(devices));
  (void)subscribe(scene, "alive", "news");
  const auto answer = scene.call("DELETE", path_of("alive", "/news"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(body_of(answer), json::object{});
  EXPECT_EQ(kind_of(scene.call("DELETE", path_of("alive", "/news"))), "404");
  EXPECT_EQ(scene.call("DELETE", path_of("alive", "/news?allow_missing=true")).status, 200);
  EXPECT_EQ(kind_of(scene.call("DELETE", path_of("u", "/news?allow_missing=true"))),
            "404 UNREGISTERED");
}

TEST(Topics, GetsOne) {
  Scene scene(Scene::listing(devices));
  (void)subscribe(scene, "alive", "news");
  EXPECT_EQ(body_of(scene.call("GET", path_of("alive", "/news"))).at("topicName"), "news");
  EXPECT_EQ(kind_of(scene.call("GET", path_of("alive", "/sport"))), "404");
}

TEST(Topics, PatchesIntoBeing) {
  Scene scene(Scene::listing(devices));
  EXPECT_EQ(kind_of(scene.call("PATCH", path_of("alive", "/news"), "{}")), "404");
  const auto made = scene.call("PATCH", path_of("alive", "/news?allow_missing=true"), "{}");
  EXPECT_EQ(made.status, 200);
  scene.now += 1h;
  const auto kept = scene.call("PATCH", path_of("alive", "/news?allow_missing=true"), "{}");
  EXPECT_EQ(kept.body, made.body);
}

TEST(Topics, ListsPageByPage) {
  Scene scene(Scene::listing(devices));
  EXPECT_EQ(body_of(scene.call("GET", path_of("alive"))), json::object{});
  for (const auto* topic : {"c", "a~%25", "b"}) (void)subscribe(scene, "alive", topic);
  std::string found;
  std::string token;
  int pages = 0;
  do {
    const auto page =
        body_of(scene.call("GET", path_of("alive", "?pageSize=2&pageToken=" + token)));
    for (const auto& one : page.at("topicSubscriptions").as_array()) {
      found += std::string(one.at("topicName").as_string()) + " ";
    }
    const auto* next = page.if_contains("nextPageToken");
    token = next != nullptr ? std::string(next->as_string()) : std::string();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(found, "a~% b c ");
  EXPECT_EQ(pages, 2);
}

TEST(Topics, RefusesBadPages) {
  Scene scene(Scene::listing(devices));
  for (const auto* query : {"?pageSize=-1", "?pageSize=x", "?pageToken=zz", "?pageToken=a"}) {
    EXPECT_EQ(kind_of(scene.call("GET", path_of("alive", query))), "400 INVALID_ARGUMENT") << query;
  }
}

TEST(Topics, GivesAThousandUnlessAskedForMore) {
  Scene scene(Scene::listing(devices));
  for (int i = 0; i < 1'500; ++i) (void)subscribe(scene, "alive", std::to_string(i));
  const auto count = [&](const char* query) {
    const auto page = body_of(scene.call("GET", path_of("alive", query)));
    return page.at("topicSubscriptions").as_array().size();
  };
  EXPECT_EQ(count(""), 1'000U);
  EXPECT_EQ(count("?page_size=999999"), 1'500U);
}

TEST(Topics, ObeysTheProjectAndItsFaults) {
  Scene scene(Scene::listing(devices));
  const auto* elsewhere = "/v1/projects/other/registrations/alive/topicSubscriptions";
  EXPECT_EQ(scene.call("GET", elsewhere).status, 403);
  for (const auto& [fault, status] : {std::pair{"unauthenticated", 401}, std::pair{"iam", 403},
                                      std::pair{"html_502", 502}, std::pair{"service_503", 503}}) {
    scene.set(fmt::format(R"({{"fault":"{}"}})", fault).c_str());
    EXPECT_EQ(scene.call("GET", path_of("alive")).status, status) << fault;
  }
}

TEST(Topics, CountsBesideMessages) {
  Scene scene(Scene::listing(devices));
  (void)subscribe(scene, "alive", "news");
  (void)subscribe(scene, "alive", "news");
  const auto stats = scene.admin("stats");
  EXPECT_EQ(stats.at("requests"), 0);
  EXPECT_EQ(stats.at("neighbour_requests"), 2);
  EXPECT_EQ(stats.at("neighbour_answers").at("409"), 1);
}

TEST(Topics, LeavesWhatIsNotTheirsToTheFrontEnd) {
  Scene scene(Scene::listing(devices));
  EXPECT_EQ(scene.call("GET", "/v1/projects/%FF/registrations/a/topicSubscriptions").status, 404);
  EXPECT_EQ(scene.call("PUT", path_of("alive", "/news")).status, 404);
  EXPECT_EQ(scene.call("DELETE", path_of("alive")).status, 404);
}

}  // namespace
}  // namespace fanfare::emulator
