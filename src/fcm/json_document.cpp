#include "fcm/json_document.h"

#include <algorithm>
#include <optional>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "base/json_text.h"

namespace fanfare::fcm {
namespace {

using boost::json::error_code;
using BoostView = boost::json::string_view;

std::string_view view(BoostView text) {
  return {text.data(), text.size()};
}

// Builds the tree from the parser's events. `open_` is the path from the root to the container
// being filled; pointers stay valid since only the innermost container grows.
struct TreeBuilder {
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

  JsonValue root;
  std::optional<std::string> duplicate;  // The member that was named twice.
  std::size_t count = 0;                 // Of values.

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& error) { return open(JsonValue::Kind::object, error); }
  bool on_object_end(std::size_t, error_code& error) {
    if (!names_are_unique(*open_.back())) {
      error = boost::json::make_error_code(boost::json::error::syntax);
      return false;
    }
    open_.pop_back();
    return true;
  }
  bool on_array_begin(error_code& error) { return open(JsonValue::Kind::array, error); }
  bool on_array_end(std::size_t, error_code&) {
    open_.pop_back();
    return true;
  }
  bool on_key_part(BoostView part, std::size_t, error_code&) { return collect(part); }
  bool on_key(BoostView rest, std::size_t, error_code&) {
    collect(rest);
    name_ = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(BoostView part, std::size_t, error_code&) { return collect(part); }
  bool on_string(BoostView rest, std::size_t, error_code& error) {
    collect(rest);
    return add_collected(JsonValue::Kind::string, error);
  }
  bool on_number_part(BoostView part, error_code&) { return collect(part); }
  bool on_int64(std::int64_t, BoostView rest, error_code& error) { return number(rest, error); }
  bool on_uint64(std::uint64_t, BoostView rest, error_code& error) { return number(rest, error); }
  bool on_double(double, BoostView rest, error_code& error) { return number(rest, error); }
  bool on_bool(bool value, error_code& error) {
    text_ = value ? "true" : "false";
    return add_collected(JsonValue::Kind::boolean, error);
  }
  bool on_null(error_code& error) { return add_collected(JsonValue::Kind::null, error); }
  bool on_comment_part(BoostView, error_code&) { return false; }
  bool on_comment(BoostView, error_code&) { return false; }

 private:
  bool collect(BoostView part) {
    text_ += view(part);
    return true;
  }
  bool number(BoostView rest, error_code& error) {
    collect(rest);
    return add_collected(JsonValue::Kind::number, error);
  }
  bool add_collected(JsonValue::Kind kind, error_code& error) {
    if (!is_room(error)) return false;
    add({.kind = kind, .text = std::exchange(text_, {}), .members = {}});
    return true;
  }
  bool open(JsonValue::Kind kind, error_code& error) {
    if (!is_room(error)) return false;
    open_.push_back(&add({.kind = kind, .text = {}, .members = {}}));
    return true;
  }
  bool is_room(error_code& error) {
    if (++count <= max_json_values) return true;
    error = boost::json::make_error_code(boost::json::error::array_too_large);
    return false;
  }
  JsonValue& add(JsonValue value) {
    if (open_.empty()) return root = std::move(value);
    auto& siblings = open_.back()->members;
    siblings.push_back({std::exchange(name_, {}), std::move(value)});
    return siblings.back().value;
  }
  bool names_are_unique(const JsonValue& object) {
    std::vector<std::string_view> names;
    names.reserve(object.members.size());
    for (const auto& member : object.members) names.push_back(member.name);
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    if (twice == names.end()) return true;
    duplicate = *twice;
    return false;
  }

  std::vector<JsonValue*> open_;
  std::string name_;
  std::string text_;
};

std::string position(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::ranges::count(before, '\n') + 1;
  const auto line_start = before.rfind('\n');
  const auto column = line_start == std::string_view::npos ? offset + 1 : offset - line_start;
  return fmt::format("line {}, column {}", line, column);
}

}  // namespace

Result<JsonValue> parse_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = max_json_depth;
  boost::json::basic_parser<TreeBuilder> parser(options);
  error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (!error && used < text.size()) {
    error = boost::json::make_error_code(boost::json::error::extra_data);
  }
  if (!error) return std::move(parser.handler().root);

  const std::string where = position(text, used);
  if (const auto& name = parser.handler().duplicate) {
    return fail(
        Error::Kind::input,
        fmt::format("the JSON names \"{}\" twice in the object that ends at {}", *name, where),
        "Keep one of the two.");
  }
  if (error == boost::json::error::too_deep) {
    return fail(
        Error::Kind::input,
        fmt::format("the JSON is nested deeper than {} levels at {}", max_json_depth, where),
        "FCM's messages need about ten levels.");
  }
  if (parser.handler().count > max_json_values) {
    return fail(Error::Kind::input,
                fmt::format("the JSON has more than {} values, up to {}", max_json_values, where),
                "Send it in parts.");
  }
  return fail(Error::Kind::input, fmt::format("not valid JSON at {}: {}", where, error.message()),
              "Mend the text at that place; it must be one JSON value in UTF-8.");
}

void append_json(std::string& out, const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::null:
      out += "null";
      return;
    case JsonValue::Kind::boolean:
    case JsonValue::Kind::number:
      out += value.text;
      return;
    case JsonValue::Kind::string:
      append_json_string(out, value.text);
      return;
    case JsonValue::Kind::array:
    case JsonValue::Kind::object:
      break;
  }
  const bool is_object = value.kind == JsonValue::Kind::object;
  out += is_object ? '{' : '[';
  for (const JsonMember& member : value.members) {
    if (&member != &value.members.front()) out += ',';
    if (is_object) {
      append_json_string(out, member.name);
      out += ':';
    }
    append_json(out, member.value);
  }
  out += is_object ? '}' : ']';
}

std::string_view describe(JsonValue::Kind kind) noexcept {
  switch (kind) {
    case JsonValue::Kind::null:
      return "null";
    case JsonValue::Kind::boolean:
      return "true or false";
    case JsonValue::Kind::number:
      return "a number";
    case JsonValue::Kind::string:
      return "a string";
    case JsonValue::Kind::array:
      return "an array";
    case JsonValue::Kind::object:
      return "an object";
  }
  return "";
}

}  // namespace fanfare::fcm
