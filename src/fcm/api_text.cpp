#include "fcm/api_text.h"

#include <fmt/format.h>

#include "fcm/rules.h"

namespace fanfare::fcm {

std::string percent_encode(std::string_view text) {
  constexpr std::string_view unreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (unreserved.contains(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::unexpected<Error> not_documented(std::string_view what) {
  return fail(Error::Kind::network, fmt::format("the answer is not FCM's: {}", what),
              "check the endpoint, and any proxy in between");
}

Result<JsonValue> parse_api_object(std::string_view body) {
  auto document = parse_json(body);
  if (!document) return not_documented(document.error().what);
  if (document->kind != JsonValue::Kind::object) return not_documented("no JSON object");
  return document;
}

const JsonValue* member(const JsonValue& object, std::string_view name) noexcept {
  for (const JsonMember& each : object.members) {
    if (each.name == name) return &each.value;
  }
  return nullptr;
}

const JsonValue* member(const JsonValue& object, std::string_view camel,
                        std::string_view snake) noexcept {
  const JsonValue* found = member(object, camel);
  return found != nullptr ? found : member(object, snake);
}

std::string text_member(const JsonValue& object, std::string_view name) {
  const JsonValue* found = member(object, name);
  return found != nullptr && found->kind == JsonValue::Kind::string ? found->text : std::string();
}

Verdict judge_call(const Answer& answer, TargetKind target, bool readable, std::string_view done) {
  if (answer.transport == Answer::Transport::answered && answer.status == 200) {
    return make_verdict(*find_rule(readable ? done : "api.unreadable"));
  }
  return judge(answer, target);
}

}  // namespace fanfare::fcm
