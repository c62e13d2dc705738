// Requests and answers of the APIs that send nothing: instance information, import of APNs tokens,
// device groups and delivery data.
#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "fcm/api_text.h"
#include "fcm/delivery_data.h"
#include "fcm/group_calls.h"
#include "fcm/instance_calls.h"

namespace fanfare::fcm {
namespace {

Answer answer(int status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

// --- instance information ---

constexpr const char* documented_info =
    R"({"application":"com.iid.example","authorizedEntity":"123456782354","platform":"Android",)"
    R"("rel":{"topics":{"a":{"addDate":"2015-07-30"},"b":{"addDate":"2015-07-31"}}}})";

TEST(InstanceCalls, ReadsTheDocumentedExample) {
  const auto info = parse_instance(documented_info);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->application, "com.iid.example");
  EXPECT_EQ(info->project_number, "123456782354");
  EXPECT_EQ(info->platform, "ANDROID");
  EXPECT_EQ(info->application_version, "");
  ASSERT_EQ(info->topics.size(), 2U);
  EXPECT_EQ(info->topics[1].topic, "b");
  EXPECT_EQ(info->topics[1].since, "2015-07-31");
}

TEST(InstanceCalls, OnlyADocumentedBodyIsASuccess) {
  const auto rule = [](int status, std::string body) {
    return judge_instance(answer(status, std::move(body)), TargetKind::token).rule;
  };
  EXPECT_EQ(rule(200, documented_info), "api.done");
  EXPECT_EQ(rule(200, "{}"), "api.unreadable");
  EXPECT_EQ(rule(200, "<html>hello</html>"), "api.unreadable");
  EXPECT_EQ(rule(200, R"({"application":7})"), "api.unreadable");
}

TEST(InstanceCalls, NoTextOfThisApiRetiresADevice) {
  for (const auto& verdict :
       {judge_instance(answer(404, R"({"error":"No information found about this instance id."})"),
                       TargetKind::token),
        judge_instance(answer(400, R"({"error":"InvalidToken"})"), TargetKind::token),
        judge_instance(answer(404, R"({"error":"something else"})"), TargetKind::token)}) {
    EXPECT_NE(verdict.action, Action::retire_device) << verdict.rule;
  }
  EXPECT_EQ(judge_instance(answer(404, R"({"error":"No information found about this id."})"),
                           TargetKind::token)
                .rule,
            "instance.unknown");
  EXPECT_EQ(judge_instance(answer(401, R"({"error":"Unauthorized"})"), TargetKind::token).action,
            Action::refresh_credential);
}

TEST(InstanceCalls, ATokenStandsEncodedInThePath) {
  EXPECT_EQ(instance_path("a:b?"), "/iid/info/a%3Ab%3F?details=true");
}

// --- import of APNs tokens ---

TEST(InstanceCalls, AnImportNamesTheAppAndTheTokens) {
  const std::vector<std::string> tokens = {"00ff", "11\"2"};
  EXPECT_EQ(apns_import_body("com.x", true, tokens),
            R"({"application":"com.x","sandbox":true,"apns_tokens":["00ff","11\"2"]})");
  EXPECT_EQ(apns_import_body("com.x", false, {}),
            R"({"application":"com.x","sandbox":false,"apns_tokens":[]})");
}

TEST(InstanceCalls, AnImportedTokenCountsOnlyWhenItsStatusIsOk) {
  const auto ends = parse_apns_import(
      R"({"results":[{"apns_token":"a","status":"OK","registration_token":"r"},)"
      R"({"apns_token":"b","status":"Internal Server Error","registration_token":"s"},{}]})");
  ASSERT_TRUE(ends);
  ASSERT_EQ(ends->size(), 3U);
  EXPECT_EQ((*ends)[0].registration, "r");
  EXPECT_EQ((*ends)[1].registration, "");
  EXPECT_EQ((*ends)[1].status, "Internal Server Error");
  EXPECT_EQ((*ends)[2].registration, "");
  EXPECT_FALSE(parse_apns_import("{}"));
  EXPECT_EQ(judge_apns_import(answer(200, "{}")).rule, "api.unreadable");
  EXPECT_EQ(judge_apns_import(answer(200, R"({"results":[]})")).rule, "api.done");
  // A 400 about a request for many is no device's.
  EXPECT_NE(judge_apns_import(answer(400, R"({"error":"INVALID_ARGUMENT"})")).fault_domain,
            FaultDomain::device);
}

// --- device groups ---

TEST(GroupCalls, ABodyLeavesOutWhatIsNotGiven) {
  const std::vector<std::string> two = {"a", "b"};
  EXPECT_EQ(group_body(GroupDeed::create, "n", "", two),
            R"({"operation":"create","notification_key_name":"n","registration_ids":["a","b"]})");
  EXPECT_EQ(group_body(GroupDeed::add, "", "k\"", two),
            R"({"operation":"add","notification_key":"k\"","registration_ids":["a","b"]})");
  EXPECT_EQ(group_body(GroupDeed::remove, "n", "k", {}),
            R"({"operation":"remove","notification_key_name":"n","notification_key":"k",)"
            R"("registration_ids":[]})");
  EXPECT_EQ(group_key_path("a b&c"), "/fcm/notification?notification_key_name=a%20b%26c");
}

