#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "gateway/testing/device_world.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;

class DeviceOperationsTest : public DeviceWorld {};

TEST_F(DeviceOperationsTest, RegistersAndRefreshes) {
  const auto first = put("t:1", R"({"user":"u","platform":"Android","tags":["news"]})");
  EXPECT_EQ(first.status, 201);
  EXPECT_TRUE(first.at("created").as_bool());
  EXPECT_EQ(first.at("device").at("platform"), "android");
  const auto second = post("devices", R"({"token":"t:1","locale":"de"})");
  EXPECT_EQ(second.status, 200);
  EXPECT_FALSE(second.at("created").as_bool());
  EXPECT_EQ(second.at("device").at("user"), "u");
  EXPECT_EQ(get("devices/t:1").at("locale"), "de");
}

TEST_F(DeviceOperationsTest, ARegistrationHasJustBeenSeen) {
  EXPECT_EQ(put("t").at("device").at("last_seen").as_string(), format_rfc3339(now_));
  EXPECT_EQ(put("u", R"({"last_seen":"2026-01-02T03:04:05Z"})").at("device").at("last_seen"),
            "2026-01-02T03:04:05Z");
}

TEST_F(DeviceOperationsTest, TheKindSaysThatItIsAnInstallation) {
  EXPECT_EQ(put("f1?kind=fid").at("device").at("fid"), "f1");
  EXPECT_EQ(post("devices", R"({"fid":"f2"})").at("device").at("fid"), "f2");
  EXPECT_EQ(get("devices/f1").at("fid"), "f1");
  EXPECT_EQ(put("f1?kind=uid").status, 400);
  EXPECT_EQ(put("f1", R"({"fid":"f2"})").status, 400);
}

TEST_F(DeviceOperationsTest, RefusesWhatIsNoFieldOfADevice) {
  for (const auto* body :
       {R"({"time_zone":"UTC"})", R"({"state":"retired"})", R"({"project":"q"})", R"([])", "{"}) {
    EXPECT_EQ(put("t", body).status, 400) << body;
  }
  EXPECT_EQ(put("t", R"({"time_zone":"UTC"})").at("error").at("field"), "time_zone");
  EXPECT_EQ(put("a%20b").status, 400) << "a token holds no blank";
  EXPECT_EQ(get("devices/t").status, 404);
}

// Many at once -----------------------------------------------------------------------------------

TEST_F(DeviceOperationsTest, TakesTheGoodOnesAndNamesTheBad) {
  const auto reply = post("devices:bulk", R"({"devices":[{"token":"a"},{"user":"u"},7,
      {"token":"b"},{"token":"c","usr":"u"}]})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.at("added"), 2);
  const auto& bad = reply.at("bad").as_array();
  ASSERT_EQ(bad.size(), 3U);
  EXPECT_EQ(bad[0].at("index"), 1);
  EXPECT_EQ(bad[1].at("index"), 2);
  EXPECT_EQ(bad[2].at("index"), 4);
  EXPECT_EQ(bad[2].at("field"), "usr");
  EXPECT_EQ(get("devices:count").at("total"), 2);
}

TEST_F(DeviceOperationsTest, TakesJsonLines) {
  const auto reply = ask("POST", "/v1/projects/p/devices:bulk",
                         "{\"token\":\"a\"}\n\n{\"token\":\"b\",\"token\":\"c\"}\nno\r\n"
                         "{\"fid\":\"f\"}",
                         "application/x-ndjson; charset=utf-8");
  EXPECT_EQ(reply.at("added"), 2);
  const auto& bad = reply.at("bad").as_array();
  ASSERT_EQ(bad.size(), 2U);
  EXPECT_EQ(bad[0].at("index"), 2) << "a name stands twice";
  EXPECT_EQ(bad[1].at("index"), 3);
}

