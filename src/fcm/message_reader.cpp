#include <algorithm>
#include <charconv>
#include <concepts>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/time_text.h"
#include "fcm/json_document.h"
#include "fcm/message_fields.h"
#include "fcm/message_json.h"

namespace fanfare::fcm {
namespace {

using std::chrono::nanoseconds;
using Kind = JsonValue::Kind;
using FaultKind = ReadFault::Kind;

// "body_loc_key" is also "bodyLocKey" (proto-JSON).
std::string camel_case(std::string_view snake) {
  std::string out;
  bool upper = false;
  for (const char c : snake) {
    if (c == '_') {
      upper = true;
    } else {
      out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return out;
}

template <class Number>
std::optional<Number> to_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Digits only: from_chars alone would take a sign inside "1.-5s".
std::optional<std::int64_t> to_digits(std::string_view text) {
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return digits ? to_number<std::int64_t>(text) : std::nullopt;
}

// "3s", "3.5s", "-0.000000001s" (proto-JSON's Duration).
std::optional<nanoseconds> to_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const auto dot = text.find('.');
  const auto seconds = to_digits(text.substr(0, dot));
  std::int64_t fraction = 0;
  if (dot != std::string_view::npos) {
    std::string digits(text.substr(dot + 1));
    if (digits.empty() || digits.size() > 9) return std::nullopt;
    digits.resize(9, '0');
    const auto read = to_digits(digits);
    if (!read) return std::nullopt;
    fraction = *read;
  }
  constexpr std::int64_t most_seconds = 9'000'000'000;  // 285 years; nanoseconds hold 292.
  if (!seconds || *seconds > most_seconds) return std::nullopt;
  const nanoseconds value{*seconds * 1'000'000'000 + fraction};
  return negative ? -value : value;
}

// Reads values into fields. A fault ends the reading of its branch only; `path_` names the field
// being read.
class Reader {
 public:
  explicit Reader(std::string root) : path_(std::move(root)) {}

  [[nodiscard]] std::vector<ReadFault> take_faults() { return std::move(faults_); }

  void fault(FaultKind kind, std::string what, std::string remedy) {
    faults_.push_back({kind, path_, std::move(what), std::move(remedy)});
  }
  void fault(std::string what, std::string remedy) {
    fault(FaultKind::value, std::move(what), std::move(remedy));
  }

  // Runs `read` with the path extended, as "message" by ".android" or "[3]".
  void at(std::string_view step, auto&& read) {
    const std::size_t size = path_.size();
    path_ += step;
    read();
    path_.resize(size);
  }

  void read(const JsonValue& value, std::string& out) {
    if (expect(value, Kind::string)) out = value.text;
  }

  void read(const JsonValue& value, std::same_as<bool> auto& out) {
    if (value.kind == Kind::boolean) {
      out = value.text == "true";
    } else {
      fault(fmt::format("expected true or false, found {}", describe(value.kind)),
            "Write true or false without quotes.");
    }
  }

  void read(const JsonValue& value, std::int32_t& out) {
    read_number(value, out, "32-bit integer");
  }
  void read(const JsonValue& value, float& out) { read_number(value, out, "number"); }

  void read(const JsonValue& value, nanoseconds& out) {
    if (!expect(value, Kind::string)) return;
    if (const auto duration = to_duration(value.text)) {
      out = *duration;
    } else {
      fault(fmt::format("\"{}\" is no duration", value.text),
            "Write seconds with an s behind them, such as \"3600s\" or \"0.5s\".");
    }
  }

  void read(const JsonValue& value, std::chrono::system_clock::time_point& out) {
    if (!expect(value, Kind::string)) return;
    if (const auto time = parse_rfc3339(value.text)) {
      out = std::chrono::floor<std::chrono::milliseconds>(*time);
    } else {
      fault(fmt::format("\"{}\" is no time", value.text),
            "Write RFC 3339, such as \"2026-11-24T12:00:00Z\".");
    }
  }

  void read(const JsonValue& value, JsonObject& out) {
    if (!expect(value, Kind::object)) return;
    std::string text;
    append_json(text, value);
    if (auto object = JsonObject::parse(text)) {
      out = std::move(*object);
    } else {
      fault(object.error().what, object.error().remedy);
    }
  }

  template <class Enum>
    requires std::is_enum_v<Enum>
  void read(const JsonValue& value, Enum& out) {
    if (!expect(value, Kind::string)) return;
    constexpr auto& names = EnumNames<Enum>::names;
    std::string name = value.text;
    // The official SDKs write "normal" and "high", and FCM takes them; other enums it does not.
    if constexpr (std::same_as<Enum, AndroidPriority>) {
      if (name == "normal" || name == "high") name = name == "high" ? "HIGH" : "NORMAL";
    }
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) {
      fault(fmt::format("FCM knows no value \"{}\" here", value.text),
            fmt::format("Use one of {}.", fmt::join(names, ", ")));
    } else {
      out = static_cast<Enum>(found - names.begin());
    }
  }

  void read(const JsonValue& value, DataMap& out) {
    if (!expect(value, Kind::object)) return;
    for (const auto& [key, element] : value.members) {
      at(fmt::format("[\"{}\"]", key), [&] { read(element, out[key]); });
    }
  }

  template <class T>
  void read(const JsonValue& value, std::vector<T>& out) {
    if (!expect(value, Kind::array)) return;
    for (const auto& [_, element] : value.members) {
      at(fmt::format("[{}]", out.size()), [&] { read(element, out.emplace_back()); });
    }
  }

  template <class T>
  void read(const JsonValue& value, std::optional<T>& out) {
    const std::size_t faults_before = faults_.size();
    read(value, out.emplace());
    // An object read in part is worth checking further; what could not be read is unset.
    const bool in_part = std::is_aggregate_v<T> && value.kind == Kind::object;
    if (faults_.size() > faults_before && !in_part) out.reset();
  }

  template <class Struct>
    requires std::is_aggregate_v<Struct>
  void read(const JsonValue& value, Struct& out) {
    read_object(value, [&](auto&& field) { visit_fields(out, field); });
  }

  // `visit_all(field)` calls field(name, member) for each field that the object may have.
  void read_object(const JsonValue& value, auto&& visit_all) {
    if (!expect(value, Kind::object)) return;
    std::vector<std::string_view> known;
    std::vector<bool> used(value.members.size());
    visit_all([&](std::string_view name, auto& member) {
      known.push_back(name);
      const std::string camel = camel_case(name);
      bool seen = false;
      for (std::size_t i = 0; i < used.size(); ++i) {
        const auto& [given, element] = value.members[i];
        if (given != name && given != camel) continue;
        used[i] = true;
        at("." + given, [&] {
          if (seen) {
            fault(FaultKind::twice, "the field is given in both spellings", "Keep one of the two.");
          }
          if (element.kind != Kind::null) read(element, member);
        });
        seen = true;
      }
    });
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (used[i]) continue;
      at("." + value.members[i].name, [&] {
        fault(FaultKind::unknown, "FCM knows no such field",
              known.empty() ? std::string("The object has no fields.")
                            : fmt::format("Known here: {}.", fmt::join(known, ", ")));
      });
    }
  }

 private:
  bool expect(const JsonValue& value, Kind kind) {
    if (value.kind == kind) return true;
    const bool quotable =
        kind == Kind::string && (value.kind == Kind::number || value.kind == Kind::boolean);
    fault(fmt::format("expected {}, found {}", describe(kind), describe(value.kind)),
          quotable ? fmt::format("FCM takes only a string here: write \"{}\".", value.text)
                   : fmt::format("Write {} here, or leave the field out.", describe(kind)));
    return false;
  }

  // proto-JSON takes numbers in quotes too.
  template <class Number>
  void read_number(const JsonValue& value, Number& out, std::string_view what) {
    const bool may_be = value.kind == Kind::number || value.kind == Kind::string;
    if (const auto number = may_be ? to_number<Number>(value.text) : std::nullopt) {
      out = *number;
    } else {
      fault(
          fmt::format("expected a {}, found {}", what, may_be ? value.text : describe(value.kind)),
          fmt::format("Write a {} without quotes.", what));
    }
  }

  std::string path_;
  std::vector<ReadFault> faults_;
};

constexpr TargetKind target_kinds[] = {TargetKind::token, TargetKind::fid, TargetKind::topic,
                                       TargetKind::condition};

// The target fields stand beside the message's own; an empty string is as good as none.
void read_fields(Reader& reader, const JsonValue& value, ParsedMessage& out) {
  std::string output_only_name;
  std::array<std::string, std::size(target_kinds)> targets;
  reader.read_object(value, [&](auto&& field) {
    for (std::size_t i = 0; i < targets.size(); ++i) field(to_string(target_kinds[i]), targets[i]);
    visit_fields(out.message, field);
    field("name", output_only_name);
  });
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].empty()) continue;
    if (out.target) {
      reader.fault(FaultKind::targets,
                   fmt::format("both {} and {} are given", to_string(out.target->kind),
                               to_string(target_kinds[i])),
                   "A message has one target: keep one of token, fid, topic and condition.");
    }
    out.target = Target{target_kinds[i], std::move(targets[i])};
  }
}

