#include "emulator/groups.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "emulator/testing/scene.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using testing::body_of;
using testing::kind_of;
using testing::Scene;

constexpr const char* path = "/fcm/notification";
constexpr const char* devices =
    "token,health\na,living\nb,living\nu,unregistered\nm,malformed\nd,apns_disabled\n";

struct Groups : ::testing::Test {
  Scene scene{Scene::listing(devices)};
  http2::Headers headers{{"access_token_auth", "true"}, {"project_id", "123456789012"}};

  http2::Response order(const char* operation, const char* name, const std::string& key,
                        json::array ids) {
    json::object body{{"operation", operation}, {"registration_ids", std::move(ids)}};
    if (*name != '\0') body["notification_key_name"] = name;
    if (!key.empty()) body["notification_key"] = key;
    return scene.call("POST", path, json::serialize(body), headers);
  }
  std::string create(const char* name, json::array ids) {
    return key_in(order("create", name, "", std::move(ids)));
  }
  http2::Response retrieve(const char* name) {
    return scene.call("GET", fmt::format("{}?notification_key_name={}", path, name), "{}", headers);
  }
  static std::string key_in(const http2::Response& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    const auto body = body_of(response);
    const auto* key = body.if_contains("notification_key");
    return key != nullptr ? std::string(key->as_string()) : std::string();
  }
  http2::Response send(const std::string& key) {
    return scene.send(fmt::format(R"({{"message":{{"token":"{}"}}}})", key));
  }
  /// Whom the last message reached.
  std::string reached() {
    std::string all;
    const auto messages = scene.admin("messages").at("messages").as_array();
    for (const auto& one : messages.at(0).at("reached").as_array()) {
      all += std::string(one.as_string()) + " ";
    }
    return all;
  }
};

void expect_flat(const http2::Response& response, int status, std::string_view error) {
  EXPECT_EQ(response.status, status);
  EXPECT_EQ(body_of(response), (json::object{{"error", error}}));
}

TEST_F(Groups, ReachesTheLivingMembers) {
  const auto key = create("chris", {"a", "b", "u", "m", "nonsense", "d"});
  EXPECT_EQ(kind_of(send(key)), "200");
  EXPECT_EQ(reached(), "a b ");
  EXPECT_EQ(scene.admin("stats").at("accepted"), 1) << "one message, whoever it reaches";
}

TEST_F(Groups, GivesAnotherGoodKeyEachTime) {
  const auto first = create("chris", {"a"});
  const auto second = key_in(retrieve("chris"));
  EXPECT_NE(first, second);
  for (const auto& key : {first, second}) EXPECT_EQ(kind_of(send(key)), "200");
}

TEST_F(Groups, AddsAndRemoves) {
  const auto key = create("chris", {"a"});
  EXPECT_EQ(order("add", "chris", key, {"b", "u"}).status, 200);
  (void)send(key);
  EXPECT_EQ(reached(), "a b ");
  EXPECT_EQ(order("remove", "", key, {"a"}).status, 200);
  (void)send(key);
  EXPECT_EQ(reached(), "b ");
}

TEST_F(Groups, EndsWithItsLastMember) {
  const auto key = create("chris", {"a"});
  EXPECT_EQ(order("remove", "chris", key, {"a"}).status, 200);
  EXPECT_EQ(kind_of(send(key)), "404 UNREGISTERED");
  expect_flat(retrieve("chris"), 400, "notification_key not found");
  expect_flat(order("add", "", key, {"b"}), 400, "notification_key not found");
  EXPECT_EQ(order("create", "chris", "", {"b"}).status, 200) << "the name is free again";
}

TEST_F(Groups, RefusesOnlyDeadMembers) {
  expect_flat(order("create", "chris", "", {"u", "m"}), 400, "no valid registration ids");
  const auto key = create("chris", {"a"});
  expect_flat(order("add", "", key, {"u"}), 400, "no valid registration ids");
  expect_flat(order("remove", "", key, {"b"}), 400, "no valid registration ids");
}

TEST_F(Groups, RefusesATakenNameAndWrongKeys) {
  const auto key = create("chris", {"a"});
  expect_flat(order("create", "chris", "", {"b"}), 400, "notification_key already exists");
  expect_flat(order("add", "sam", key, {"b"}), 400, "notification_key not found");
  expect_flat(order("add", "", "APA91b", {"b"}), 400, "notification_key not found");
  auto forged = key;
  forged.back() = forged.back() == 'A' ? 'B' : 'A';
  expect_flat(order("add", "", forged, {"b"}), 400, "notification_key not found");
  expect_flat(retrieve("sam"), 400, "notification_key not found");
}

TEST_F(Groups, TakesTwentyMembers) {
  Scene open;  // Without a list, so that any plausible token lives.
  json::array ids;
  for (char c = 'a'; c < 'a' + 21; ++c) ids.emplace_back(testing::token_of(c));
  const auto post = [&](const char* name) {
    const json::object body{
        {"operation", "create"}, {"notification_key_name", name}, {"registration_ids", ids}};
    return open.call("POST", path, json::serialize(body), headers).status;
  };
  EXPECT_EQ(post("x"), 400);
  ids.pop_back();
  EXPECT_EQ(post("x"), 200);
}

TEST_F(Groups, RefusesBadRequests) {
  expect_flat(order("create", "", "", {"a"}), 400, "INVALID_ARGUMENT");
  expect_flat(order("merge", "chris", "", {"a"}), 400, "INVALID_ARGUMENT");
  expect_flat(order("create", "chris", "", {1}), 400, "INVALID_ARGUMENT");
  expect_flat(scene.call("POST", path, "{", headers), 400, "INVALID_ARGUMENT");
  expect_flat(scene.call("POST", path, "{}", headers), 400, "INVALID_ARGUMENT");
}

TEST_F(Groups, AsksForItsHeaders) {
  headers = {{"project_id", "123456789012"}};
  expect_flat(retrieve("chris"), 401, "Unauthorized");
  headers = {{"access_token_auth", "true"}};
  expect_flat(retrieve("chris"), 400, "INVALID_ARGUMENT");
  headers = {{"access_token_auth", "true"}, {"project_id", "1"}};
  expect_flat(retrieve("chris"), 403, "PERMISSION_DENIED");
}

TEST_F(Groups, CountsWhatReachedEachMember) {
  const auto key = create("chris", {"a", "b"});
  (void)send(key);
  (void)send(key);
  EXPECT_EQ(scene.call("GET", "/_emulator/devices?limit=1").body,
            "token,health,platform,accepted,requests,reached\na,living,,0,0,2\n");
  EXPECT_EQ(scene.admin("stats").at("duplicates"), 0);
}

}  // namespace
}  // namespace fanfare::emulator
