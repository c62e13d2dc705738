#include "fcm/topic_calls.h"

#include <array>

#include <fmt/format.h>

#include "fanfare/answer_body.h"

#include "base/json_text.h"
#include "fcm/api_text.h"
#include "fcm/rules.h"

namespace fanfare::fcm {
namespace {

std::string text_of(const JsonValue& object, std::string_view camel, std::string_view snake) {
  const JsonValue* found = member(object, camel, snake);
  return found != nullptr && found->kind == JsonValue::Kind::string ? found->text : std::string();
}

std::string base_path(std::string_view project, std::string_view registration) {
  return fmt::format("/v1/projects/{}/registrations/{}/topicSubscriptions", project,
                     percent_encode(registration));
}

}  // namespace

std::string topic_path(TopicDeed deed, std::string_view project, std::string_view registration,
                       std::string_view topic) {
  const std::string base = base_path(project, registration);
  if (deed == TopicDeed::subscribe) {
    return fmt::format("{}?topic_name={}", base, percent_encode(topic));
  }
  return fmt::format("{}/{}?allow_missing=true", base, percent_encode(topic));
}

std::string subscriptions_path(std::string_view project, std::string_view registration,
                               std::string_view page_token) {
  std::string path = base_path(project, registration) + "?pageSize=2000";
  if (!page_token.empty()) path += "&pageToken=" + percent_encode(page_token);
  return path;
}

Result<SubscriptionPage> parse_subscriptions(std::string_view body) {
  const auto document = parse_api_object(body);
  if (!document) return std::unexpected(document.error());
  SubscriptionPage page;
  page.next_page = text_of(*document, "nextPageToken", "next_page_token");
  const JsonValue* list = member(*document, "topicSubscriptions", "topic_subscriptions");
  if (list == nullptr) return page;
  for (const JsonMember& each : list->members) {
    Subscription subscription{text_of(each.value, "topicName", "topic_name"),
                              text_of(each.value, "createTime", "create_time")};
    if (subscription.topic.empty()) {
      // Only the full name is certain: projects/P/registrations/R/topicSubscriptions/TOPIC.
      const std::string name = text_member(each.value, "name");
      subscription.topic = name.substr(name.rfind('/') + 1);
    }
    page.subscriptions.push_back(std::move(subscription));
  }
  return page;
}

Verdict judge_topic(const Answer& answer, TargetKind target) {
  if (answer.transport == Answer::Transport::answered) {
    if (answer.status == 200) return make_verdict(*find_rule("topic.changed"));
    if (read_answer_body(answer.body).fcm_error == "TOO_MANY_TOPICS") {
      Verdict verdict = make_verdict(*find_rule("topic.too_many"));
      verdict.code = "TOO_MANY_TOPICS";
      return verdict;
    }
  }
  return judge(answer, target);
}

Verdict judge_subscriptions(const Answer& answer, TargetKind target) {
  return judge_call(answer, target, parse_subscriptions(answer.body).has_value());
}

std::string_view iid_batch_path(TopicDeed deed) noexcept {
  return deed == TopicDeed::subscribe ? "/iid/v1:batchAdd" : "/iid/v1:batchRemove";
}

std::string iid_batch_body(std::string_view topic, std::span<const std::string> tokens) {
  std::string body = R"({"to":)";
  append_json_string(body, fmt::format("/topics/{}", topic));
  body += R"(,"registration_tokens":[)";
  for (const std::string& token : tokens) {
    if (body.back() != '[') body += ',';
    append_json_string(body, token);
  }
  return body + "]}";
}

Result<std::vector<Verdict>> parse_iid_results(std::string_view body, std::size_t count) {
  struct Word {
    std::string_view error;
    std::string_view rule;
  };
  // Node's SDK once took RESOURCE_EXHAUSTED for too many topics; it is the rate.
  static constexpr std::array words = {
      Word{"NOT_FOUND", "token.unregistered"},     Word{"UNREGISTERED", "token.unregistered"},
      Word{"INVALID_ARGUMENT", "token.malformed"}, Word{"TOO_MANY_TOPICS", "topic.too_many"},
      Word{"RESOURCE_EXHAUSTED", "quota.target"},  Word{"PERMISSION_DENIED", "topic.permission"},
      Word{"INTERNAL", "service.internal"},        Word{"DEADLINE_EXCEEDED", "service.timeout"},
      Word{"UNAVAILABLE", "service.unavailable"},
  };
  const auto document = parse_api_object(body);
  if (!document) return std::unexpected(document.error());
  const JsonValue* results = member(*document, "results");
  if (results == nullptr || results->members.size() != count) {
    return not_documented(fmt::format("{} results for {} tokens",
                                      results == nullptr ? 0 : results->members.size(), count));
  }
  std::vector<Verdict> verdicts;
  verdicts.reserve(count);
  for (const JsonMember& each : results->members) {
    const JsonValue* error = member(each.value, "error");
    std::string_view rule = error == nullptr ? "topic.changed" : "service.other";
    for (const Word& word : words) {
      if (error != nullptr && word.error == error->text) rule = word.rule;
    }
    Verdict verdict = make_verdict(*find_rule(rule));
    if (error != nullptr) verdict.code = error->text;
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

}  // namespace fanfare::fcm
