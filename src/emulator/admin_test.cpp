// The interface for scripts: inboxes, changes, phones and what a test may do to them.
#include <boost/json/serialize.hpp>
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
using testing::token_of;

struct Admin : ::testing::Test {
  Scene scene;
  const std::string token = token_of('c');

  std::string send(std::string_view target, std::string_view more = "") {
    return kind_of(scene.send(fmt::format(
        R"({{"message":{{"token":"{}","notification":{{"title":"Hello"}}{}}}}})", target, more)));
  }
  http2::Response post(const std::string& what, std::string body = "{}") {
    return scene.call("POST", "/_emulator/" + what, std::move(body));
  }
  http2::Response act(const std::string& device, const std::string& action,
                      std::string body = "{}") {
    return post("devices/" + device + "/" + action, std::move(body));
  }
  std::string register_phone(std::string body) {
    const auto answer = post("devices", std::move(body));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return std::string(body_of(answer).at("device").as_string());
  }
  json::array inbox(const std::string& query) {
    return scene.admin("inbox?" + query).at("deliveries").as_array();
  }
  /// The outcomes in a device's inbox, oldest first.
  std::string outcomes(const std::string& device) {
    std::string all;
    for (const auto& one : inbox("device=" + device)) {
      all += all.empty() ? "" : " ";
      all += one.at("outcome").as_string().c_str();
    }
    return all;
  }
};

TEST_F(Admin, AnInboxHoldsWhatTheDeviceWouldShow) {
  EXPECT_EQ(send(token, R"(,"data":{"k":"v"},"android":{"notification":{"body":"B"}})"), "200");
  const auto all = inbox("device=" + token);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(json::serialize(all[0].at("shown")), R"({"title":"Hello","body":"B"})");
  EXPECT_EQ(json::serialize(all[0].at("data")), R"({"k":"v"})");
  EXPECT_EQ(all[0].at("outcome"), "delivered");
  EXPECT_TRUE(all[0].at("via").is_null());
  EXPECT_EQ(all[0].at("ttl_s"), 2'419'200);
}

TEST_F(Admin, ADryRunReachesNobody) {
  (void)scene.send(fmt::format(R"({{"validate_only":true,"message":{{"token":"{}"}}}})", token));
  EXPECT_TRUE(inbox("device=" + token).empty());
}

TEST_F(Admin, InboxesAreReadByTopicAndByUser) {
  const auto ann = register_phone(R"({"platform":"ios","user":"ann"})");
  (void)scene.call(
      "POST",
      fmt::format("/v1/projects/fanfare-demo/registrations/{}/topicSubscriptions?topic_name=news",
                  ann),
      "{}");
  (void)scene.send(R"({"message":{"topic":"news","notification":{"title":"N"}}})");
  EXPECT_EQ(send(token), "200");
  const auto by_topic = inbox("topic=news");
  ASSERT_EQ(by_topic.size(), 1U);
  EXPECT_EQ(by_topic[0].at("device").as_string(), ann);
  EXPECT_EQ(json::serialize(by_topic[0].at("via")), R"({"topic":"news"})");
  EXPECT_EQ(inbox("user=ann").size(), 1U);
  EXPECT_EQ(inbox("user=bob").size(), 0U);
  EXPECT_EQ(scene.call("GET", "/_emulator/inbox").status, 400);
}

TEST_F(Admin, WhoWaitsIsPatientUntilEnoughHasArrived) {
  http2::Request request;
  request.path = "/_emulator/inbox?device=" + token + "&wait_s=5&count=2";
  EXPECT_EQ(scene.world.answer(request, scene.now).patience, 5s);
  EXPECT_EQ(send(token), "200");
  EXPECT_EQ(scene.world.answer(request, scene.now).patience, 5s);
  EXPECT_EQ(send(token), "200");
  EXPECT_EQ(scene.world.answer(request, scene.now).patience, 0s);
  request.path = "/_emulator/inbox?device=x&wait_s=100000";
  EXPECT_EQ(scene.world.answer(request, scene.now).patience, 60s) << "a minute at most";
}

