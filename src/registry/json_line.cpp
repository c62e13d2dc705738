#include "registry/json_line.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

namespace fanfare::registry {

struct JsonLine::Parser {
  simdjson::dom::parser parser;
  std::string padded;
};

JsonLine::JsonLine() : parser_(std::make_unique<Parser>()) {}
JsonLine::~JsonLine() = default;

namespace {

using simdjson::SUCCESS;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

// What a member may be beside a string.
struct Allowed {
  bool list = false;      // Of strings.
  bool fraction = false;  // 1700000000.5
  bool truth = false;     // true and false
};

Allowed allowed_in(Field field, bool mapped) {
  return {.list = field == Field::tags,
          .fraction = field == Field::last_seen,
          .truth = field == Field::state && mapped};
}

// A member as text: a string, a whole number (user ids often are), null for nothing. False: it is
// something else.
bool text_of(element value, Allowed allowed, std::string& storage, std::string_view& out) {
  out = {};
  if (value.get(out) == SUCCESS) return true;
  storage.clear();
  if (std::int64_t number = 0; value.get(number) == SUCCESS) {
    storage = fmt::format("{}", number);
  } else if (std::uint64_t large = 0; value.get(large) == SUCCESS) {
    storage = fmt::format("{}", large);
  } else if (double real = 0; allowed.fraction && value.get(real) == SUCCESS) {
    storage = fmt::format("{:.9f}", real);
  } else if (bool truth = false; allowed.truth && value.get(truth) == SUCCESS) {
    storage = truth ? "true" : "false";
  } else if (array items; allowed.list && value.get(items) == SUCCESS) {
    for (const element item : items) {
      std::string_view text;
      if (item.get(text) != SUCCESS) return false;
      if (!storage.empty()) storage += ';';
      storage += text;
    }
  } else {
    return value.is_null();
  }
  out = storage;
  return true;
}

std::optional<element> at_path(object from, std::string_view path) {
  element found;
  while (true) {
    if (from.at_key(path).get(found) == SUCCESS) return found;
    const auto dot = path.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    if (from.at_key(path.substr(0, dot)).get(found) != SUCCESS) return std::nullopt;
    if (found.get(from) != SUCCESS) return std::nullopt;
    path.remove_prefix(dot + 1);
  }
}

std::string names_in(object from) {
  constexpr std::size_t enough = 200;
  std::string names;
  for (const auto& [name, value] : from) {
    if (!names.empty()) names += ", ";
    if (names.size() > enough) return names + "…";
    names += name.substr(0, enough);
  }
  return names.empty() ? "nothing" : names;
}

// History ---------------------------------------------------------------------------------------

std::string text_at(object from, std::string_view name) {
  std::string_view text;
  return from.at_key(name).get(text) == SUCCESS ? std::string(text) : std::string();
}

std::optional<SystemTime> time_at(object from, std::string_view name) {
  return parse_rfc3339(text_at(from, name));
}

bool read_event(element value, Event& event) {
  object from;
  if (value.get(from) != SUCCESS) return false;
  const auto at = time_at(from, "at");
  const auto before = parse_state(text_at(from, "from"));
  const auto after = parse_state(text_at(from, "to"));
  if (!at || !before || !after) return false;
  event = {*at,
           *before,
           *after,
           text_at(from, "cause"),
           text_at(from, "rule"),
           text_at(from, "evidence")};
  return !event.cause.empty() && event.cause.size() <= 64 && event.rule.size() <= 256;
}

bool read_targets(object from, std::string_view name, std::vector<Target>& out) {
  array items;
  if (from.at_key(name).get(items) != SUCCESS) return true;
  for (const element item : items) {
    object target;
    if (item.get(target) != SUCCESS) return false;
    const std::string token = text_at(target, "token");
    const std::string fid = text_at(target, "fid");
    if (token.empty() == fid.empty()) return false;
    out.push_back(token.empty() ? Target{TargetKind::fid, fid} : Target{TargetKind::token, token});
  }
  return true;
}

bool read_history(object line, array events, DeviceHistory& history, Device& times) {
  for (const element value : events) {
    Event event;
    if (!read_event(value, event)) return false;
    history.events.push_back(std::move(event));
  }
  times.created = time_at(line, "created");
  times.refreshed = time_at(line, "refreshed");
  times.changed = time_at(line, "changed");
  times.last_accepted = time_at(line, "last_accepted");
  return read_targets(line, "replaces", history.replaces) &&
         read_targets(line, "replaced_by", history.replaced_by);
}

}  // namespace

std::string JsonLine::read(std::string_view text, const FieldMap& fields, DeviceRow& row) {
  history_.reset();
  std::string& padded = parser_->padded;
  padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  padded.assign(text);
  object line;
  const auto error = parser_->parser.parse(padded.data(), text.size(), false).get(line);
  if (error == simdjson::INCORRECT_TYPE) return "the line is not a JSON object";
  if (error != SUCCESS) return fmt::format("not JSON: {}", simdjson::error_message(error));

  const auto set = [&](Field field, element value) {
    std::string_view found;
    if (!text_of(value, allowed_in(field, fields.is_mapped(field)),
                 texts_[static_cast<std::size_t>(field)], found)) {
      return false;
    }
    row.set(field, found);
    return true;
  };
  const auto refuse = [](Field field) { return fmt::format("{} is not a text", to_string(field)); };
  for (const auto& [name, value] : line) {
    const auto field = parse_field(name);
    // Of a repeated name the last counts.
    if (field && !fields.is_mapped(*field) && !set(*field, value)) return refuse(*field);
  }
  if (fields.any_mapped()) {
    for (std::size_t i = 0; i < field_count; ++i) {
      const auto field = static_cast<Field>(i);
      if (!fields.is_mapped(field) || fields.source(field).empty()) continue;
      const auto value = at_path(line, fields.source(field));
      if (value && !set(field, *value)) return refuse(field);
      if (!value && (field == Field::token || field == Field::fid)) {
        return fmt::format("there is no {} in it, but {}", fields.source(field), names_in(line));
      }
    }
  }
  array events;
  if (line.at_key("history").get(events) != SUCCESS) return {};
  history_.emplace();
  times_ = {};
  if (!read_history(line, events, *history_, times_)) {
    history_.reset();
    return "history is not as 'devices export --history' writes it";
  }
  return {};
}

DeviceHistory JsonLine::take_history(Device& device) {
  device.created = times_.created;
  device.refreshed = times_.refreshed;
  device.changed = times_.changed;
  device.last_accepted = times_.last_accepted;
  return std::exchange(history_, std::nullopt).value_or(DeviceHistory{});
}

}  // namespace fanfare::registry
