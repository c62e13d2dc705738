#include "emulator/schema.h"

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

std::vector<FieldFault> faults_of(const char* text) {
  return find_schema_faults(boost::json::parse(text));
}

std::string first_text(const char* text) {
  const auto faults = faults_of(text);
  return faults.empty() ? "none" : faults[0].text;
}

TEST(Schema, TakesEveryFieldInSnakeCase) {
  const auto faults = faults_of(R"({"validate_only":true,"message":{"token":"t","name":"n",
    "data":{"a":"b"},"notification":{"title":"t","body":"b","image":"i"},
    "fcm_options":{"analytics_label":"l"},
    "android":{"collapse_key":"k","priority":"high","ttl":"3.5s","restricted_package_name":"p",
      "data":{},"direct_boot_ok":true,"bandwidth_constrained_ok":false,
      "restricted_satellite_ok":true,"fcm_options":{"analytics_label":"l"},
      "notification":{"title":"t","body":"b","icon":"i","color":"c","sound":"s","tag":"t",
        "click_action":"c","body_loc_key":"k","body_loc_args":["a"],"title_loc_key":"k",
        "title_loc_args":[],"channel_id":"c","ticker":"t","sticky":true,
        "event_time":"2026-11-24T06:00:00.123456789Z","local_only":false,
        "notification_priority":"PRIORITY_MAX","default_sound":true,
        "default_vibrate_timings":true,"default_light_settings":true,
        "vibrate_timings":["1s","0.5s"],"visibility":"SECRET","notification_count":3,
        "light_settings":{"color":{"red":0.5,"green":1,"blue":0,"alpha":"1"},
          "light_on_duration":"1s","light_off_duration":"1s"},
        "image":"i","proxy":"ALLOW","bypass_proxy_notification":true}},
    "webpush":{"headers":{"TTL":"1"},"data":{"a":"b"},"notification":{"any":[1,{"x":null}]},
      "fcm_options":{"link":"https://x","analytics_label":"l"}},
    "apns":{"headers":{},"payload":{"aps":{}},"live_activity_token":"t",
      "fcm_options":{"analytics_label":"l","image":"i"}}}})");
  EXPECT_TRUE(faults.empty()) << faults[0].text;
}

TEST(Schema, TakesCamelCaseToo) {
  EXPECT_EQ(first_text(R"({"validateOnly":false,"message":{"fid":"f",
    "fcmOptions":{"analyticsLabel":"l"},
    "androidV2":{"collapseKey":"k","remoteNotification":{"mutableContent":true,
      "useAsV1DataMessage":true,"notification":{"id":7}},"backgroundSync":{}}}})"),
            "none");
}

TEST(Schema, NamesAnUnknownFieldAndItsPlace) {
  const auto faults = faults_of(R"({"message":{"toen":"x"}})");
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].field, "message");
  EXPECT_EQ(faults[0].text,
            "Invalid JSON payload received. Unknown name \"toen\" at 'message': "
            "Cannot find field.");
  EXPECT_EQ(first_text(R"({"mesage":{}})"),
            "Invalid JSON payload received. Unknown name \"mesage\": Cannot find field.");
}

TEST(Schema, NamesTheIndexOfAMapValue) {
  const auto faults = faults_of(R"({"message":{"data":{"ok":"1","bad":12}}})");
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].field, "message.data[1].value");
  EXPECT_EQ(faults[0].text, "Invalid value at 'message.data[1].value' (TYPE_STRING), 12");
}

TEST(Schema, RefusesWrongTypes) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"validate_only":"yes"})", "Invalid value at 'validate_only' (TYPE_BOOL), \"yes\""},
      {R"({"message":"x"})",
       "Invalid value at 'message' (type.googleapis.com/google.firebase.fcm.v1.Message), \"x\""},
      {R"({"message":{"token":5}})", "Invalid value at 'message.token' (TYPE_STRING), 5"},
      {R"({"message":{"token":["a"]}})",
       "Invalid JSON payload received. Unknown name \"token\" at 'message': "
       "Proto field is not repeating, cannot start list."},
      {R"({"message":{"token":{}}})",
       "Invalid JSON payload received. Unknown name \"token\" at 'message': "
       "Starting an object on a scalar field"},
      {R"({"message":{"android":{"notification":{"visibility":"VISIBILITY_PUBLIC"}}}})",
       "Invalid value at 'message.android.notification.visibility' "
       "(type.googleapis.com/google.firebase.fcm.v1.AndroidNotification.Visibility), "
       "\"VISIBILITY_PUBLIC\""},
      {R"({"message":{"android":{"notification":{"notification_count":2147483648}}}})",
       "Invalid value at 'message.android.notification.notification_count' (TYPE_INT32), "
       "2147483648"},
      {R"({"message":{"android":{"ttl":"3"}}})",
       "Invalid value at 'message.android.ttl' (type.googleapis.com/google.protobuf.Duration), "
       "Field 'ttl', Illegal duration format; duration must end with 's'"},
      {R"({"message":{"android":{"notification":{"title_loc_args":["a",1]}}}})",
       "Invalid value at 'message.android.notification.title_loc_args[1]' (TYPE_STRING), 1"},
      {R"({"message":{"android":{"notification":{"event_time":"noon"}}}})",
       "Invalid value at 'message.android.notification.event_time' "
       "(type.googleapis.com/google.protobuf.Timestamp), Field 'eventTime', "
       "Invalid time format: Failed to parse input"}};
  for (const auto& [text, fault] : cases) EXPECT_EQ(first_text(text), fault);
}

