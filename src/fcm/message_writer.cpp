#include <cmath>
#include <concepts>
#include <iterator>

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/time_text.h"
#include "fcm/message_fields.h"
#include "fcm/message_json.h"

namespace fanfare::fcm {
namespace {

using std::chrono::nanoseconds;

template <class T>
bool is_unset(const std::optional<T>& field) {
  return !field;
}
bool is_unset(const auto& field) {
  return field.empty();
}

void write(std::string& out, const std::string& text) {
  append_json_string(out, text);
}
void write(std::string& out, std::same_as<bool> auto value) {
  out += value ? "true" : "false";
}
void write(std::string& out, std::int32_t value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}
// JSON has no NaN and no infinity; proto-JSON writes them as strings.
void write(std::string& out, float value) {
  const std::string_view quote = std::isfinite(value) ? "" : "\"";
  fmt::format_to(std::back_inserter(out), "{0}{1}{0}", quote, value);
}
// No fraction or nine digits of it, as the official SDKs write durations.
void write(std::string& out, nanoseconds value) {
  constexpr std::int64_t per_second = 1'000'000'000;
  const std::int64_t seconds = value.count() / per_second;
  const std::int64_t fraction = value.count() % per_second;
  out += '"';
  if (value.count() < 0) out += '-';
  fmt::format_to(std::back_inserter(out), "{}", seconds < 0 ? -seconds : seconds);
  if (fraction != 0) {
    fmt::format_to(std::back_inserter(out), ".{:09}", fraction < 0 ? -fraction : fraction);
  }
  out += "s\"";
}
void write(std::string& out, std::chrono::system_clock::time_point time) {
  append_json_string(out, format_rfc3339(time));
}
void write(std::string& out, const JsonObject& object) {
  out += object.text();
}

template <class Enum>
  requires std::is_enum_v<Enum>
void write(std::string& out, Enum value) {
  append_json_string(out, EnumNames<Enum>::names[static_cast<std::size_t>(value)]);
}

void write(std::string& out, const DataMap& map) {
  char separator = '{';
  for (const auto& [key, value] : map) {
    out += separator;
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
    separator = ',';
  }
  out += '}';
}

template <class T>
void write(std::string& out, const std::vector<T>& list) {
  char separator = '[';
  for (const T& element : list) {
    out += separator;
    write(out, element);
    separator = ',';
  }
  out += ']';
}

template <class Struct>
  requires std::is_aggregate_v<Struct>
void write(std::string& out, const Struct& value);

template <class T>
void write(std::string& out, const std::optional<T>& field) {
  write(out, *field);
}

// Appends `"name":value` for each set field, with commas between them.
struct FieldWriter {
  std::string& out;
  bool first = true;

  void operator()(std::string_view name, const auto& field) {
    if (is_unset(field)) return;
    key(name);
    write(out, field);
  }
  void key(std::string_view name) {
    if (!first) out += ',';
    first = false;
    out += '"';
    out += name;
    out += "\":";
  }
};

template <class Struct>
  requires std::is_aggregate_v<Struct>
void write(std::string& out, const Struct& value) {
  out += '{';
  visit_fields(value, FieldWriter{out});
  out += '}';
}

}  // namespace

std::string write_message(const Message& message, const std::optional<Target>& target) {
  std::string out = "{";
  FieldWriter fields{out};
  if (target) fields(to_string(target->kind), target->value);
  visit_fields(message, fields);
  out += '}';
  return out;
}

}  // namespace fanfare::fcm
