#include "fcm/message_json.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/time_text.h"

namespace fanfare::fcm {
namespace {

using namespace std::chrono_literals;

// The error's sentence; empty when the text was taken.
std::string fault_of(std::string_view json) {
  const auto parsed = parse_message(json);
  if (parsed) return {};
  EXPECT_EQ(parsed.error().kind, Error::Kind::input);
  EXPECT_FALSE(parsed.error().remedy.empty()) << parsed.error().what;
  return parsed.error().what;
}

Message parsed(std::string_view json) {
  const auto result = parse_message(json);
  EXPECT_TRUE(result) << (result ? "" : result.error().what);
  return result ? result->message : Message{};
}

AndroidNotification full_android_notification() {
  return {.title = "t",
          .body = "b",
          .icon = "i",
          .color = "#aabbcc",
          .sound = "default",
          .tag = "tag",
          .click_action = "OPEN",
          .body_loc_key = "bk",
          .body_loc_args = {"1", "2"},
          .title_loc_key = "tk",
          .title_loc_args = {"3"},
          .channel_id = "c",
          .ticker = "tick",
          .image = "https://x/i.png",
          .sticky = true,
          .local_only = false,
          .event_time = *parse_rfc3339("2026-11-24T12:00:00.250Z"),
          .notification_priority = NotificationPriority::standard,
          .default_sound = true,
          .default_vibrate_timings = false,
          .default_light_settings = true,
          .vibrate_timings = {0s, 500ms, 1ns},
          .visibility = Visibility::public_content,
          .notification_count = -1,
          .light_settings = LightSettings{.color = Color{.red = 0.3F, .green = 1, .blue = 0},
                                          .light_on_duration = 3500ms,
                                          .light_off_duration = 1s},
          .proxy = NotificationProxy::if_priority_lowered,
          .bypass_proxy_notification = false};
}

Message full_message() {
  return {.data = {{"k", "v"}, {"quote\"", "line\nbreak \x01 ü 😀"}},
          .notification = Notification{.title = "T", .body = "B", .image = "https://x/y.png"},
          .android = AndroidConfig{.collapse_key = "ck",
                                   .priority = AndroidPriority::high,
                                   .ttl = 0s,
                                   .restricted_package_name = "com.example",
                                   .data = {{"a", "b"}},
                                   .notification = full_android_notification(),
                                   .fcm_options = AndroidFcmOptions{.analytics_label = "l"},
                                   .direct_boot_ok = true,
                                   .bandwidth_constrained_ok = false,
                                   .restricted_satellite_ok = true},
          .android_v2 =
              AndroidConfigV2{.ttl = 3600s,
                              .remote_notification =
                                  AndroidRemoteNotification{
                                      .notification = AndroidNotificationV2{.title = "v2", .id = 7},
                                      .mutable_content = true,
                                      .use_as_v1_data_message = false},
                              .background_sync = AndroidBackgroundSync{}},
          .webpush =
              WebpushConfig{
                  .headers = {{"TTL", "60"}},
                  .data = {{"w", "1"}},
                  .notification = *JsonObject::parse(R"({"title":"t","vibrate":[200,100]})"),
                  .fcm_options = WebpushFcmOptions{.link = "https://x", .analytics_label = "w"}},
          .apns = ApnsConfig{.headers = {{"apns-priority", "5"}},
                             .payload = *JsonObject::parse(R"({"aps":{"badge":1},"n":1.0})"),
                             .fcm_options =
                                 ApnsFcmOptions{.analytics_label = "a", .image = "https://i"},
                             .live_activity_token = "la"},
          .fcm_options = FcmOptions{.analytics_label = "all"}};
}

TEST(MessageJson, EveryFieldReadsBackAsItWasWritten) {
  const Message message = full_message();
  const std::string json = write_message(message);
  EXPECT_EQ(parsed(json), message);
  EXPECT_EQ(write_message(parsed(json)), json);
}

TEST(MessageJson, WritesCompactlyInSnakeCaseAndInAFixedOrder) {
  const Message message{.data = {{"b", "2"}, {"a", "1"}},
                        .notification = Notification{.title = "Hi"},
                        .android = AndroidConfig{.priority = AndroidPriority::high, .ttl = 1500ms},
                        .fcm_options = FcmOptions{.analytics_label = "x"}};
  EXPECT_EQ(write_message(message, Target{TargetKind::topic, "news"}),
            R"({"topic":"news","data":{"a":"1","b":"2"},"notification":{"title":"Hi"},)"
            R"("android":{"priority":"HIGH","ttl":"1.500000000s"},)"
            R"("fcm_options":{"analytics_label":"x"}})");
}

TEST(MessageJson, UnsetFieldsAreNotWritten) {
  EXPECT_EQ(write_message(Message{}), "{}");
}

TEST(MessageJson, BothSpellingsOfAFieldAreTaken) {
  const char* const snake =
      R"({"android":{"collapse_key":"k","notification":{"body_loc_key":"b"}}})";
  const char* const camel = R"({"android":{"collapseKey":"k","notification":{"bodyLocKey":"b"}}})";
  EXPECT_EQ(parsed(snake), parsed(camel));
  EXPECT_EQ(parsed(camel).android->notification->body_loc_key, "b");
  EXPECT_EQ(fault_of(R"({"fcm_options":{},"fcmOptions":{}})"),
            "message.fcmOptions: the field is given in both spellings");
}

TEST(MessageJson, NullAndEmptyTextMeanUnset) {
  EXPECT_EQ(parsed(R"({"notification":null,"data":null,"android":{"ttl":null}})"),
            (Message{.android = AndroidConfig{}}));
  EXPECT_EQ(parse_message(R"({"token":"","topic":"news"})")->target,
            (Target{TargetKind::topic, "news"}));
}

TEST(MessageJson, ReadsTheTargetWhereThereIsOne) {
  EXPECT_EQ(parse_message("{}")->target, std::nullopt);
  for (const TargetKind kind :
       {TargetKind::token, TargetKind::fid, TargetKind::topic, TargetKind::condition}) {
    const Target target{kind, "v"};
    EXPECT_EQ(parse_message(write_message(Message{}, target))->target, target);
  }
  EXPECT_EQ(fault_of(R"({"token":"a","topic":"b"})"), "message: both token and topic are given");
}

TEST(MessageJson, AWholeRequestIsTakenToo) {
  const auto request = parse_message(R"({"validateOnly":true,"message":{"token":"t"}})");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->validate_only);
  EXPECT_EQ(request->target, (Target{TargetKind::token, "t"}));
  EXPECT_EQ(fault_of(R"({"message":{"data":{"k":1}}})"),
            "message.data[\"k\"]: expected a string, found a number");
  EXPECT_EQ(fault_of(R"({"message":{},"registration_ids":[]})"),
            "registration_ids: FCM knows no such field");
}

TEST(MessageJson, AnUnknownFieldIsNamedWithItsPath) {
  EXPECT_EQ(fault_of(R"({"android":{"notification":{"titel":"x"}}})"),
            "message.android.notification.titel: FCM knows no such field");
  const auto result = parse_message(R"({"notification":{"titel":"x"}})");
  EXPECT_EQ(result.error().remedy, "Known here: title, body, image.");
}

TEST(MessageJson, AWrongTypeIsNamedWithItsPath) {
  EXPECT_EQ(fault_of("[]"), "message: expected an object, found an array");
  EXPECT_EQ(fault_of(R"({"notification":{"title":5}})"),
            "message.notification.title: expected a string, found a number");
  EXPECT_EQ(fault_of(R"({"android":{"direct_boot_ok":"true"}})"),
            "message.android.direct_boot_ok: expected true or false, found a string");
  EXPECT_EQ(fault_of(R"({"android":{"notification":{"body_loc_args":["a",null]}}})"),
            "message.android.notification.body_loc_args[1]: expected a string, found null");
  EXPECT_EQ(fault_of(R"({"apns":{"payload":"x"}})"),
            "message.apns.payload: expected an object, found a string");
}

TEST(MessageJson, DurationsHaveSecondsAndUpToNineDigits) {
  const auto ttl = [](std::string text) {
    return parse_message(fmt::format(R"({{"android":{{"ttl":"{}"}}}})", text));
  };
  EXPECT_EQ(ttl("3s")->message.android->ttl, 3s);
  EXPECT_EQ(ttl("3.5s")->message.android->ttl, 3500ms);
  EXPECT_EQ(ttl("3.000000001s")->message.android->ttl, 3s + 1ns);
  EXPECT_EQ(ttl("-0.5s")->message.android->ttl, -500ms);
  for (const char* text : {"", "s", "3", "3ms", "3.s", ".5s", "3.0000000001s", "1.-5s", "--3s",
                           "+3s", "9000000001s", "99999999999999999999s", " 3s"}) {
    EXPECT_FALSE(ttl(text)) << text;
  }
}

TEST(MessageJson, NumbersMayStandInQuotes) {
  EXPECT_EQ(parsed(R"({"android":{"notification":{"notification_count":"12"}}})")
                .android->notification->notification_count,
            12);
  for (const char* count : {"2147483648", "1.5", "\"\"", "\"x\"", "true", "[]"}) {
    EXPECT_NE(fault_of(fmt::format(
                  R"({{"android":{{"notification":{{"notification_count":{}}}}}}})", count)),
              "")
        << count;
  }
}

// All official SDKs send the lower-case form of this one enum, and FCM takes it.
TEST(MessageJson, AndroidPriorityIsTakenInLowerCaseAndOtherEnumsAreNot) {
  EXPECT_EQ(parsed(R"({"android":{"priority":"high"}})").android->priority, AndroidPriority::high);
  EXPECT_EQ(parsed(R"({"android":{"priority":"NORMAL"}})").android->priority,
            AndroidPriority::normal);
  EXPECT_EQ(fault_of(R"({"android":{"notification":{"visibility":"VISIBILITY_PUBLIC"}}})"),
            "message.android.notification.visibility: FCM knows no value \"VISIBILITY_PUBLIC\" "
            "here");
  EXPECT_NE(fault_of(R"({"android":{"notification":{"visibility":"public"}}})"), "");
}

TEST(MessageJson, MalformedJsonIsFoundByLineAndColumn) {
  EXPECT_TRUE(fault_of("{\n  \"data\": {,}\n}").starts_with("not valid JSON at line 2, column 12"));
  for (const char* text : {"", "{", "{}}", "{'a':1}", "nul", "{\"data\":{\"a\":\"\\ud800\"}}",
                           "{\"data\":{\"a\":\"\xFF\"}}", "// x\n{}", "{\"a\":01}"}) {
    EXPECT_NE(fault_of(text), "") << text;
  }
}

TEST(MessageJson, ANameGivenTwiceIsRefused) {
  EXPECT_EQ(fault_of(R"({"data":{"a":"1","a":"2"}})"),
            "the JSON names \"a\" twice in the object that ends at line 1, column 25");
}

TEST(MessageJson, DepthIsLimited) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_TRUE(fault_of(R"({"apns":{"payload":{"x":)" + deep + "}}}")
                  .starts_with("the JSON is nested deeper than 64 levels"));
}

TEST(JsonObject, KeepsOrderAndNumbersAsGiven) {
  const auto object = JsonObject::parse(
      "{ \"z\" : 0.3, \"a\": 1.0, \"big\": 12345678901234567890123, \"e\": 1E+400, \"s\": -0 }");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->text(), R"({"z":0.3,"a":1.0,"big":12345678901234567890123,"e":1E+400,"s":-0})");
}

TEST(JsonObject, IsNothingElse) {
  for (const char* text : {"[]", "1", "null", "\"{}\"", "", "{} {}"}) {
    EXPECT_FALSE(JsonObject::parse(text)) << text;
  }
  EXPECT_TRUE(JsonObject{}.empty());
  EXPECT_FALSE(JsonObject::parse("{}")->empty());
}

// A message made in code may hold any bytes; FCM would refuse the whole body for one of them.
TEST(MessageJson, BytesThatAreNotUtf8AreReplacedWhenWriting) {
  const Message message{.data = {{"k", "a\xFFz\xC3\xA4\xED\xA0\x80"}}};
  EXPECT_EQ(write_message(message), "{\"data\":{\"k\":\"a\uFFFDzä\uFFFD\uFFFD\uFFFD\"}}");
}

}  // namespace
}  // namespace fanfare::fcm
