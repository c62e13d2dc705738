#include "fcm/instance_calls.h"

#include <algorithm>

#include <fmt/format.h>

#include "fanfare/answer_body.h"

#include "base/json_text.h"
#include "fcm/api_text.h"
#include "fcm/rules.h"

namespace fanfare::fcm {
namespace {

// The API's documentation shows "Android", its answers "ANDROID".
std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return text;
}

}  // namespace

std::string instance_path(std::string_view token) {
  return fmt::format("/iid/info/{}?details=true", percent_encode(token));
}

Result<InstanceInfo> parse_instance(std::string_view body) {
  const auto document = parse_api_object(body);
  if (!document) return std::unexpected(document.error());
  InstanceInfo info;
  info.application = text_member(*document, "application");
  info.application_version = text_member(*document, "applicationVersion");
  info.project_number = text_member(*document, "authorizedEntity");
  info.platform = upper(text_member(*document, "platform"));
  if (info.application.empty() && info.project_number.empty()) {
    return not_documented("it names neither application nor project");
  }
  const JsonValue* relations = member(*document, "rel");
  const JsonValue* topics = relations == nullptr ? nullptr : member(*relations, "topics");
  if (topics == nullptr) return info;
  for (const JsonMember& each : topics->members) {
    info.topics.push_back({each.name, text_member(each.value, "addDate")});
  }
  return info;
}

Verdict judge_instance(const Answer& answer, TargetKind target) {
  if (answer.transport == Answer::Transport::answered &&
      (answer.status == 404 || answer.status == 400)) {
    const auto body = read_answer_body(answer.body);
    const bool unknown = body.message.contains("No information found");
    if (unknown || body.message == "InvalidToken") {
      Verdict verdict = make_verdict(*find_rule(unknown ? "instance.unknown" : "instance.invalid"));
      verdict.text = body.message;
      return verdict;
    }
  }
  return judge_call(answer, target, parse_instance(answer.body).has_value());
}

std::string_view apns_import_path() noexcept {
  return "/iid/v1:batchImport";
}

std::string apns_import_body(std::string_view application, bool sandbox,
                             std::span<const std::string> apns_tokens) {
  std::string body = R"({"application":)";
  append_json_string(body, application);
  body += fmt::format(R"(,"sandbox":{},"apns_tokens":[)", sandbox);
  for (const std::string& token : apns_tokens) {
    if (body.back() != '[') body += ',';
    append_json_string(body, token);
  }
  return body + "]}";
}

Result<std::vector<ImportedToken>> parse_apns_import(std::string_view body) {
  const auto document = parse_api_object(body);
  if (!document) return std::unexpected(document.error());
  const JsonValue* results = member(*document, "results");
  if (results == nullptr) return not_documented("it has no results");
  std::vector<ImportedToken> tokens;
  for (const JsonMember& each : results->members) {
    tokens.push_back({text_member(each.value, "apns_token"),
                      text_member(each.value, "registration_token"),
                      text_member(each.value, "status")});
    if (tokens.back().status != "OK") tokens.back().registration.clear();
  }
  return tokens;
}

Verdict judge_apns_import(const Answer& answer) {
  // No device of ours is asked about: as for a topic, no rule of the device can apply.
  return judge_call(answer, TargetKind::topic, parse_apns_import(answer.body).has_value());
}

}  // namespace fanfare::fcm