TEST_F(DeviceOperationsTest, TakesTenThousandAndNotOneMore) {
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += fmt::format("{{\"token\":\"t{}\"}}\n", i);
  const auto bulk = [&] {
    return ask("POST", "/v1/projects/p/devices:bulk", lines, "application/x-ndjson");
  };
  EXPECT_EQ(bulk().at("added"), 10'000);
  lines += "{\"token\":\"more\"}";
  EXPECT_EQ(bulk().status, 400);
  EXPECT_EQ(get("devices/more").status, 404);
  EXPECT_EQ(post("devices:bulk", "{}").status, 400);
}

// Looking ----------------------------------------------------------------------------------------

TEST_F(DeviceOperationsTest, ListsInPages) {
  for (const auto* token : {"a", "b", "c"}) put(token);
  const auto first = get("devices?limit=2");
  EXPECT_EQ(first.at("devices").as_array().size(), 2U);
  const auto rest = get(fmt::format("devices?limit=2&after={}", first.at("after").as_int64()));
  ASSERT_EQ(rest.at("devices").as_array().size(), 1U);
  EXPECT_EQ(rest.at("devices").at(0).at("token"), "c");
  EXPECT_FALSE(rest.body.as_object().contains("after"));
}

TEST_F(DeviceOperationsTest, ListsByFilterAndUser) {
  put("a", R"({"user":"u \"1\"","platform":"ios"})");
  put("b", R"({"user":"v","platform":"ios"})");
  EXPECT_EQ(get("devices?filter=platform:ios").at("devices").as_array().size(), 2U);
  const auto of_user = get("devices?filter=platform:ios&user=u+%221%22").at("devices").as_array();
  ASSERT_EQ(of_user.size(), 1U);
  EXPECT_EQ(of_user[0].at("token"), "a");
}

TEST_F(DeviceOperationsTest, RefusesAFilterOrANumberThatCannotBeRead) {
  EXPECT_EQ(get("devices?filter=platform").status, 400);
  EXPECT_EQ(get("devices:count?filter=(").status, 400);
  EXPECT_EQ(get("devices?after=abc").at("error").at("field"), "after");
  EXPECT_EQ(get("devices?limit=-1").status, 400);
}

TEST_F(DeviceOperationsTest, CountsAndSumsUp) {
  put("a", R"({"platform":"ios"})");
  put("b", R"({"platform":"web"})");
  post("devices/b:retire");
  const auto counts = get("devices:count?filter=state:active");
  EXPECT_EQ(counts.at("total"), 1);
  EXPECT_EQ(counts.at("by_platform").at("ios"), 1);
  const auto stats = get("devices:stats");
  EXPECT_EQ(stats.at("total"), 2);
  EXPECT_EQ(stats.at("by_state").at("retired"), 1);
}

// Another project's devices ----------------------------------------------------------------------

class ForeignDevice : public DeviceWorld {
 protected:
  ForeignDevice() {
    ask("PUT", "/v1/projects/q/devices/t", R"({"user":"secret","platform":"ios"})");
    put("mine");
  }
};

TEST_F(ForeignDevice, IsNotSeen) {
  EXPECT_EQ(get("devices/t").status, 404);
  EXPECT_EQ(get("devices/t/history").status, 404);
  EXPECT_EQ(get("devices").at("devices").as_array().size(), 1U);
  EXPECT_EQ(get("devices:count").at("total"), 1);
  EXPECT_EQ(get("devices:stats").at("total"), 1);
}

TEST_F(ForeignDevice, IsNotSeenThroughAFilterThatEndsTheParentheses) {
  EXPECT_EQ(get("devices?filter=all)+or+(all").status, 400);
  EXPECT_EQ(get("devices?filter=all+or+project:q").at("devices").as_array().size(), 1U);
  EXPECT_EQ(ask("GET", "/v1/projects/%22%20or%20all/devices").at("devices").as_array().size(), 0U);
}

TEST_F(ForeignDevice, IsNotChanged) {
  for (const auto* verb : {"touch", "retire", "restore"}) {
    EXPECT_EQ(post(fmt::format("devices/t:{}", verb)).status, 404) << verb;
  }
  EXPECT_EQ(ask("DELETE", "/v1/projects/p/devices/t").status, 404);
  EXPECT_EQ(ask("GET", "/v1/projects/q/devices/t").at("state"), "active");
}

TEST_F(ForeignDevice, IsNotTakenOver) {
  EXPECT_EQ(put("t", R"({"user":"thief"})").status, 409);
  const auto bulk = post("devices:bulk", R"({"devices":[{"token":"t"},{"token":"new"}]})");
  EXPECT_EQ(bulk.at("added"), 1);
  EXPECT_EQ(bulk.at("bad").at(0).at("index"), 0);
  EXPECT_EQ(ask("GET", "/v1/projects/q/devices/t").at("user"), "secret");
}