void read_request(Reader& reader, const JsonValue& value, ParsedMessage& out) {
  const auto message = std::ranges::find(value.members, "message", &JsonMember::name);
  reader.at("message", [&] { read_fields(reader, message->value, out); });
  for (const JsonMember& member : value.members) {
    if (&member == &*message) continue;
    reader.at(member.name, [&] {
      if (member.name == "validate_only" || member.name == "validateOnly") {
        if (member.value.kind != Kind::null) reader.read(member.value, out.validate_only);
      } else {
        reader.fault(FaultKind::unknown, "FCM knows no such field",
                     "Known beside message: validate_only.");
      }
    });
  }
}

}  // namespace

ReadMessage read_message(std::string_view json) {
  ReadMessage read;
  const auto document = parse_json(json);
  if (!document) {
    read.faults.push_back({FaultKind::json, "", document.error().what, document.error().remedy});
    return read;
  }
  const bool is_request =
      std::ranges::find(document->members, "message", &JsonMember::name) != document->members.end();
  Reader reader(is_request ? "" : "message");
  if (is_request) {
    read_request(reader, *document, read.parsed);
  } else {
    read_fields(reader, *document, read.parsed);
  }
  read.faults = reader.take_faults();
  return read;
}

Result<ParsedMessage> parse_message(std::string_view json) {
  ReadMessage read = read_message(json);
  if (read.faults.empty()) return std::move(read.parsed);
  ReadFault& first = read.faults.front();
  return fail(
      Error::Kind::input,
      first.path.empty() ? std::move(first.what) : fmt::format("{}: {}", first.path, first.what),
      std::move(first.remedy));
}

}  // namespace fanfare::fcm