TEST_F(Admin, ChangesTellWhatIsNewSinceTheLastTime) {
  const auto start = scene.admin("changes?after=0").at("next").to_number<std::uint64_t>();
  EXPECT_EQ(send(token), "200");
  EXPECT_EQ(send("nonsense"), "400 INVALID_ARGUMENT");
  const auto changes = scene.admin(fmt::format("changes?after={}", start));
  EXPECT_EQ(changes.at("deliveries").as_array().size(), 1U);
  const auto& requests = changes.at("requests").as_array();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].at("kind"), "400 INVALID_ARGUMENT");
  EXPECT_EQ(requests[1].at("target").at("token"), "nonsense");
  EXPECT_FALSE(requests[1].at("meaning").as_string().empty());
  EXPECT_FALSE(changes.at("missed").as_bool());
  EXPECT_FALSE(changes.at("faults_changed").as_bool());
  scene.set(R"({"fault":"html_404"})");
  const auto next = changes.at("next").to_number<std::uint64_t>();
  EXPECT_TRUE(scene.admin(fmt::format("changes?after={}", next)).at("faults_changed").as_bool());
}

TEST_F(Admin, ANewPhoneIsAChange) {
  const auto start = scene.admin("changes").at("next").to_number<std::uint64_t>();
  (void)register_phone(R"({"platform":"web"})");
  const auto changes = scene.admin(fmt::format("changes?after={}", start));
  EXPECT_TRUE(changes.at("phones_changed").as_bool());
}

TEST_F(Admin, WhoMissedChangesIsTold) {
  const auto start = scene.admin("changes").at("next").to_number<std::uint64_t>() + 1;
  EXPECT_EQ(send(token), "200");
  (void)post("reset");
  EXPECT_TRUE(scene.admin(fmt::format("changes?after={}", start)).at("missed").as_bool());
  EXPECT_TRUE(scene.admin("changes?after=99999999").at("missed").as_bool())
      << "from an emulator that was there before";
}

TEST_F(Admin, RequestsAreExplainedWithTheFaultThatStruck) {
  scene.set(R"({"fault":"api_disabled"})");
  EXPECT_EQ(send(token), "403");
  const auto log = scene.admin("requests?limit=1").at("requests").as_array();
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].at("fault"), "api_disabled");
  EXPECT_EQ(log[0].at("plane"), "send");
}

TEST_F(Admin, TheLogIsJsonWhateverWasAskedFor) {
  (void)scene.call("PO\xffST", "/no\xcetification");
  const auto log = scene.admin("requests?limit=1").at("requests").as_array();
  EXPECT_EQ(log.at(0).at("path"), "/no?tification");
  EXPECT_EQ(log.at(0).at("method"), "PO?ST");
}

TEST_F(Admin, A400IsExplainedByWhatItBlames) {
  const auto meaning = [&] {
    const auto log = scene.admin("requests?limit=1").at("requests").as_array();
    return std::string(log.at(0).at("meaning").as_string());
  };
  EXPECT_EQ(send("nonsense"), "400 INVALID_ARGUMENT");
  EXPECT_NE(meaning().find("registration is malformed"), std::string::npos) << meaning();
  EXPECT_EQ(send(token, R"(,"data":{"from":"x"})"), "400 INVALID_ARGUMENT");
  EXPECT_NE(meaning().find("message is not valid"), std::string::npos) << meaning();
  const auto phone = register_phone(R"({"platform":"ios"})");
  (void)act(phone, "disable-apns");
  EXPECT_EQ(send(phone), "400 INVALID_ARGUMENT");
  EXPECT_NE(meaning().find("APNs knows the device no more"), std::string::npos) << meaning();
  const auto log = scene.admin("requests?limit=1").at("requests").as_array();
  EXPECT_EQ(log[0].at("text"), "APNs device token is disabled.");
  EXPECT_EQ(log[0].at("field"), "Unregistered");
}

