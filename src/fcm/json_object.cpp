#include <fmt/format.h>

#include "fanfare/message.h"

#include "fcm/json_document.h"

namespace fanfare {

Result<JsonObject> JsonObject::parse(std::string_view json) {
  const auto value = fcm::parse_json(json);
  if (!value) return std::unexpected(value.error());
  if (value->kind != fcm::JsonValue::Kind::object) {
    return fail(Error::Kind::input,
                fmt::format("expected a JSON object, found {}", fcm::describe(value->kind)),
                "Write {\"name\": value, …}.");
  }
  std::string text;
  fcm::append_json(text, *value);
  return JsonObject(std::move(text));
}

}  // namespace fanfare