TEST(GroupCalls, EachFaultHasItsRule) {
  const auto rule = [](int status, std::string body) {
    return judge_group(answer(status, std::move(body))).rule;
  };
  EXPECT_EQ(rule(200, R"({"notification_key":"k"})"), "api.done");
  EXPECT_EQ(rule(200, R"({"notification_key":""})"), "api.unreadable");
  EXPECT_EQ(rule(400, R"({"error":"notification_key already exists"})"), "group.exists");
  EXPECT_EQ(rule(400, R"({"error":"notification_key not found"})"), "group.not_found");
  EXPECT_EQ(rule(404, R"({"error":"notification_key not found"})"), "group.not_found");
  EXPECT_EQ(rule(400, R"({"error":"no valid registration ids"})"), "group.no_members");
  EXPECT_EQ(rule(400, R"({"error":"what else"})"), "group.refused");
  EXPECT_EQ(rule(404, "<html></html>"), "project.wrong_url");
  EXPECT_EQ(judge_group(answer(503, "")).action, Action::retry);
  EXPECT_EQ(judge_group(answer(400, R"({"error":"what else"})")).text, "what else");
}

// --- delivery data ---

constexpr const char* one_day =
    R"({"androidDeliveryData":[{"appId":"1:2:android:3","date":{"year":2026,"month":11,"day":3},)"
    R"("analyticsLabel":"news","data":{"countMessagesAccepted":"9007199254740993",)"
    R"("countNotificationsAccepted":"4","messageOutcomePercents":{"delivered":93.5,)"
    R"("droppedTtlExpired":1e-1},"deliveryPerformancePercents":{"delayedDeviceDoze":2}}}],)"
    R"("nextPageToken":"p=2"})";

TEST(DeliveryDataCalls, ReadsCountsAsTextAndPercentagesAsNumbers) {
  const auto page = parse_delivery_page(one_day);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->days.size(), 1U);
  const auto& day = page->days[0];
  EXPECT_EQ(day.app_id, "1:2:android:3");
  EXPECT_EQ(day.analytics_label, "news");
  EXPECT_EQ(day.date, std::chrono::year_month_day(std::chrono::year(2026), std::chrono::month(11),
                                                  std::chrono::day(3)));
  EXPECT_EQ(day.messages_accepted, 9'007'199'254'740'993);
  EXPECT_EQ(day.notifications_accepted, 4);
  EXPECT_EQ(day.percents.delivered, 93.5);
  EXPECT_EQ(day.percents.dropped_ttl_expired, 0.1);
  EXPECT_EQ(day.percents.delayed_device_doze, 2);
  EXPECT_EQ(day.percents.pending, 0) << "proto-JSON leaves zero out";
  EXPECT_EQ(day.percents.priority_lowered, std::nullopt) << "its group is missing";
  EXPECT_EQ(page->next_page, "p=2");
}

TEST(DeliveryDataCalls, APageMayBeEmptyAndAPageOfSomethingElseIsNone) {
  EXPECT_TRUE(parse_delivery_page("{}")->days.empty());
  EXPECT_FALSE(parse_delivery_page("[]"));
  EXPECT_EQ(judge_delivery_data(answer(200, "{}")).rule, "api.done");
  EXPECT_EQ(judge_delivery_data(answer(200, "hello")).rule, "api.unreadable");
  EXPECT_EQ(delivery_data_path("p", "1:2:android:3", "a=b"),
            "/v1beta1/projects/p/androidApps/1%3A2%3Aandroid%3A3/deliveryData?pageSize=1000"
            "&pageToken=a%3Db");
}

// So that no percentage can be forgotten: every number of the API's discovery document is shown.
TEST(DeliveryDataCalls, EveryPercentageOfTheDiscoveryDocumentIsKnown) {
  std::ifstream file(std::string(FANFARE_SOURCE_DIR) + "/testdata/fcmdata_discovery.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto document = parse_json(text);
  ASSERT_TRUE(document) << "no testdata";
  std::multiset<std::string> theirs;
  for (const auto& schema : member(*document, "schemas")->members) {
    if (!schema.name.ends_with("Percents")) continue;
    for (const auto& property : member(schema.value, "properties")->members) {
      theirs.insert(property.name);
    }
  }
  std::multiset<std::string> ours;
  std::set<std::string_view> names;
  for (const auto& field : percent_fields()) {
    ours.emplace(field.json);
    names.insert(field.name);
  }
  EXPECT_EQ(ours, theirs);
  EXPECT_EQ(names.size(), percent_fields().size()) << "a name is used twice";
}

}  // namespace
}  // namespace fanfare::fcm