// --- phones ---

TEST_F(Admin, APhoneIsRegisteredWithWhatIsSaidOfIt) {
  const auto answer = post("devices", R"({"platform":"android","user":"u","app":"com.x",
                                          "kind":"fid","online":false})");
  const auto phone = body_of(answer);
  EXPECT_EQ(phone.at("kind"), "fid");
  EXPECT_EQ(phone.at("device").as_string().size(), 22U);
  EXPECT_EQ(phone.at("user"), "u");
  EXPECT_EQ(phone.at("app"), "com.x");
  EXPECT_FALSE(phone.at("online").as_bool());
  EXPECT_EQ(scene.admin("phones?user=u").at("phones").as_array().size(), 1U);
}

TEST_F(Admin, WhatCannotBeRegisteredIsRefusedWithARemedy) {
  const std::pair<const char*, int> cases[] = {
      {R"({"platform":"symbian"})", 400},
      {R"({"platform":"ios","kind":"pager"})", 400},
      {R"({"platform":"ios","registration":"short"})", 400},
      {"[]", 400},
      {"{", 400},
  };
  for (const auto& [body, status] : cases) {
    const auto answer = post("devices", body);
    EXPECT_EQ(answer.status, status) << body;
    EXPECT_FALSE(body_of(answer).at("remedy").as_string().empty());
  }
}

TEST_F(Admin, MessagesWaitForAPhoneThatIsOffline) {
  const auto phone = register_phone(R"({"platform":"android"})");
  (void)act(phone, "offline");
  EXPECT_EQ(send(phone), "200");
  EXPECT_EQ(send(phone, R"(,"android":{"ttl":"0s"})"), "200");
  EXPECT_EQ(outcomes(phone), "pending expired");
  EXPECT_EQ(body_of(act(phone, "online")).at("pending"), 0);
  EXPECT_EQ(outcomes(phone), "delivered expired");
}

TEST_F(Admin, DeliveryDataFollowsWhatBecameOfAMessage) {
  const auto phone = register_phone(R"({"platform":"android"})");
  const auto labelled = R"(,"fcm_options":{"analytics_label":"l"},"android":{"ttl":"60s"})";
  const auto outcomes_of_label = [&] {
    const auto data = body_of(
        scene.call("GET", "/v1beta1/projects/fanfare-demo/androidApps/1:2:android:3/deliveryData"));
    return json::serialize(
        data.at("androidDeliveryData").as_array().at(0).at("data").at("messageOutcomePercents"));
  };
  (void)act(phone, "offline");
  EXPECT_EQ(send(phone, labelled), "200");
  EXPECT_NE(outcomes_of_label().find(R"("pending":1E2)"), std::string::npos);
  (void)post("clock", R"({"advance_s":60})");
  EXPECT_EQ(outcomes(phone), "expired");
  EXPECT_NE(outcomes_of_label().find(R"("droppedTtlExpired":1E2)"), std::string::npos)
      << outcomes_of_label();
}

