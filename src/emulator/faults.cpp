#include "emulator/faults.h"

#include <array>
#include <cmath>
#include <concepts>
#include <span>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr double day_ms = 86'400'000;
constexpr double year_s = 366 * 86'400.0;
constexpr double big = 9'007'199'254'740'992;  // What a JSON number holds exactly: 2^53.
constexpr std::size_t max_rules = 100;
constexpr std::size_t longest_topic = 900;

std::optional<double> number_in(const json::value& value, double low, double high) {
  double number = 0;
  if (value.is_int64()) {
    number = static_cast<double>(value.get_int64());
  } else if (value.is_uint64()) {
    number = static_cast<double>(value.get_uint64());
  } else if (value.is_double()) {
    number = value.get_double();
  } else {
    return std::nullopt;
  }
  if (!(number >= low && number <= high)) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> whole_in(const json::value& value, double high) {
  const auto number = number_in(value, 0, high);
  if (!number || std::floor(*number) != *number) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

// --- one kind of value each: what it must be, how it is read and written ---

template <class Value>
struct Kind;

template <>
struct Kind<bool> {
  static std::string wanted() { return "true or false"; }
  static bool read(const json::value& value, bool& to) {
    if (value.is_bool()) to = value.get_bool();
    return value.is_bool();
  }
  static json::value write(bool value) { return value; }
};

template <>
struct Kind<std::uint64_t> {
  static std::string wanted() { return "a whole number from 0 to 2^53"; }
  static bool read(const json::value& value, std::uint64_t& to) {
    const auto number = whole_in(value, big);
    to = number.value_or(to);
    return number.has_value();
  }
  static json::value write(std::uint64_t value) { return value; }
};

template <>
struct Kind<double> {
  static std::string wanted() { return "a number from 0 to 1"; }
  static bool read(const json::value& value, double& to) {
    const auto number = number_in(value, 0, 1);
    to = number.value_or(to);
    return number.has_value();
  }
  static json::value write(double value) { return value; }
};

template <>
struct Kind<std::chrono::milliseconds> {
  static std::string wanted() { return "whole milliseconds up to a day"; }
  static bool read(const json::value& value, std::chrono::milliseconds& to) {
    const auto number = whole_in(value, day_ms);
    if (number) to = std::chrono::milliseconds(*number);
    return number.has_value();
  }
  static json::value write(std::chrono::milliseconds value) { return value.count(); }
};

template <>
struct Kind<std::chrono::seconds> {
  static std::string wanted() { return "whole seconds up to a year"; }
  static bool read(const json::value& value, std::chrono::seconds& to) {
    const auto number = whole_in(value, year_s);
    if (number) to = std::chrono::seconds(*number);
    return number.has_value();
  }
  static json::value write(std::chrono::seconds value) { return value.count(); }
};

template <class Value>
struct Kind<std::optional<Value>> {
  static std::string wanted() { return Kind<Value>::wanted() + ", or null for none"; }
  static bool read(const json::value& value, std::optional<Value>& to) {
    Value read{};
    if (!value.is_null() && !Kind<Value>::read(value, read)) return false;
    to = value.is_null() ? std::nullopt : std::optional(read);
    return true;
  }
  static json::value write(const std::optional<Value>& value) {
    return value ? Kind<Value>::write(*value) : json::value(nullptr);
  }
};

template <>
struct Kind<std::string> {
  static std::string wanted() { return "the name of a topic"; }
  static bool read(const json::value& value, std::string& to) {
    const bool good = value.is_string() && value.get_string().size() <= longest_topic;
    if (good) to = value.get_string();
    return good;
  }
  static json::value write(const std::string& value) { return json::string(value); }
};

template <>
struct Kind<Fault> {
  static std::string wanted() {
    std::string all = "one of none";
    for (const auto& entry : fault_catalogue()) all.append(", ").append(entry.name);
    return all;
  }
  static bool read(const json::value& value, Fault& to) {
    const auto fault = value.is_string() ? parse_fault(value.get_string()) : std::nullopt;
    to = fault.value_or(to);
    return fault.has_value();
  }
  static json::value write(Fault value) { return json::string(name_of(value)); }
};

template <>
struct Kind<Platform> {
  static std::string wanted() { return "android, ios or web"; }
  static bool read(const json::value& value, Platform& to) {
    const auto platform = value.is_string() ? parse_platform(value.get_string()) : std::nullopt;
    to = platform.value_or(to);
    return platform.has_value();
  }
  static json::value write(Platform value) { return json::string(name_of(value)); }
};

/// A choice of a few words, in the order of its enumeration.
template <class Choice, std::size_t count>
struct Words {
  std::array<std::string_view, count> words;

  [[nodiscard]] std::string wanted() const {
    std::string all;
    for (const auto word : words) all.append(all.empty() ? "" : " or ").append(word);
    return all;
  }
  bool read(const json::value& value, Choice& to) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (!value.is_string() || value.get_string() != words[i]) continue;
      to = static_cast<Choice>(i);
      return true;
    }
    return false;
  }
  [[nodiscard]] json::value write(Choice value) const {
    return json::string(words[static_cast<std::size_t>(value)]);
  }
};

