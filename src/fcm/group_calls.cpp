#include "fcm/group_calls.h"

#include <array>

#include <fmt/format.h>

#include "fanfare/answer_body.h"

#include "base/json_text.h"
#include "fcm/api_text.h"
#include "fcm/rules.h"

namespace fanfare::fcm {
namespace {

std::string_view name_of(GroupDeed deed) noexcept {
  switch (deed) {
    case GroupDeed::create:
      return "create";
    case GroupDeed::add:
      return "add";
    case GroupDeed::remove:
      return "remove";
  }
  return "";
}

void add_text(std::string& body, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  body += fmt::format(R"(,"{}":)", name);
  append_json_string(body, value);
}

}  // namespace

std::string_view group_path() noexcept {
  return "/fcm/notification";
}

std::string group_key_path(std::string_view name) {
  return fmt::format("{}?notification_key_name={}", group_path(), percent_encode(name));
}

std::string group_body(GroupDeed deed, std::string_view name, std::string_view key,
                       std::span<const std::string> registrations) {
  std::string body = fmt::format(R"({{"operation":"{}")", name_of(deed));
  add_text(body, "notification_key_name", name);
  add_text(body, "notification_key", key);
  body += R"(,"registration_ids":[)";
  for (const std::string& registration : registrations) {
    if (body.back() != '[') body += ',';
    append_json_string(body, registration);
  }
  return body + "]}";
}

Result<std::string> parse_group_key(std::string_view body) {
  const auto document = parse_api_object(body);
  if (!document) return std::unexpected(document.error());
  std::string key = text_member(*document, "notification_key");
  if (key.empty()) return not_documented("it has no notification_key");
  return key;
}

Verdict judge_group(const Answer& answer) {
  struct Text {
    std::string_view part;
    std::string_view rule;
  };
  // Well known, but of none is a capture public.
  static constexpr std::array texts = {
      Text{"notification_key already exists", "group.exists"},
      Text{"notification_key not found", "group.not_found"},
      Text{"no valid registration ids", "group.no_members"},
  };
  if (answer.transport == Answer::Transport::answered && answer.status >= 400 &&
      answer.status < 500) {
    const auto body = read_answer_body(answer.body);
    for (const Text& text : texts) {
      if (!body.message.contains(text.part)) continue;
      Verdict verdict = make_verdict(*find_rule(text.rule));
      verdict.text = body.message;
      return verdict;
    }
    // A 400 that blames a device in a send has none to blame here.
    if (answer.status == 400) {
      Verdict verdict = make_verdict(*find_rule("group.refused"));
      verdict.text = body.message;
      return verdict;
    }
  }
  return judge_call(answer, TargetKind::token, parse_group_key(answer.body).has_value());
}

}  // namespace fanfare::fcm
