// What each platform makes of one message.
#include "emulator/show.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

json::object message(const char* text) {
  return json::parse(text).as_object();
}

std::string shown(Platform platform, const char* text) {
  return json::serialize(shown_on(platform, message(text)));
}

constexpr const char* everywhere = R"({
  "notification": {"title": "T", "body": "B", "image": "https://x/i.png"},
  "data": {"common": "1"},
  "android": {"data": {"own": "a"}, "notification": {
    "title": "TA", "icon": "bell", "color": "#ff0000", "channel_id": "news", "tag": "t",
    "notificationCount": 3, "click_action": "OPEN"}},
  "apns": {"payload": {"aps": {"alert": {"title": "TI", "subtitle": "S"}, "badge": 7,
    "sound": {"name": "ping"}, "category": "C", "thread-id": "th"}, "custom": {"x": 1}},
    "fcm_options": {"image": "https://x/ios.png"}},
  "webpush": {"data": {"own": "w"}, "notification": {"body": "BW", "actions": [{"title": "Yes"}]},
    "fcm_options": {"link": "https://x/"}}})";

TEST(Show, AndroidsOwnFieldsWinOverTheCommonOnes) {
  EXPECT_EQ(shown(Platform::android, everywhere),
            R"({"title":"TA","body":"B","image":"https://x/i.png","icon":"bell",)"
            R"("color":"#ff0000","tag":"t","channel":"news","link":"OPEN","badge":3})");
}

TEST(Show, TheApsDictionaryWinsOnIos) {
  EXPECT_EQ(shown(Platform::ios, everywhere),
            R"({"title":"TI","body":"B","image":"https://x/ios.png","subtitle":"S",)"
            R"("sound":"ping","category":"C","tag":"th","badge":7})");
}

TEST(Show, TheWebNotificationWinsInABrowser) {
  EXPECT_EQ(shown(Platform::web, everywhere),
            R"({"title":"T","body":"BW","image":"https://x/i.png","link":"https://x/",)"
            R"("actions":["Yes"]})");
}

TEST(Show, ADeviceOfUnknownPlatformDoesAsAndroid) {
  EXPECT_EQ(shown(Platform::unknown, everywhere), shown(Platform::android, everywhere));
}

TEST(Show, DataAloneIsNotShown) {
  for (const auto platform : {Platform::android, Platform::ios, Platform::web}) {
    EXPECT_EQ(shown(platform, R"({"data":{"a":"1"}})"), "null");
  }
  EXPECT_EQ(shown(Platform::ios, R"({"apns":{"payload":{"aps":{"content-available":1}}}})"),
            "null");
}

TEST(Show, AnAlertMayBeOneText) {
  EXPECT_EQ(shown(Platform::ios, R"({"apns":{"payload":{"aps":{"alert":"Hello"}}}})"),
            R"({"body":"Hello"})");
}

TEST(Show, ALocalisedTextIsShownByItsKey) {
  EXPECT_EQ(shown(Platform::android, R"({"android":{"notification":{"title_loc_key":"hi",
                                         "title_loc_args":["Ann"]}}})"),
            R"({"title":"@hi[\"Ann\"]"})");
}

TEST(Show, TheSecondAndroidFormCanBeForTheAppAlone) {
  EXPECT_EQ(shown(Platform::android,
                  R"({"android_v2":{"remote_notification":{"notification":{"title":"T"}}}})"),
            R"({"title":"T"})");
  EXPECT_EQ(shown(Platform::android, R"({"android_v2":{"remote_notification":{
                    "notification":{"title":"T"},"use_as_v1_data_message":true}}})"),
            "null");
  EXPECT_EQ(shown(Platform::android,
                  R"({"notification":{"title":"T"},"android_v2":{"background_sync":{}}})"),
            "null");
}

TEST(Show, APlatformsDataReplacesTheCommonData) {
  const auto text = message(everywhere);
  EXPECT_EQ(json::serialize(data_on(Platform::android, text)), R"({"own":"a"})");
  EXPECT_EQ(json::serialize(data_on(Platform::web, text)), R"({"own":"w"})");
  EXPECT_EQ(json::serialize(data_on(Platform::ios, text)), R"({"common":"1","custom":{"x":1}})")
      << "the payload's own keys are beside it";
}

// --- on the way ---

const SystemTime now = *parse_rfc3339("2026-11-24T06:00:00Z");

Handling handling(Platform platform, const char* text) {
  return handling_on(platform, message(text), now);
}

TEST(Handling, DefaultsToFourWeeksAndToHighForWhatIsShown) {
  const auto data = handling(Platform::android, R"({"data":{"a":"1"}})");
  EXPECT_EQ(data.ttl, 2'419'200s);
  EXPECT_FALSE(data.high_priority);
  EXPECT_TRUE(handling(Platform::android, R"({"notification":{"title":"T"}})").high_priority);
  EXPECT_EQ(handling(Platform::ios, "{}").ttl, 2'592'000s) << "thirty days for APNs";
  EXPECT_TRUE(handling(Platform::ios, "{}").high_priority);
}

TEST(Handling, ReadsAndroidsOwn) {
  const auto own = handling(
      Platform::android,
      R"({"android":{"ttl":"90.5s","collapseKey":"k","priority":"high"},"data":{"a":"1"}})");
  EXPECT_EQ(own.ttl, 90s);
  EXPECT_EQ(own.collapse_key, "k");
  EXPECT_TRUE(own.high_priority);
}

TEST(Handling, ReadsApnsHeadersWhateverTheirCase) {
  const auto own = handling(Platform::ios, R"({"apns":{"headers":{"APNS-Expiration":"1795500060",
      "apns-collapse-id":"c","apns-priority":"5"}}})");
  EXPECT_EQ(own.ttl,
            1795500060s - std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()));
  EXPECT_EQ(own.collapse_key, "c");
  EXPECT_FALSE(own.high_priority);
  EXPECT_EQ(handling(Platform::ios, R"({"apns":{"headers":{"apns-expiration":"0"}}})").ttl, 0s);
}

TEST(Handling, ReadsWebPushHeaders) {
  const auto own = handling(Platform::web,
                            R"({"webpush":{"headers":{"TTL":"0","Topic":"t","Urgency":"high"}}})");
  EXPECT_EQ(own.ttl, 0s);
  EXPECT_EQ(own.collapse_key, "t");
  EXPECT_TRUE(own.high_priority);
}

}  // namespace
}  // namespace fanfare::emulator