template <>
struct Kind<Spread> {
  static constexpr Words<Spread, 3> words{{"uniform", "exponential", "lognormal"}};
  static std::string wanted() { return words.wanted(); }
  static bool read(const json::value& value, Spread& to) { return words.read(value, to); }
  static json::value write(Spread value) { return words.write(value); }
};

template <>
struct Kind<Texts> {
  static constexpr Words<Texts, 3> words{{"captured", "older", "newer"}};
  static std::string wanted() { return words.wanted(); }
  static bool read(const json::value& value, Texts& to) { return words.read(value, to); }
  static json::value write(Texts value) { return words.write(value); }
};

// --- the settings ---

template <class Owner>
struct Setting {
  std::string_view key;
  std::string (*wanted)();
  bool (*read)(Owner&, const json::value&);
  json::value (*write)(const Owner&);
};

/// `Access` gives the setting's place in its owner.
template <class Owner, class Access>
constexpr Setting<Owner> setting(std::string_view key, Access) {
  using Value = std::remove_cvref_t<decltype(Access{}(std::declval<Owner&>()))>;
  return {key, Kind<Value>::wanted,
          [](Owner& owner, const json::value& value) {
            return Kind<Value>::read(value, Access{}(owner));
          },
          [](const Owner& owner) { return Kind<Value>::write(Access{}(owner)); }};
}

constexpr std::array general_settings = {
    setting<Faults>("fault", [](auto& f) -> auto& { return f.fault; }),
    setting<Faults>("outage_share", [](auto& f) -> auto& { return f.outage_share; }),
    setting<Faults>("latency_ms", [](auto& f) -> auto& { return f.latency.base; }),
    setting<Faults>("latency_jitter_ms", [](auto& f) -> auto& { return f.latency.jitter; }),
    setting<Faults>("latency_spread", [](auto& f) -> auto& { return f.latency.spread; }),
    setting<Faults>("oauth_latency_ms", [](auto& f) -> auto& { return f.oauth_latency; }),
    setting<Faults>("error_503_share", [](auto& f) -> auto& { return f.error_503_share; }),
    setting<Faults>("retry_after", [](auto& f) -> auto& { return f.retry_after; }),
    setting<Faults>("retry_after_as_date", [](auto& f) -> auto& { return f.retry_after_as_date; }),
    setting<Faults>("quota_per_minute", [](auto& f) -> auto& { return f.quota_per_minute; }),
    setting<Faults>("device_per_minute", [](auto& f) -> auto& { return f.device.per_minute; }),
    setting<Faults>("device_per_hour", [](auto& f) -> auto& { return f.device.per_hour; }),
    setting<Faults>("collapsible_burst",
                    [](auto& f) -> auto& { return f.device.collapsible_burst; }),
    setting<Faults>("collapsible_refill_s",
                    [](auto& f) -> auto& { return f.device.collapsible_refill; }),
    setting<Faults>("subscriptions_per_second",
                    [](auto& f) -> auto& { return f.subscriptions_per_second; }),
    setting<Faults>("fan_outs", [](auto& f) -> auto& { return f.fan_outs; }),
    setting<Faults>("fan_out_ms", [](auto& f) -> auto& { return f.fan_out; }),
    setting<Faults>("lowered_streams", [](auto& f) -> auto& { return f.lowered_streams; }),
    setting<Faults>("foreign_project_404", [](auto& f) -> auto& { return f.foreign_project_404; }),
    setting<Faults>("size_limit_bytes", [](auto& f) -> auto& { return f.size_limit_bytes; }),
    setting<Faults>("texts", [](auto& f) -> auto& { return f.texts; }),
    setting<Faults>("fake_message_id", [](auto& f) -> auto& { return f.fake_message_id; }),
    setting<Faults>("token_lifetime_s", [](auto& f) -> auto& { return f.token_lifetime; }),
    setting<Faults>("token_chars", [](auto& f) -> auto& { return f.token_chars; }),
    setting<Faults>("seed", [](auto& f) -> auto& { return f.seed; }),
};