// Changing ---------------------------------------------------------------------------------------

TEST_F(DeviceOperationsTest, RetiresAndRestores) {
  put("t", R"({"user":"u","platform":"ios"})");
  EXPECT_TRUE(post("devices/t:retire").at("changed").as_bool());
  EXPECT_FALSE(post("devices/t:retire").at("changed").as_bool());
  EXPECT_EQ(get("devices/t").at("state"), "retired");
  EXPECT_TRUE(post("devices/t:restore").at("changed").as_bool());
  EXPECT_EQ(get("devices/t").at("state"), "active");
  const auto history = get("devices/t/history").at("events").as_array();
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].at("cause"), "retire");
  EXPECT_EQ(history[1].at("cause"), "restore");
}

TEST_F(DeviceOperationsTest, UnregisteredIsRetiredAndItsHistoryStays) {
  put("t");
  EXPECT_EQ(ask("DELETE", "/v1/projects/p/devices/t").at("state"), "retired");
  EXPECT_EQ(get("devices/t/history").at("events").as_array().size(), 1U);
}

TEST_F(DeviceOperationsTest, TellsOnceThatADeviceIsRetired) {
  put("t", R"({"user":"u"})");
  post("devices/t:retire");
  post("devices/t:retire");
  const auto told = events();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].type, "device.retired");
  EXPECT_EQ(told[0].project, "p");
}

TEST_F(DeviceOperationsTest, WritesDownWhatWasDoneWithoutTheRegistration) {
  put("token-of-somebody");
  post("devices/token-of-somebody:retire");
  ASSERT_EQ(audit_.size(), 1U);
  EXPECT_TRUE(audit_[0].starts_with("device.retire p #")) << audit_[0];
  EXPECT_EQ(audit_[0].find("token-of-somebody"), std::string::npos);
}

TEST_F(DeviceOperationsTest, ATouchRevivesWhatWasRetired) {
  put("t");
  post("devices/t:retire");
  now_ += 1h;
  EXPECT_TRUE(post("devices/t:touch").at("revived").as_bool());
  EXPECT_EQ(get("devices/t").text("last_seen"), format_rfc3339(now_));
  EXPECT_EQ(post("devices/unknown:touch").status, 404);
}

TEST_F(DeviceOperationsTest, ARegistrationRevivesWhatWasRetired) {
  put("t");
  post("devices/t:retire");
  now_ += 1h;
  EXPECT_TRUE(put("t").at("revived").as_bool());
  EXPECT_EQ(get("devices/t").at("state"), "active");
}

TEST_F(DeviceOperationsTest, ErasesAUser) {
  put("a", R"({"user":"u"})");
  put("b", R"({"user":"v"})");
  EXPECT_EQ(ask("DELETE", "/v1/projects/p/users/u").at("devices"), 1);
  EXPECT_EQ(get("devices/a").status, 404);
  EXPECT_EQ(get("devices/b").status, 200);
}

// A user's devices may belong to projects that the key must not touch.
TEST_F(DeviceOperationsTest, AKeyOfSomeProjectsErasesNobody) {
  put("a", R"({"user":"u"})");
  caller_.key.emplace();
  caller_.key->scopes = {queue::Scope::admin};
  caller_.key->projects = {"p"};
  EXPECT_EQ(ask("DELETE", "/v1/projects/p/users/u").status, 403);
  EXPECT_EQ(get("devices/a").status, 200);
}

// The brake --------------------------------------------------------------------------------------

TEST_F(DeviceOperationsTest, ShowsAndSettlesTheBrake) {
  EXPECT_TRUE(get("brake").at("brakes").as_array().empty());
  EXPECT_EQ(post("brake:release").at("devices"), 0);
  EXPECT_EQ(post("brake:confirm", R"({"platform":"ios","rule":"token.unregistered"})").status, 200);
  EXPECT_EQ(post("brake:confirm", R"({"platfrom":"ios"})").status, 400);
  EXPECT_EQ(audit_, (std::vector<std::string>{"brake.release p all",
                                              "brake.confirm p token.unregistered"}));
}

}  // namespace
}  // namespace fanfare::gateway