TEST(Schema, TakesNumbersInQuotesAndEnumNumbers) {
  EXPECT_EQ(first_text(R"({"message":{"android":{"priority":2,
    "notification":{"notification_count":"7","visibility":1}}}})"),
            "none");
}

TEST(Schema, TakesAndroidPriorityInLowerCaseAndNoOtherEnum) {
  EXPECT_EQ(first_text(R"({"message":{"android":{"priority":"high"}}})"), "none");
  EXPECT_NE(first_text(R"({"message":{"android":{"notification":{"proxy":"allow"}}}})"), "none");
}

TEST(Schema, RefusesTwoTargets) {
  EXPECT_EQ(first_text(R"({"message":{"token":"a","topic":"b"}})"),
            "Invalid value at 'message' (oneof), oneof field 'target' is already set. "
            "Cannot set 'topic'");
  EXPECT_EQ(first_text(R"({"message":{"token":"a","topic":null}})"), "none");
}

TEST(Schema, ReportsSeveralFaultsButNotEndlessly) {
  EXPECT_EQ(faults_of(R"({"a":1,"b":2})").size(), 2U);
  std::string many = "{";
  for (int i = 0; i < 50; ++i) many += fmt::format("{}\"x{}\":1", i == 0 ? "" : ",", i);
  EXPECT_EQ(faults_of((many + "}").c_str()).size(), 10U);
}

TEST(Schema, WantsAnObjectAtTheRoot) {
  for (const auto* text : {"[]", "1", "null", "\"x\""}) EXPECT_EQ(faults_of(text).size(), 1U);
}

TEST(Schema, ReadsDurations) {
  const std::pair<const char*, bool> cases[] = {{"0s", true},
                                                {"3.000000001s", true},
                                                {"-1s", true},
                                                {"3", false},
                                                {"s", false},
                                                {".5s", false},
                                                {"1.s", false},
                                                {"1e3s", false},
                                                {" 1s", false},
                                                {"--1s", false},
                                                {"1.0000000000s", false},
                                                {"99999999999999s", false}};
  for (const auto& [text, good] : cases) {
    const auto body = fmt::format(R"({{"message":{{"android":{{"ttl":"{}"}}}}}})", text);
    EXPECT_EQ(faults_of(body.c_str()).empty(), good) << text;
  }
  EXPECT_EQ(duration_seconds("3.9s"), 3);
  EXPECT_EQ(duration_seconds("-0.5s"), -1);
  EXPECT_EQ(duration_seconds("-0s"), 0);
}

TEST(Schema, ReadsTimestamps) {
  const std::pair<const char*, bool> cases[] = {{"2026-11-24T06:00:00Z", true},
                                                {"2026-11-24T06:00:00.123456789Z", true},
                                                {"9999-12-31T23:59:59+14:00", true},
                                                {"0001-01-01T00:00:00-00:30", true},
                                                {"2024-02-29T00:00:00Z", true},
                                                {"2026-02-29T00:00:00Z", false},
                                                {"2026-11-24 06:00:00Z", false},
                                                {"2026-11-24T06:00:00", false},
                                                {"2026-11-24T06:00:00.Z", false},
                                                {"2026-11-24T24:00:00Z", false},
                                                {"2026-11-24T06:00:00+1:00", false},
                                                {"0000-01-01T00:00:00Z", false},
                                                {"2026-11-24", false},
                                                {"", false}};
  for (const auto& [text, good] : cases) {
    const auto body = fmt::format(
        R"({{"message":{{"android":{{"notification":{{"event_time":"{}"}}}}}}}})", text);
    EXPECT_EQ(faults_of(body.c_str()).empty(), good) << text;
  }
}

}  // namespace
}  // namespace fanfare::emulator