/// A rule's latency is one value in memory and three keys in a file.
struct RuleText {
  Rule rule;
  std::optional<std::chrono::milliseconds> latency;
  std::chrono::milliseconds jitter{0};
  Spread spread = Spread::uniform;
};

constexpr std::array rule_settings = {
    setting<RuleText>("fault", [](auto& r) -> auto& { return r.rule.fault; }),
    setting<RuleText>("share", [](auto& r) -> auto& { return r.rule.share; }),
    setting<RuleText>("of_devices", [](auto& r) -> auto& { return r.rule.of_devices; }),
    setting<RuleText>("from_s", [](auto& r) -> auto& { return r.rule.from; }),
    setting<RuleText>("lasts_s", [](auto& r) -> auto& { return r.rule.lasts; }),
    setting<RuleText>("after_requests", [](auto& r) -> auto& { return r.rule.after_requests; }),
    setting<RuleText>("times", [](auto& r) -> auto& { return r.rule.times; }),
    setting<RuleText>("platform", [](auto& r) -> auto& { return r.rule.platform; }),
    setting<RuleText>("topic", [](auto& r) -> auto& { return r.rule.topic; }),
    setting<RuleText>("retry_after", [](auto& r) -> auto& { return r.rule.retry_after; }),
    setting<RuleText>("latency_ms", [](auto& r) -> auto& { return r.latency; }),
    setting<RuleText>("latency_jitter_ms", [](auto& r) -> auto& { return r.jitter; }),
    setting<RuleText>("latency_spread", [](auto& r) -> auto& { return r.spread; }),
};

std::string text_of(const json::value& value) {
  constexpr std::size_t enough = 80;
  auto text = json::serialize(value);
  if (text.size() > enough) text.replace(enough, std::string::npos, "…");
  return text;
}

template <class Owner>
Result<void> apply_one(Owner& owner, std::span<const Setting<Owner>> settings,
                       std::string_view where, std::string_view key, const json::value& value) {
  for (const auto& one : settings) {
    if (one.key != key) continue;
    if (one.read(owner, value)) return {};
    return fail(Error::Kind::input, fmt::format("{}{}: not {}", where, key, text_of(value)),
                fmt::format("{} is {}", key, one.wanted()));
  }
  std::string known;
  for (const auto& one : settings) known.append(known.empty() ? "" : ", ").append(one.key);
  return fail(Error::Kind::input, fmt::format("{}{} is unknown", where, key),
              "the settings are " + known);
}

Result<Rule> parse_rule(const json::value& value, std::size_t number) {
  const auto* settings = value.if_object();
  if (settings == nullptr) {
    return fail(Error::Kind::input, fmt::format("fault setting rules[{}]: not an object", number),
                R"(write for example {"fault":"service_503","share":0.1})");
  }
  const auto where = fmt::format("fault setting rules[{}].", number);
  RuleText text;
  for (const auto& member : *settings) {
    auto done = apply_one<RuleText>(text, rule_settings, where, member.key(), member.value());
    if (!done) return std::unexpected(std::move(done.error()));
  }
  // An outage is of devices: at random it would be another one for every attempt.
  if (text.rule.fault == Fault::outage_404) text.rule.of_devices = true;
  if (text.latency) text.rule.latency = Latency{*text.latency, text.jitter, text.spread};
  if (text.rule.fault == Fault::none && !text.rule.latency) {
    return fail(Error::Kind::input, where + "fault is missing", "name a fault, or a latency_ms");
  }
  return text.rule;
}

