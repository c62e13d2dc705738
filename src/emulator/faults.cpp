#include "emulator/faults.h"

#include <array>
#include <cmath>
#include <sstream>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 17> fault_names = {"none",
                                                          "project_not_found",
                                                          "api_disabled",
                                                          "iam",
                                                          "revoked_key",
                                                          "clock_skew",
                                                          "account_gone",
                                                          "html_404",
                                                          "html_502",
                                                          "apns_broken",
                                                          "outage_404",
                                                          "unauthenticated",
                                                          "service_503",
                                                          "quota_429",
                                                          "payload_invalid",
                                                          "bare_invalid_argument",
                                                          "bare_payload_invalid"};

constexpr double day_ms = 86'400'000;
constexpr double year_s = 366 * 86'400.0;
constexpr double big = 9'007'199'254'740'992;  // What a JSON number holds exactly: 2^53.

std::optional<Fault> parse_fault(std::string_view name) {
  for (std::size_t i = 0; i < fault_names.size(); ++i) {
    if (fault_names[i] == name) return static_cast<Fault>(i);
  }
  return std::nullopt;
}

std::string join_fault_names() {
  std::string all;
  for (const auto name : fault_names) all.append(all.empty() ? "" : ", ").append(name);
  return all;
}

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

std::optional<std::uint64_t> whole_in(const json::value& value, double low, double high) {
  const auto number = number_in(value, low, high);
  if (!number || std::floor(*number) != *number) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

// Each setter answers what the value must be when it is not that, else an empty text.
using Setter = std::string (*)(Faults&, const json::value&);

std::string set_fault(Faults& faults, const json::value& value) {
  const auto fault = value.is_string() ? parse_fault(value.get_string()) : std::nullopt;
  if (!fault) return "one of " + join_fault_names();
  faults.fault = *fault;
  return {};
}

std::string set_share(double& share, const json::value& value) {
  const auto number = number_in(value, 0, 1);
  if (!number) return "a number from 0 to 1";
  share = *number;
  return {};
}

std::string set_milliseconds(std::chrono::milliseconds& span, const json::value& value) {
  const auto number = whole_in(value, 0, day_ms);
  if (!number) return "whole milliseconds up to a day";
  span = std::chrono::milliseconds(*number);
  return {};
}

std::string set_flag(bool& flag, const json::value& value) {
  if (!value.is_bool()) return "true or false";
  flag = value.get_bool();
  return {};
}

std::string set_retry_after(Faults& faults, const json::value& value) {
  faults.retry_after.reset();
  if (value.is_null()) return {};
  const auto number = whole_in(value, 0, year_s);
  if (!number) return "whole seconds up to a year, or null for no Retry-After";
  faults.retry_after = std::chrono::seconds(*number);
  return {};
}

std::string set_quota(Faults& faults, const json::value& value) {
  faults.quota_per_minute.reset();
  if (value.is_null()) return {};
  const auto number = whole_in(value, 0, big);
  if (!number) return "a whole number of messages, or null for no limit";
  faults.quota_per_minute = number;
  return {};
}

std::string set_whole(std::uint64_t& target, const json::value& value) {
  const auto number = whole_in(value, 0, big);
  if (!number) return "a whole number from 0 to 2^53";
  target = *number;
  return {};
}

struct Setting {
  std::string_view key;
  Setter set;
};

constexpr std::array<Setting, 11> settings_table = {{
    {"fault", set_fault},
    {"outage_share", [](Faults& f, const json::value& v) { return set_share(f.outage_share, v); }},
    {"latency_ms", [](Faults& f, const json::value& v) { return set_milliseconds(f.latency, v); }},
    {"latency_jitter_ms",
     [](Faults& f, const json::value& v) { return set_milliseconds(f.latency_jitter, v); }},
    {"error_503_share",
     [](Faults& f, const json::value& v) { return set_share(f.error_503_share, v); }},
    {"retry_after", set_retry_after},
    {"retry_after_as_date",
     [](Faults& f, const json::value& v) { return set_flag(f.retry_after_as_date, v); }},
    {"quota_per_minute", set_quota},
    {"foreign_project_404",
     [](Faults& f, const json::value& v) { return set_flag(f.foreign_project_404, v); }},
    {"size_limit_bytes",
     [](Faults& f, const json::value& v) { return set_whole(f.size_limit_bytes, v); }},
    {"seed", [](Faults& f, const json::value& v) { return set_whole(f.seed, v); }},
}};

Result<void> apply_one(Faults& faults, std::string_view key, const json::value& value) {
  for (const auto& setting : settings_table) {
    if (setting.key != key) continue;
    const auto wanted = setting.set(faults, value);
    if (wanted.empty()) return {};
    return fail(
        Error::Kind::input,
        fmt::format("fault setting {}: not {}", key, std::string_view(json::serialize(value))),
        fmt::format("{} is {}", key, wanted));
  }
  std::string known;
  for (const auto& setting : settings_table) {
    known.append(known.empty() ? "" : ", ").append(setting.key);
  }
  return fail(Error::Kind::input, fmt::format("fault setting {} is unknown", key),
              "the settings are " + known);
}

json::value to_json_value(const toml::node& node) {
  json::value value = json::array();  // No setting takes a list, so it is refused by name.
  if (const auto* text = node.as_string()) value = text->get();
  if (const auto* whole = node.as_integer()) value = whole->get();
  if (const auto* number = node.as_floating_point()) value = number->get();
  if (const auto* flag = node.as_boolean()) value = flag->get();
  return value;
}

}  // namespace

std::string_view name_of(Fault fault) noexcept {
  return fault_names[static_cast<std::size_t>(fault)];
}

Result<Faults> apply(Faults faults, const json::object& settings) {
  for (const auto& member : settings) {
    if (auto done = apply_one(faults, member.key(), member.value()); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  return faults;
}

Result<Faults> parse_scenario(std::string_view toml_text) {
  json::object settings;
  try {
    for (const auto& [key, node] : toml::parse(toml_text)) {
      settings[std::string_view(key.str())] = to_json_value(node);
    }
  } catch (const toml::parse_error& error) {
    return fail(
        Error::Kind::input,
        fmt::format("the scenario is not TOML: line {}, column {}: {}", error.source().begin.line,
                    error.source().begin.column, error.description()),
        "mend that line; src/emulator/README.md has an example");
  }
  return apply(Faults{}, settings);
}

json::object to_json(const Faults& faults) {
  json::object all;
  all["fault"] = json::string(name_of(faults.fault));
  all["outage_share"] = faults.outage_share;
  all["latency_ms"] = faults.latency.count();
  all["latency_jitter_ms"] = faults.latency_jitter.count();
  all["error_503_share"] = faults.error_503_share;
  all["retry_after"] = nullptr;
  if (faults.retry_after) all["retry_after"] = faults.retry_after->count();
  all["retry_after_as_date"] = faults.retry_after_as_date;
  all["quota_per_minute"] = nullptr;
  if (faults.quota_per_minute) all["quota_per_minute"] = *faults.quota_per_minute;
  all["foreign_project_404"] = faults.foreign_project_404;
  all["size_limit_bytes"] = faults.size_limit_bytes;
  all["seed"] = faults.seed;
  return all;
}

}  // namespace fanfare::emulator
