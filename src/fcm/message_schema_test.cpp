// Fanfare's messages against FCM's own schema: every field that FCM declares is read in both
// spellings, kept, and written; a field that only one of the two knows fails.
#include <algorithm>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fcm/json_document.h"
#include "fcm/message_fields.h"
#include "fcm/message_json.h"

namespace fanfare::fcm {
namespace {

const JsonValue* member(const JsonValue& object, std::string_view name) {
  const auto found = std::ranges::find(object.members, name, &JsonMember::name);
  return found == object.members.end() ? nullptr : &found->value;
}

std::string text_of(const JsonValue& schema, std::string_view name) {
  const JsonValue* value = member(schema, name);
  return value == nullptr ? std::string() : value->text;
}

const JsonValue& schemas() {
  static const JsonValue document = [] {
    std::ifstream file(std::string(FANFARE_SOURCE_DIR) + "/testdata/message_schema.json");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return parse_json(text).value();
  }();
  return *member(document, "schemas");
}

std::string snake_case(std::string_view camel) {
  std::string out;
  for (const char c : camel) {
    if (c >= 'A' && c <= 'Z') out += '_';
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// A way down to one field: the names of the objects around it, outermost first.
struct Field {
  std::vector<std::string> names;  // in camelCase
  const JsonValue* schema = nullptr;
};

// Every field of the tree, objects as well as what is in them.
void collect(const JsonValue& schema, const std::vector<std::string>& above,
             std::vector<Field>& out) {
  for (const JsonMember& property : member(schema, "properties")->members) {
    Field field{above, &property.value};
    field.names.push_back(property.name);
    out.push_back(field);
    const std::string object = text_of(property.value, "$ref");
    if (!object.empty()) collect(*member(schemas(), object), field.names, out);
  }
}

std::vector<Field> all_fields() {
  std::vector<Field> fields;
  collect(*member(schemas(), "Message"), {}, fields);
  return fields;
}

std::string dotted(const Field& field, bool camel) {
  std::string path = "message";
  for (const std::string& name : field.names) path += "." + (camel ? name : snake_case(name));
  return path;
}

// Values that the field takes, written as Fanfare writes them.
std::vector<std::string> samples(const JsonValue& schema) {
  const std::string type = text_of(schema, "type");
  const std::string format = text_of(schema, "format");
  if (!text_of(schema, "$ref").empty()) return {"{}"};
  if (const JsonValue* values = member(schema, "enum")) {
    std::vector<std::string> all;
    for (const auto& [_, value] : values->members) all.push_back(fmt::format("\"{}\"", value.text));
    return all;
  }
  if (format == "google-duration") return {R"("0s")", R"("3s")", R"("3.500000000s")"};
  if (format == "google-datetime") return {R"("2026-11-24T12:00:00Z")"};
  if (type == "string") return {R"("text")", R"("ü \" \\ 😀")"};
  if (type == "boolean") return {"true", "false"};
  if (type == "integer") return {"7", "-2147483648", "2147483647"};
  if (type == "number") return {"0.25", "1"};
  if (type == "array") {
    const auto items = samples(*member(schema, "items"));
    return {fmt::format("[{},{}]", items.front(), items.back())};
  }
  if (const JsonValue* values = member(schema, "additionalProperties")) {
    if (text_of(*values, "type") == "string") return {R"({"key":"value","other":""})"};
    if (text_of(*values, "type") == "any") return {R"({"z":[1.0,null,{"deep":true}],"a":"b"})"};
  }
  ADD_FAILURE() << "the schema has a kind of value that this test does not know: " << type;
  return {};
}

// What no field of this kind takes.
std::string wrong_value(const JsonValue& schema) {
  const std::string type = text_of(schema, "type");
  return type == "string" || type == "boolean" ? "[7]" : "true";
}

// A message with this one field.
std::string message_with(const Field& field, const std::string& value, bool camel) {
  std::string open;
  std::string close;
  for (const std::string& name : field.names) {
    open += fmt::format("{{\"{}\":", camel ? name : snake_case(name));
    close += "}";
  }
  return open + value + close;
}

// FCM's name for a sent message stands in answers only.
bool is_output_only(const Field& field) {
  return field.names == std::vector<std::string>{"name"};
}

TEST(MessageSchema, EveryFieldIsReadInBothSpellingsKeptAndWritten) {
  for (const Field& field : all_fields()) {
    for (const std::string& value : samples(*field.schema)) {
      const std::string snake = message_with(field, value, false);
      for (const std::string& given : {snake, message_with(field, value, true)}) {
        const auto parsed = parse_message(given);
        ASSERT_TRUE(parsed) << given << ": " << parsed.error().what;
        const std::string written = write_message(parsed->message, parsed->target);
        EXPECT_EQ(written, is_output_only(field) ? "{}" : snake);
        const auto again = parse_message(written);
        ASSERT_TRUE(again) << written;
        EXPECT_EQ(again->message, parsed->message) << written;
        EXPECT_EQ(again->target, parsed->target) << written;
      }
    }
  }
}

TEST(MessageSchema, AWrongValueIsRefusedWithItsPathInEveryField) {
  for (const Field& field : all_fields()) {
    for (const bool camel : {false, true}) {
      const std::string json = message_with(field, wrong_value(*field.schema), camel);
      const ReadMessage read = read_message(json);
      ASSERT_EQ(read.faults.size(), 1U) << json;
      EXPECT_EQ(read.faults[0].kind, ReadFault::Kind::value) << json;
      // Inside an array or a map the path goes on.
      EXPECT_TRUE(read.faults[0].path.starts_with(dotted(field, camel))) << read.faults[0].path;
    }
  }
}

TEST(MessageSchema, AnUnknownFieldIsRefusedWithItsPathInEveryObject) {
  std::vector<Field> objects{Field{}};
  for (const Field& field : all_fields()) {
    if (!text_of(*field.schema, "$ref").empty()) objects.push_back(field);
  }
  EXPECT_GT(objects.size(), 10U);
  for (Field object : objects) {
    object.names.emplace_back("noSuchField");
    const ReadMessage read = read_message(message_with(object, "1", true));
    ASSERT_EQ(read.faults.size(), 1U) << dotted(object, true);
    EXPECT_EQ(read.faults[0].kind, ReadFault::Kind::unknown);
    EXPECT_EQ(read.faults[0].path, dotted(object, true));
  }
}

// --- The other way round: what Fanfare declares ---

struct NameCollector;

template <class T>
void collect_names(const std::string& path, std::set<std::string>& out);

struct NameCollector {
  const std::string& above;
  std::set<std::string>& out;

  template <class T>
  void operator()(std::string_view name, const T&) const {
    out.insert(above + "." + std::string(name));
  }
  template <class T>
  void operator()(std::string_view name, const std::optional<T>&) const {
    const std::string path = above + "." + std::string(name);
    out.insert(path);
    if constexpr (std::is_aggregate_v<T>) collect_names<T>(path, out);
  }
};

template <class T>
void collect_names(const std::string& path, std::set<std::string>& out) {
  T value;
  visit_fields(value, NameCollector{path, out});
}

TEST(MessageSchema, FanfareDeclaresWhatFcmDeclaresAndNothingElse) {
  std::set<std::string> ours{"message.name", "message.token", "message.fid", "message.topic",
                             "message.condition"};
  collect_names<Message>("message", ours);
  std::set<std::string> theirs;
  for (const Field& field : all_fields()) theirs.insert(dotted(field, false));
  EXPECT_EQ(ours, theirs);
  EXPECT_GT(theirs.size(), 100U);
}

}  // namespace
}  // namespace fanfare::fcm