Result<void> apply_rules(Faults& faults, const json::value& value) {
  const auto* given = value.if_array();
  if (given == nullptr || given->size() > max_rules) {
    return fail(Error::Kind::input, "fault setting rules: not a list of 100 at most",
                R"(write for example "rules":[{"fault":"service_503","share":0.1}])");
  }
  std::vector<Rule> rules;
  for (const auto& one : *given) {
    auto rule = parse_rule(one, rules.size());
    if (!rule) return std::unexpected(std::move(rule.error()));
    rules.push_back(*std::move(rule));
  }
  faults.rules = std::move(rules);
  return {};
}

/// FCM's limits, as far as they are published, or none.
Result<void> apply_limits(Faults& faults, const json::value& value) {
  const std::string_view word = value.is_string() ? value.get_string() : std::string_view{};
  if (word != "fcm" && word != "none") {
    return fail(Error::Kind::input, fmt::format("fault setting limits: not {}", text_of(value)),
                "limits is fcm or none");
  }
  const Faults none;
  faults.quota_per_minute = none.quota_per_minute;
  faults.device = none.device;
  faults.subscriptions_per_second = none.subscriptions_per_second;
  faults.fan_outs = none.fan_outs;
  if (word == "none") return {};
  faults.quota_per_minute = 600'000;
  faults.device = {.per_minute = 240, .per_hour = 5'000, .collapsible_burst = 20};
  faults.subscriptions_per_second = 3'000;
  faults.fan_outs = 1'000;
  return {};
}

json::object to_json(const Rule& rule) {
  RuleText text{rule, std::nullopt, {}, {}};
  if (rule.latency) {
    text.latency = rule.latency->base;
    text.jitter = rule.latency->jitter;
    text.spread = rule.latency->spread;
  }
  const RuleText plain;
  json::object all;
  for (const auto& one : rule_settings) {
    auto value = one.write(text);
    if (value != one.write(plain)) all[one.key] = std::move(value);
  }
  return all;
}

json::value to_json_value(const toml::node& node) {
  if (const auto* text = node.as_string()) return json::string(text->get());
  if (const auto* whole = node.as_integer()) return whole->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* list = node.as_array()) {
    json::array all;
    for (const auto& one : *list) all.push_back(to_json_value(one));
    return all;
  }
  json::object all;  // Dates are no setting's value, and are refused like an empty table.
  if (const auto* table = node.as_table()) {
    for (const auto& [key, value] : *table) {
      all[std::string_view(key.str())] = to_json_value(value);
    }
  }
  return all;
}

}  // namespace

Result<Faults> apply(Faults faults, const json::object& settings) {
  // First, so that what is named beside it counts whatever the order.
  if (const auto* limits = settings.if_contains("limits")) {
    if (auto done = apply_limits(faults, *limits); !done) return std::unexpected(done.error());
  }
  for (const auto& member : settings) {
    Result<void> done;
    if (member.key() == "rules") {
      done = apply_rules(faults, member.value());
    } else if (member.key() != "limits") {
      done = apply_one<Faults>(faults, general_settings, "fault setting ", member.key(),
                               member.value());
    }
    if (!done) return std::unexpected(std::move(done.error()));
  }
  return faults;
}

Result<Faults> parse_scenario(std::string_view toml_text) {
  try {
    return apply(Faults{}, to_json_value(toml::parse(toml_text)).as_object());
  } catch (const toml::parse_error& error) {
    return fail(
        Error::Kind::input,
        fmt::format("the scenario is not TOML: line {}, column {}: {}", error.source().begin.line,
                    error.source().begin.column, error.description()),
        "mend that line; docs/emulator.md has examples");
  }
}

json::object to_json(const Faults& faults) {
  json::object all;
  for (const auto& one : general_settings) all[one.key] = one.write(faults);
  json::array rules;
  for (const auto& rule : faults.rules) rules.emplace_back(to_json(rule));
  all["rules"] = std::move(rules);
  return all;
}

}  // namespace fanfare::emulator
