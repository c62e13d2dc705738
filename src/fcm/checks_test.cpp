#include "fcm/checks.h"

#include <fstream>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace fanfare::fcm {
namespace {

using namespace std::chrono_literals;

using Names = std::vector<std::string>;

// "rule path" of each.
Names names_of(const std::vector<Finding>& findings) {
  Names names;
  for (const Finding& finding : findings) {
    EXPECT_FALSE(finding.what.empty()) << finding.rule;
    EXPECT_FALSE(finding.remedy.empty()) << finding.rule;
    names.push_back(fmt::format("{} {}", finding.rule, finding.path));
  }
  return names;
}

Names check(std::string_view json) {
  return names_of(check_text(json, TargetNeed::elsewhere).findings);
}

std::string times(std::size_t count, char c = 'x') {
  return std::string(count, c);
}

// A message and all that is to be found in it, faults first.
struct Case {
  std::string json;
  Names found = {};
};

std::vector<Case> reading_cases() {
  return {
      {R"({"data":{"a":"b"}})"},
      {"{", {"check.json "}},
      {R"({"notification":{"titel":"x"},"androd":{}})",
       {"check.unknown_field message.notification.titel", "check.unknown_field message.androd"}},
      {R"({"data":{"a":1,"b":true}})",
       {"check.value message.data[\"a\"]", "check.value message.data[\"b\"]"}},
      {R"({"notification":{},"fcm_options":{},"fcmOptions":{}})",
       {"check.twice message.fcmOptions"}},
      {R"({"token":"a","topic":"b","data":{"k":"v"}})", {"check.target_many message"}},
      // What is wrong does not hide the rest, and what can't be read is not checked further.
      {R"({"android":{"ttl":7,"notification":{"color":"red","channel_id":"c"}},"data":{"from":"x"}})",
       {"check.value message.android.ttl", "check.data_reserved_key message.data[\"from\"]",
        "check.color message.android.notification.color"}},
  };
}

std::vector<Case> target_cases() {
  const auto with = [](const char* kind, const std::string& value) {
    return fmt::format(R"({{"{}":"{}","data":{{"k":"v"}}}})", kind, value);
  };
  return {
      {with("token", "anything at all")},
      {with("fid", "anything at all")},
      {with("topic", "news-2026_a.b~c%20")},
      {with("topic", "no blanks"), {"check.topic_name message.topic"}},
      {with("topic", times(900))},
      {with("topic", times(901)), {"check.topic_name message.topic"}},
      {with("topic", "/topics/news"), {"check.topic_prefix message.topic"}},
      {with("topic", "/topics/a/b"), {"check.topic_name message.topic"}},
      {with("condition", "'a' in topics && !('b' in topics)")},
      {with("condition", "'a' in topic"), {"check.condition_syntax message.condition"}},
      {with("condition", "'/topics/a' in topics"), {"check.topic_name message.condition"}},
      {with("condition",
            "'a'in topics||'b'in topics||'c'in topics||'d'in topics||'e'in topics||"
            "'f'in topics"),
       {"check.condition_topics message.condition"}},
      {with("condition", "\\\"a\\\" in topics"), {"check.condition_quotes message.condition"}},
      {with("condition", "'a' in topics || 'b' in topics && 'c' in topics"),
       {"check.condition_precedence message.condition"}},
  };
}

std::vector<Case> whole_cases() {
  const auto data = [](const std::string& key, std::size_t value_bytes, const char* target = "") {
    return fmt::format(R"({{{}"data":{{"{}":"{}"}}}})", target, key, times(value_bytes));
  };
  return {
      {"{}", {"check.empty message"}},
      {data("p", 4095)},
      {data("p", 4096), {"check.size message"}},
      {data("p", 4505), {"check.size message"}},
      {data("p", 4506), {"check.too_large message"}},
      {data("p", 2047, R"("topic":"t",)")},
      {data("p", 2048, R"("topic":"t",)"), {"check.size message"}},
      // An iPhone would get nothing of this.
      {fmt::format(R"({{"android":{{"data":{{"p":"{}"}}}}}})", times(5000)),
       {"check.size message"}},
      {R"({"data":{"from":"1","message_type":"2","google.x":"3","gcm.notification.y":"4"}})",
       {"check.data_reserved_key message.data[\"from\"]",
        "check.data_reserved_key message.data[\"gcm.notification.y\"]",
        "check.data_reserved_key message.data[\"google.x\"]",
        "check.data_reserved_key message.data[\"message_type\"]"}},
      {R"({"data":{"From":"1","fromage":"2","message_types":"3"}})"},
      {R"({"android":{"data":{"from":"1"}},"webpush":{"data":{"from":"1"}}})",
       {"check.data_reserved_key message.android.data[\"from\"]",
        "check.data_reserved_key message.webpush.data[\"from\"]"}},
      {R"({"data":{"gcm":"1","googled":"2","collapse_key":"3"}})",
       {"check.data_doubtful_key message.data[\"collapse_key\"]",
        "check.data_doubtful_key message.data[\"gcm\"]",
        "check.data_doubtful_key message.data[\"googled\"]"}},
      {R"({"data":{"a":"1","b":"2"},"android":{"data":{"a":"3"}}})",
       {"check.data_replaced message.android.data"}},
      {R"({"data":{"a":"1"},"android":{"data":{"a":"3","b":"4"}}})"},
      {R"({"notification":{"image":"http://x/i.png"}})",
       {"check.image_https message.notification.image"}},
      {R"({"notification":{"image":"HTTPS://x/i.png"}})"},
      {R"({"data":{"a":"b"},"fcm_options":{"analytics_label":"not this"}})",
       {"check.analytics_label message.fcm_options.analytics_label"}},
      {fmt::format(R"({{"data":{{"a":"b"}},"fcm_options":{{"analytics_label":"{}"}}}})",
                   times(50))},
      {fmt::format(R"({{"data":{{"a":"b"}},"fcm_options":{{"analytics_label":"{}"}}}})", times(51)),
       {"check.analytics_label message.fcm_options.analytics_label"}},
  };
}

std::vector<Case> android_cases() {
  const auto ttl = [](const char* text) {
    return fmt::format(R"({{"android":{{"ttl":"{}"}}}})", text);
  };
  const auto key = [](const char* text) {
    return fmt::format(R"({{"android":{{"collapse_key":"{}"}}}})", text);
  };
  const auto shown = [](const char* fields) {
    return fmt::format(R"({{"android":{{"notification":{{"channel_id":"c",{}}}}}}})", fields);
  };
  const std::string path = "message.android.notification.";
  return {
      {R"({"android":{},"android_v2":{}})", {"check.android_both message"}},
      {ttl("1s")},
      {ttl("2419200s")},
      {ttl("2419200.9s"), {"check.ttl_fraction message.android.ttl"}},
      {ttl("2419201s"), {"check.ttl_range message.android.ttl"}},
      {ttl("-1s"), {"check.ttl_range message.android.ttl"}},
      {ttl("0s"), {"check.ttl_zero message.android.ttl"}},
      {ttl("0.9s"), {"check.ttl_zero message.android.ttl"}},
      {ttl("1.5s"), {"check.ttl_fraction message.android.ttl"}},
      {R"({"android_v2":{"ttl":"2419201s"}})", {"check.ttl_range message.android_v2.ttl"}},
      {key("score")},
      {key("facade-2026")},
      {key("order-1732442400"), {"check.collapse_key_unique message.android.collapse_key"}},
      {key("5f0c21de-33b1-4c2a"), {"check.collapse_key_unique message.android.collapse_key"}},
      {R"({"android":{"notification":{}}})",
       {"check.channel_missing message.android.notification"}},
      {R"({"android_v2":{"remote_notification":{"notification":{}}}})",
       {"check.channel_missing message.android_v2.remote_notification.notification"}},
      {shown(R"("color":"#aaBB09")")},
      {shown(R"("color":"#aabb0")"), {"check.color " + path + "color"}},
      {shown(R"("color":"#aabb0g")"), {"check.color " + path + "color"}},
      {shown(R"("image":"/i.png")"), {"check.image_https " + path + "image"}},
      {shown(R"("light_settings":{"color":{}})"),
       {"check.light_settings " + path + "light_settings.light_on_duration",
        "check.light_settings " + path + "light_settings.light_off_duration"}},
      {shown(R"("light_settings":{"light_on_duration":"1s","light_off_duration":"1s"})"),
       {"check.light_settings " + path + "light_settings.color"}},
      {shown(R"("light_settings":{"color":{"red":255,"green":-0.1,"blue":1,"alpha":0},)"
             R"("light_on_duration":"1s","light_off_duration":"1s"})"),
       {"check.light_color " + path + "light_settings.color.red",
        "check.light_color " + path + "light_settings.color.green"}},
      {shown(R"("body_loc_args":["1"],"title_loc_args":["1"])"),
       {"check.loc_args " + path + "body_loc_args", "check.loc_args " + path + "title_loc_args"}},
      {shown(R"("body_loc_args":["1"],"body_loc_key":"k")")},
      {shown(R"("default_vibrate_timings":true,"vibrate_timings":["1s"])"),
       {"check.overridden " + path + "vibrate_timings"}},
      {shown(R"("default_light_settings":true,"light_settings":{"color":{},)"
             R"("light_on_duration":"1s","light_off_duration":"1s"})"),
       {"check.overridden " + path + "default_light_settings"}},
      {shown(R"("bypass_proxy_notification":false)"),
       {"check.deprecated_field " + path + "bypass_proxy_notification"}},
  };
}

std::vector<Case> webpush_cases() {
  const auto header = [](const char* name, const std::string& value) {
    return fmt::format(R"({{"webpush":{{"headers":{{"{}":"{}"}}}}}})", name, value);
  };
  const std::string path = "message.webpush.headers.";
  return {
      {header("TTL", "60")},
      {header("TTL", "60s"), {"check.webpush_ttl " + path + "TTL"}},
      {header("TTL", "-1"), {"check.webpush_ttl " + path + "TTL"}},
      {header("TTL", ""), {"check.webpush_ttl " + path + "TTL"}},
      {header("TTL", "0"), {"check.ttl_zero " + path + "TTL"}},
      {header("Urgency", "high")},
      {header("urgency", "urgent"), {"check.webpush_header " + path + "Urgency"}},
      {header("Topic", times(32))},
      {header("Topic", times(33)), {"check.webpush_header " + path + "Topic"}},
      {R"({"webpush":{"fcm_options":{"link":"http://x"}}})",
       {"check.webpush_link message.webpush.fcm_options.link"}},
      {R"({"webpush":{"fcm_options":{"link":"https://x"}}})"},
  };
}

std::vector<Case> apns_cases() {
  const auto header = [](const char* name, const std::string& value) {
    return fmt::format(R"({{"notification":{{"title":"t"}},"apns":{{"headers":{{"{}":"{}"}}}}}})",
                       name, value);
  };
  const auto aps = [](const char* fields) {
    return fmt::format(
        R"({{"apns":{{"headers":{{"apns-priority":"5"}},"payload":{{"aps":{{{}}}}}}}}})", fields);
  };
  const std::string headers = "message.apns.headers.";
  const std::string payload = "message.apns.payload";
  return {
      {R"({"data":{"a":"b"},"apns":{"headers":{"apns-priority":"10"}}})",
       {"check.apns_background_priority " + headers + "apns-priority"}},
      {R"({"data":{"a":"b"},"apns":{"headers":{"APNS-Priority":"5"}}})"},
      {R"({"apns":{"payload":{"aps":{"content-available":1}}}})",
       {"check.apns_background_priority " + headers + "apns-priority"}},
      {R"({"apns":{"payload":{"aps":{"content-available":1,"alert":"x"}}}})"},
      {header("apns-push-type", "background"),
       {"check.apns_background_priority " + headers + "apns-priority"}},
      {header("apns-priority", "high"), {"check.apns_header " + headers + "apns-priority"}},
      {header("apns-push-type", "loud"), {"check.apns_header " + headers + "apns-push-type"}},
      {header("apns-expiration", "1h"), {"check.apns_header " + headers + "apns-expiration"}},
      {header("apns-expiration", "0"), {"check.ttl_zero " + headers + "apns-expiration"}},
      {header("apns-collapse-id", times(64))},
      {header("apns-collapse-id", times(65)),
       {"check.apns_header " + headers + "apns-collapse-id"}},
      {R"({"notification":{"title":"t"},"apns":{"payload":{"key":1}}})",
       {"check.apns_payload " + payload}},
      {aps(R"("alert":7)"), {"check.apns_payload " + payload + ".aps.alert"}},
      {aps(R"("sound":"")"), {"check.apns_payload " + payload + ".aps.sound"}},
      {aps(R"("sound":{"name":"x","critical":1})")},
      {aps(R"("content-available":true)"),
       {"check.apns_flag " + payload + ".aps.content-available"}},
      {aps(R"("mutable-content":"1")"), {"check.apns_flag " + payload + ".aps.mutable-content"}},
      {aps(R"("alert":{"loc-args":[],"title-loc-args":[],"title-loc-key":"k"})"),
       {"check.loc_args " + payload + ".aps.alert.loc-args"}},
      {aps(fmt::format(R"("alert":"{}")", times(4096 - 20)).c_str())},
      {aps(fmt::format(R"("alert":"{}")", times(4096 - 19)).c_str()),
       {"check.apns_size " + payload, "check.size message"}},
      {R"({"apns":{"live_activity_token":"t","payload":{"aps":{"event":"update","timestamp":1}}}})",
       {"check.live_activity " + headers + "apns-push-type",
        "check.live_activity " + payload + ".aps.content-state"}},
      {R"({"notification":{"title":"t"},"apns":{"fcm_options":{"image":"x","analytics_label":"ü"}}})",
       {"check.analytics_label message.apns.fcm_options.analytics_label",
        "check.image_https message.apns.fcm_options.image"}},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& part : {reading_cases(), target_cases(), whole_cases(), android_cases(),
                           webpush_cases(), apns_cases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST(Checks, FindExactlyWhatIsThere) {
  for (const Case& it : all_cases()) EXPECT_EQ(check(it.json), it.found) << it.json;
}

TEST(Checks, HaveACaseForEachRule) {
  std::set<std::string> fired{"check.target_missing"};  // It depends on the caller; see below.
  for (const Case& it : all_cases()) {
    for (const std::string& name : it.found) fired.insert(name.substr(0, name.find(' ')));
  }
  for (const CheckRule& rule : check_table)
    EXPECT_TRUE(fired.contains(std::string(rule.id))) << rule.id;
}

TEST(Checks, WantATargetUnlessItIsElsewhere) {
  const auto missing = [](std::string_view json) {
    return names_of(check_text(json, TargetNeed::in_message).findings);
  };
  EXPECT_EQ(missing(R"({"data":{"a":"b"}})"), (Names{"check.target_missing message"}));
  EXPECT_EQ(missing(R"({"token":"","data":{"a":"b"}})"), (Names{"check.target_missing message"}));
  EXPECT_EQ(missing(R"({"token":7,"data":{"a":"b"}})"), (Names{"check.value message.token"}));
  EXPECT_EQ(missing(R"({"token":"t","data":{"a":"b"}})"), Names{});
}

TEST(Checks, TellFaultsBeforeWarnings) {
  const auto findings = check_text(R"({"android":{"ttl":"0s"},"data":{"from":"x"},
      "webpush":{"fcm_options":{"link":"x"}}})",
                                   TargetNeed::elsewhere)
                            .findings;
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].rule, "check.data_reserved_key");
  EXPECT_EQ(findings[1].rule, "check.webpush_link");
  EXPECT_EQ(findings[2].rule, "check.ttl_zero");
  EXPECT_EQ(findings[2].severity, Severity::warning);
  EXPECT_TRUE(has_fault(findings));
  EXPECT_FALSE(has_fault({findings[2]}));
}

TEST(Checks, SayWhatIsFoundWhere) {
  const auto what = [](std::string_view json) {
    return check_text(json, TargetNeed::elsewhere).findings.at(0).what;
  };
  EXPECT_EQ(what(R"({"android":{"ttl":"2592000s"}})"),
            "FCM keeps a message from 0 seconds to 4 weeks (2419200 s), not 2592000 s");
  EXPECT_EQ(what(R"({"condition":"'a' in topics && 'b'","data":{"a":"b"}})"),
            "at the end: expected in topics");
  EXPECT_EQ(what(R"({"data":{"a":"","b":"","c":"","d":"","e":""},"android":{"data":{"a":""}}})"),
            "it replaces message.data as a whole, so that this platform does not get "
            "\"b\", \"c\", \"d\" and 1 more");
}

TEST(CheckMessage, TakesValuesAsWellAsText) {
  const Message message{.android = AndroidConfig{.ttl = 0s}};
  EXPECT_EQ(names_of(check_message(message)), (Names{"check.ttl_zero message.android.ttl"}));
  EXPECT_EQ(names_of(check_message(message, std::nullopt)),
            (Names{"check.target_missing message", "check.ttl_zero message.android.ttl"}));
  EXPECT_EQ(names_of(check_message(message, Target{TargetKind::topic, "a b"})),
            (Names{"check.topic_name message.topic", "check.ttl_zero message.android.ttl"}));
  EXPECT_EQ(names_of(check_target({TargetKind::token, ""})),
            (Names{"check.target_missing message"}));
}

// --- Size ---

TEST(SizeEstimate, CountsWhatEachPlatformGets) {
  const Message message{
      .data = {{"key", "12345"}},
      .notification = Notification{.title = "123", .body = "1234", .image = "12"},
      .android = AndroidConfig{.data = {{"k", "1"}},
                               .notification = AndroidNotification{.title = "1", .tag = "12"}},
      .webpush = WebpushConfig{.notification = *JsonObject::parse(R"({"title":"x"})")},
      .apns = ApnsConfig{.payload = *JsonObject::parse(R"({"aps":{}})")}};
  EXPECT_EQ(estimate_size(message), (SizeEstimate{.android_bytes = 2 + 1 + 2 + 4 + 2,
                                                  .apns_bytes = 8 + 10 + 2,
                                                  .webpush_bytes = 8 + 13 + 4 + 2}));
  EXPECT_EQ(estimate_size(Message{}), SizeEstimate{});
}

RC_GTEST_PROP(SizeEstimateProperty, GrowsByWhatIsAddedToTheData, ()) {
  Message message;
  const auto key = *rc::gen::arbitrary<std::string>();
  const auto value = *rc::gen::arbitrary<std::string>();
  message.notification = Notification{.title = *rc::gen::arbitrary<std::string>()};
  const SizeEstimate before = estimate_size(message);
  message.data[key] = value;
  const SizeEstimate after = estimate_size(message);
  const std::size_t added = key.size() + value.size();
  RC_ASSERT(after.android_bytes == before.android_bytes + added);
  RC_ASSERT(after.apns_bytes == before.apns_bytes + added);
  RC_ASSERT(after.webpush_bytes == before.webpush_bytes + added);
}

// --- The table ---

TEST(CheckRules, HaveTheirParagraphInTheDocumentationAndNoneIsMadeUp) {
  std::ifstream file(std::string(FANFARE_ROOT_DIR) + "/docs/checks.md");
  Names headings;
  Names severities;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("### `")) headings.push_back(line.substr(5, line.rfind('`') - 5));
    if (line.starts_with("Fault.")) severities.emplace_back("fault");
    if (line.starts_with("Warning.")) severities.emplace_back("warning");
  }
  Names ids;
  Names expected;
  for (const CheckRule& rule : check_table) {
    ids.emplace_back(rule.id);
    expected.emplace_back(to_string(rule.severity));
  }
  EXPECT_EQ(headings, ids);
  EXPECT_EQ(severities, expected);
}

TEST(CheckRules, AreCompleteAndUnique) {
  std::set<std::string_view> ids;
  for (const CheckRule& rule : check_table) {
    EXPECT_TRUE(rule.id.starts_with("check."));
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_FALSE(rule.source.empty()) << rule.id;
    EXPECT_FALSE(rule.summary.empty()) << rule.id;
    EXPECT_TRUE(rule.remedy.ends_with('.')) << rule.id;
  }
}

}  // namespace
}  // namespace fanfare::fcm