TEST_F(Admin, TimeCanBeMovedAhead) {
  const auto phone = register_phone(R"({"platform":"android"})");
  (void)act(phone, "offline");
  EXPECT_EQ(send(phone, R"(,"android":{"ttl":"3600s"})"), "200");
  EXPECT_EQ(post("clock", R"({"advance_s":3600})").status, 200);
  EXPECT_EQ(outcomes(phone), "expired");
  EXPECT_EQ(scene.admin("clock").at("ahead_s"), 3'600);
  EXPECT_EQ(post("clock", R"({"advance_s":-1})").status, 400);

  (void)post("clock", R"({"advance_s":2592000})");
  EXPECT_EQ(send(phone), "200");
  EXPECT_EQ(outcomes(phone), "expired dropped_inactive");
  (void)post("clock", R"({"advance_s":20736000})");
  EXPECT_EQ(send(phone), "404 UNREGISTERED") << "270 days";
  EXPECT_EQ(
      post("devices", fmt::format(R"({{"platform":"android","registration":"{}"}})", phone)).status,
      409)
      << "a token does not come back";
}

TEST_F(Admin, AFidComesBack) {
  const auto phone = register_phone(R"({"platform":"android","kind":"fid"})");
  const auto to_fid = fmt::format(R"({{"message":{{"fid":"{}"}}}})", phone);
  (void)act(phone, "expire");
  EXPECT_EQ(kind_of(scene.send(to_fid)), "404 UNREGISTERED");
  (void)register_phone(fmt::format(R"({{"platform":"android","registration":"{}"}})", phone));
  EXPECT_EQ(kind_of(scene.send(to_fid)), "200");
}

TEST_F(Admin, UninstallingIsNoticedAtTheNextMessage) {
  const auto phone = register_phone(R"({"platform":"ios"})");
  (void)act(phone, "uninstall", R"({"accepted_before_404":2})");
  EXPECT_EQ(send(phone), "200");
  EXPECT_EQ(send(phone), "200");
  EXPECT_EQ(send(phone), "404 UNREGISTERED");
  EXPECT_EQ(outcomes(phone), "dropped_uninstalled dropped_uninstalled");
}

TEST_F(Admin, RotatingAndMigratingLeaveADeadRegistrationBehind) {
  const auto first = register_phone(R"({"platform":"android","user":"ann"})");
  const auto second = std::string(body_of(act(first, "rotate")).at("device").as_string());
  EXPECT_NE(second, first);
  EXPECT_EQ(send(first), "404 UNREGISTERED");
  EXPECT_EQ(send(second), "200");
  const auto third = body_of(act(second, "migrate"));
  EXPECT_EQ(third.at("kind"), "fid");
  EXPECT_EQ(third.at("user"), "ann");
  EXPECT_EQ(send(second), "404 UNREGISTERED");
}

TEST_F(Admin, ADeviceTakesAnyHealth) {
  const auto phone = register_phone(R"({"platform":"ios"})");
  (void)act(phone, "disable-apns");
  EXPECT_EQ(send(phone), "400 INVALID_ARGUMENT");
  (void)act(phone, "disable-apns", R"({"as":"404"})");
  EXPECT_EQ(send(phone), "404 UNREGISTERED");
  (void)act(phone, "health", R"({"health":"wrong_sender"})");
  EXPECT_EQ(send(phone), "403 SENDER_ID_MISMATCH");
  (void)act(phone, "health", R"({"health":"living"})");
  EXPECT_EQ(send(phone), "200");
  EXPECT_EQ(act(phone, "health", R"({"health":"tired"})").status, 400);
  EXPECT_EQ(act(phone, "fly").status, 404);
  EXPECT_EQ(act("nobody", "online").status, 404);
}

TEST_F(Admin, GeneratedDevicesCanBeChangedToo) {
  WorldOptions options;
  options.devices = DeviceBook(GeneratorOptions{.count = 10, .seed = 2});
  Scene made(std::move(options));
  const auto device = made.world.devices().registration(3);
  const auto path = "/_emulator/devices/" + device + "/expire";
  ASSERT_EQ(made.call("POST", path, "{}").status, 200);
  EXPECT_EQ(kind_of(made.send(fmt::format(R"({{"message":{{"token":"{}"}}}})", device))),
            "404 UNREGISTERED");
  EXPECT_EQ(made.admin("stats").at("devices_by_health").at("unregistered"), 1);
}

TEST_F(Admin, BadgesCountUntilTheyAreRead) {
  const auto phone = register_phone(R"({"platform":"android"})");
  const auto badge = [&] {
    return json::serialize(scene.admin("phones").at("phones").as_array().at(0).at("badge"));
  };
  EXPECT_EQ(badge(), "null");
  EXPECT_EQ(send(phone), "200");
  EXPECT_EQ(send(phone), "200");
  EXPECT_EQ(badge(), "2");
  (void)act(phone, "read");
  EXPECT_EQ(badge(), "null");
  EXPECT_EQ(send(phone, R"(,"android":{"notification":{"notification_count":9}})"), "200");
  EXPECT_EQ(badge(), "9");
}

// --- limits ---

TEST_F(Admin, ADeviceHasItsLimitWhenAskedFor) {
  scene.set(R"({"device_per_minute":2})");
  EXPECT_EQ(send(token), "200");
  EXPECT_EQ(send(token), "200");
  EXPECT_EQ(send(token), "429 QUOTA_EXCEEDED");
  (void)post("clock", R"({"advance_s":60})");
  EXPECT_EQ(send(token), "200");
}

TEST_F(Admin, FanOutsHaveTheirLimitWhenAskedFor) {
  scene.set(R"({"fan_outs":1,"fan_out_ms":10000})");
  const auto* body = R"({"message":{"topic":"news"}})";
  EXPECT_EQ(kind_of(scene.send(body)), "200");
  EXPECT_EQ(kind_of(scene.send(body)), "429 QUOTA_EXCEEDED");
  scene.now += 10s;
  EXPECT_EQ(kind_of(scene.send(body)), "200");
}

TEST_F(Admin, SubscriptionsHaveTheirRateWhenAskedFor) {
  scene.set(R"({"subscriptions_per_second":1})");
  const auto subscribe = [&](const char* topic) {
    return scene
        .call("POST",
              fmt::format(
                  "/v1/projects/fanfare-demo/registrations/{}/topicSubscriptions?topic_name={}",
                  token, topic),
              "{}")
        .status;
  };
  EXPECT_EQ(subscribe("a"), 200);
  EXPECT_EQ(subscribe("b"), 429);
  scene.now += 1s;
  EXPECT_EQ(subscribe("b"), 200);
}

// --- the door ---

TEST_F(Admin, APageOfAnotherSiteIsRefused) {
  http2::Request request;
  request.method = "POST";
  request.authority = "127.0.0.1:8100";
  request.path = "/_emulator/reset";
  request.headers = {{"origin", "http://evil.example"}};
  EXPECT_EQ(scene.world.answer(request, scene.now).response.status, 403);
  request.headers = {{"origin", "null"}};
  EXPECT_EQ(scene.world.answer(request, scene.now).response.status, 403);
  request.headers = {{"origin", "http://127.0.0.1:8100"}};
  EXPECT_EQ(scene.world.answer(request, scene.now).response.status, 200);
}

TEST_F(Admin, TheCatalogueNamesEveryFault) {
  const auto faults = scene.admin("faults/catalogue").at("faults").as_array();
  EXPECT_EQ(faults.size(), fault_catalogue().size());
  for (const auto& entry : faults) {
    scene.set(fmt::format(R"({{"fault":"{}"}})", entry.at("fault").as_string().c_str()).c_str());
    EXPECT_EQ(scene.admin("faults").at("fault"), entry.at("fault"));
  }
}

TEST_F(Admin, TheFrontPageIsForPeopleAndNoRequestToCount) {
  for (const auto* path : {"/", "/?from=terminal", "/_emulator/", "/_emulator/page.js"}) {
    const auto page = scene.call("GET", path);
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_TRUE(http2::find_header(page.headers, "content-type").starts_with("text/")) << path;
    EXPECT_TRUE(http2::find_header(page.headers, "content-security-policy")
                    .starts_with("default-src 'self'"))
        << path;
  }
  EXPECT_EQ(scene.call("POST", "/_emulator/page.js").status, 404);
  EXPECT_EQ(scene.admin("stats").at("other_requests"), 0);
}

}  // namespace
}  // namespace fanfare::emulator
