#include "emulator/schema.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <fmt/format.h>

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

enum class Kind : std::uint8_t {
  text,
  flag,
  int32,
  real,
  duration,
  timestamp,
  string_map,  // map<string, string>
  any_object,  // google.protobuf.Struct
  enumeration,
  message,
};

struct MessageType;

struct EnumType {
  std::string_view name;  // After "google.firebase.fcm.v1.".
  std::span<const std::string_view> values;
  bool any_case = false;
};

struct Field {
  std::string_view name;  // snake_case, as in the proto file.
  Kind kind = Kind::text;
  bool repeated = false;
  const MessageType* message = nullptr;
  const EnumType* enumeration = nullptr;
  std::string_view oneof = {};  // At most one field of a oneof may be set.
};

struct MessageType {
  std::string_view name;  // After "google.firebase.fcm.v1.", or whole.
  std::span<const Field> fields;
};

// --- the tree of FCM's REST reference (v1, late 2026), bottom up ---

// Every official library sends android.priority in lower case, so the server must take it.
constexpr std::string_view android_priority_values[] = {"NORMAL", "HIGH"};
constexpr EnumType android_priority{"AndroidConfig.AndroidMessagePriority", android_priority_values,
                                    true};
constexpr std::string_view notification_priority_values[] = {
    "PRIORITY_UNSPECIFIED", "PRIORITY_MIN",  "PRIORITY_LOW",
    "PRIORITY_DEFAULT",     "PRIORITY_HIGH", "PRIORITY_MAX"};
constexpr EnumType notification_priority{"AndroidNotification.NotificationPriority",
                                         notification_priority_values};
constexpr std::string_view visibility_values[] = {"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC",
                                                  "SECRET"};
constexpr EnumType visibility{"AndroidNotification.Visibility", visibility_values};
constexpr std::string_view proxy_values[] = {"PROXY_UNSPECIFIED", "ALLOW", "DENY",
                                             "IF_PRIORITY_LOWERED"};
constexpr EnumType proxy{"AndroidNotification.Proxy", proxy_values};

constexpr Field message_of(std::string_view name, const MessageType& type) {
  return {.name = name, .kind = Kind::message, .message = &type};
}
constexpr Field enum_of(std::string_view name, const EnumType& type) {
  return {.name = name, .kind = Kind::enumeration, .enumeration = &type};
}
constexpr Field list_of(std::string_view name, Kind kind) {
  return {.name = name, .kind = kind, .repeated = true};
}
constexpr Field target(std::string_view name) {
  return {.name = name, .oneof = "target"};
}

constexpr Field label_fields[] = {{"analytics_label"}};
constexpr MessageType fcm_options{"FcmOptions", label_fields};
constexpr MessageType android_fcm_options{"AndroidFcmOptions", label_fields};
constexpr Field apns_options_fields[] = {{"analytics_label"}, {"image"}};
constexpr MessageType apns_fcm_options{"ApnsFcmOptions", apns_options_fields};
constexpr Field webpush_options_fields[] = {{"link"}, {"analytics_label"}};
constexpr MessageType webpush_fcm_options{"WebpushFcmOptions", webpush_options_fields};

constexpr Field notification_fields[] = {{"title"}, {"body"}, {"image"}};
constexpr MessageType notification{"Notification", notification_fields};

constexpr Field color_fields[] = {
    {"red", Kind::real}, {"green", Kind::real}, {"blue", Kind::real}, {"alpha", Kind::real}};
constexpr MessageType color{"google.type.Color", color_fields};
constexpr Field light_fields[] = {message_of("color", color),
                                  {"light_on_duration", Kind::duration},
                                  {"light_off_duration", Kind::duration}};
constexpr MessageType light_settings{"LightSettings", light_fields};

constexpr Field android_notification_fields[] = {
    {"title"},
    {"body"},
    {"icon"},
    {"color"},
    {"sound"},
    {"tag"},
    {"click_action"},
    {"body_loc_key"},
    list_of("body_loc_args", Kind::text),
    {"title_loc_key"},
    list_of("title_loc_args", Kind::text),
    {"channel_id"},
    {"ticker"},
    {"sticky", Kind::flag},
    {"event_time", Kind::timestamp},
    {"local_only", Kind::flag},
    enum_of("notification_priority", notification_priority),
    {"default_sound", Kind::flag},
    {"default_vibrate_timings", Kind::flag},
    {"default_light_settings", Kind::flag},
    list_of("vibrate_timings", Kind::duration),
    enum_of("visibility", visibility),
    {"notification_count", Kind::int32},
    message_of("light_settings", light_settings),
    {"image"},
    enum_of("proxy", proxy),
    {"bypass_proxy_notification", Kind::flag}};
constexpr MessageType android_notification{"AndroidNotification", android_notification_fields};

constexpr Field android_notification_v2_fields[] = {
    {"title"},
    {"body"},
    {"icon"},
    {"color"},
    {"sound"},
    {"tag"},
    {"id", Kind::int32},
    {"click_action"},
    {"body_loc_key"},
    list_of("body_loc_args", Kind::text),
    {"title_loc_key"},
    list_of("title_loc_args", Kind::text),
    {"channel_id"},
    {"ticker"},
    {"sticky", Kind::flag},
    {"event_time", Kind::timestamp},
    {"local_only", Kind::flag},
    enum_of("notification_priority", notification_priority),
    {"default_sound", Kind::flag},
    {"default_vibrate_timings", Kind::flag},
    {"default_light_settings", Kind::flag},
    list_of("vibrate_timings", Kind::duration),
    enum_of("visibility", visibility),
    {"notification_count", Kind::int32},
    message_of("light_settings", light_settings),
    {"image"}};
constexpr MessageType android_notification_v2{"AndroidNotificationV2",
                                              android_notification_v2_fields};

constexpr Field android_fields[] = {{"collapse_key"},
                                    enum_of("priority", android_priority),
                                    {"ttl", Kind::duration},
                                    {"restricted_package_name"},
                                    {"data", Kind::string_map},
                                    message_of("notification", android_notification),
                                    message_of("fcm_options", android_fcm_options),
                                    {"direct_boot_ok", Kind::flag},
                                    {"bandwidth_constrained_ok", Kind::flag},
                                    {"restricted_satellite_ok", Kind::flag}};
constexpr MessageType android_config{"AndroidConfig", android_fields};

constexpr Field remote_notification_fields[] = {message_of("notification", android_notification_v2),
                                                {"mutable_content", Kind::flag},
                                                {"use_as_v1_data_message", Kind::flag}};
constexpr MessageType remote_notification{"AndroidRemoteNotification", remote_notification_fields};
constexpr MessageType background_sync{"AndroidBackgroundSyncMessage", {}};
constexpr Field android_v2_fields[] = {{"collapse_key"},
                                       {"ttl", Kind::duration},
                                       {"restricted_package_name"},
                                       {"data", Kind::string_map},
                                       message_of("fcm_options", android_fcm_options),
                                       {"direct_boot_ok", Kind::flag},
                                       {"bandwidth_constrained_ok", Kind::flag},
                                       {"restricted_satellite_ok", Kind::flag},
                                       message_of("remote_notification", remote_notification),
                                       message_of("background_sync", background_sync)};
constexpr MessageType android_config_v2{"AndroidConfigV2", android_v2_fields};

constexpr Field webpush_fields[] = {{"headers", Kind::string_map},
                                    {"data", Kind::string_map},
                                    {"notification", Kind::any_object},
                                    message_of("fcm_options", webpush_fcm_options)};
constexpr MessageType webpush_config{"WebpushConfig", webpush_fields};

constexpr Field apns_fields[] = {{"headers", Kind::string_map},
                                 {"payload", Kind::any_object},
                                 message_of("fcm_options", apns_fcm_options),
                                 {"live_activity_token"}};
constexpr MessageType apns_config{"ApnsConfig", apns_fields};

constexpr Field message_fields[] = {{"name"},
                                    target("fid"),
                                    target("token"),
                                    target("topic"),
                                    target("condition"),
                                    {"data", Kind::string_map},
                                    message_of("notification", notification),
                                    message_of("android", android_config),
                                    message_of("android_v2", android_config_v2),
                                    message_of("webpush", webpush_config),
                                    message_of("apns", apns_config),
                                    message_of("fcm_options", fcm_options)};
constexpr MessageType message_type{"Message", message_fields};

constexpr Field request_fields[] = {message_of("message", message_type),
                                    {"validate_only", Kind::flag}};
constexpr MessageType request_type{"SendMessageRequest", request_fields};

// --- names ---

/// Whether `key` is the snake_case name itself or its camelCase form.
bool is_named(std::string_view key, std::string_view snake) {
  if (key == snake) return true;
  std::size_t at = 0;
  bool raise = false;
  for (const char c : snake) {
    if (c == '_') {
      raise = true;
      continue;
    }
    const char wanted = raise && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    raise = false;
    if (at == key.size() || key[at] != wanted) return false;
    ++at;
  }
  return at == key.size();
}

std::string camel(std::string_view snake) {
  std::string name;
  for (std::size_t i = 0; i < snake.size(); ++i) {
    if (snake[i] == '_' && i + 1 < snake.size()) {
      name.push_back(static_cast<char>(snake[++i] - 'a' + 'A'));
    } else {
      name.push_back(snake[i]);
    }
  }
  return name;
}

std::string full_name(std::string_view type) {
  if (type.starts_with("google.")) return fmt::format("type.googleapis.com/{}", type);
  return fmt::format("type.googleapis.com/google.firebase.fcm.v1.{}", type);
}

// --- values ---

std::optional<double> number_of(const json::value& value) {
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_double()) return value.get_double();
  if (!value.is_string()) return std::nullopt;
  // Proto-JSON takes numbers in quotes.
  const auto& text = value.get_string();
  double number = 0;
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
  return number;
}

bool is_int32(const json::value& value) {
  const auto number = number_of(value);
  return number && std::floor(*number) == *number &&
         *number >= std::numeric_limits<std::int32_t>::min() &&
         *number <= std::numeric_limits<std::int32_t>::max();
}

bool is_float(const json::value& value) {
  if (value.is_string() && (value.get_string() == "NaN" || value.get_string() == "Infinity" ||
                            value.get_string() == "-Infinity")) {
    return true;
  }
  const auto number = number_of(value);
  return number && std::abs(*number) <= static_cast<double>(std::numeric_limits<float>::max());
}

bool equal_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

bool is_value_of(const EnumType& type, const json::value& value) {
  if (!value.is_string()) return is_int32(value);  // Proto3 enums are open to any number.
  for (const auto name : type.values) {
    if (name == std::string_view(value.get_string())) return true;
    if (type.any_case && equal_in_any_case(name, value.get_string())) return true;
  }
  return false;
}

/// What is wrong with a Duration; empty when nothing is.
std::string_view duration_fault(const json::value& value) {
  if (!value.is_string()) return "Illegal duration format; must be a string";
  std::string_view text = value.get_string();
  if (!text.ends_with('s')) return "Illegal duration format; duration must end with 's'";
  text.remove_suffix(1);
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto dot = text.find('.');
  const auto whole = text.substr(0, dot);
  const auto fraction = dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
  const auto all_digits = [](std::string_view digits) {
    return digits.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (whole.empty() || !all_digits(whole) || !all_digits(fraction)) {
    return "Illegal duration format; failed to parse seconds";
  }
  if (dot != std::string_view::npos && (fraction.empty() || fraction.size() > 9)) {
    return "Illegal duration format; failed to parse nano seconds";
  }
  // google.protobuf.Duration: about ten thousand years either way.
  if (whole.size() > 12 || duration_seconds(value.get_string()) > 315'576'000'000) {
    return "Duration value exceeds limits";
  }
  return {};
}

/// The number of so many digits that the text starts with, dropped; -1 when it does not.
int take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int number = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take_sign(std::string_view& text, std::string_view signs) {
  if (text.empty() || signs.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// RFC 3339 in the years 1 to 9999, as google.protobuf.Timestamp has it: more than our own clock
/// can hold.
bool is_timestamp(std::string_view text) {
  const int year = take_number(text, 4);
  const int month = take_sign(text, "-") ? take_number(text, 2) : -1;
  const int day = take_sign(text, "-") ? take_number(text, 2) : -1;
  const int hour = take_sign(text, "T") ? take_number(text, 2) : -1;
  const int minute = take_sign(text, ":") ? take_number(text, 2) : -1;
  const int second = take_sign(text, ":") ? take_number(text, 2) : -1;
  if (year < 1 || month < 1 || day < 1 || second < 0) return false;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return false;
  if (take_sign(text, ".")) {
    const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
    if (end == 0 || end > 9) return false;
    text.remove_prefix(end);
  }
  if (text == "Z") return true;
  if (!take_sign(text, "+-")) return false;
  const int offset_hours = take_number(text, 2);
  const int offset_minutes = take_sign(text, ":") ? take_number(text, 2) : -1;
  return offset_hours >= 0 && offset_hours < 24 && offset_minutes >= 0 && offset_minutes < 60 &&
         text.empty();
}

std::string shown(const json::value& value) {
  if (value.is_object() || value.is_array()) return "";
  return json::serialize(value);
}

// --- the walk ---

class Checker {
 public:
  void check(const MessageType& type, const json::object& object, const std::string& path);
  std::vector<FieldFault> faults;

 private:
  static constexpr std::size_t max_faults = 10;

  void add(std::string field, std::string text) {
    if (faults.size() < max_faults) faults.push_back({std::move(field), std::move(text)});
  }
  void bad_name(std::string_view name, const std::string& path, std::string_view why);
  void bad_value(const std::string& path, std::string_view type, std::string_view shown_value);
  void check_oneof(const MessageType& type, const json::object& object, const std::string& path);
  void check_field(const Field& field, std::string_view key, const json::value& value,
                   const std::string& path);
  void check_single(const Field& field, std::string_view key, const json::value& value,
                    const std::string& parent, const std::string& path);
  void check_scalar(const Field& field, const json::value& value, const std::string& path);
  void check_map(const json::object& map, const std::string& path);
};

void Checker::bad_name(std::string_view name, const std::string& path, std::string_view why) {
  const auto place = path.empty() ? std::string() : fmt::format(" at '{}'", path);
  add(path, fmt::format("Invalid JSON payload received. Unknown name {}{}: {}",
                        json::serialize(json::string(name)), place, why));
}

void Checker::bad_value(const std::string& path, std::string_view type,
                        std::string_view shown_value) {
  add(path, fmt::format("Invalid value at '{}' ({}), {}", path, type, shown_value));
}

void Checker::check(const MessageType& type, const json::object& object, const std::string& path) {
  check_oneof(type, object, path);
  for (const auto& member : object) {
    const std::string_view key = member.key();
    const Field* found = nullptr;
    for (const auto& field : type.fields) {
      if (is_named(key, field.name)) found = &field;
    }
    if (found == nullptr) {
      bad_name(key, path, "Cannot find field.");
    } else if (!member.value().is_null()) {
      check_field(*found, key, member.value(), path);
    }
  }
}

// The text is the parser's for any oneof of any Google API; for FCM it was not captured.
void Checker::check_oneof(const MessageType& type, const json::object& object,
                          const std::string& path) {
  std::string_view set;
  for (const auto& member : object) {
    for (const auto& field : type.fields) {
      if (field.oneof.empty() || member.value().is_null()) continue;
      if (!is_named(member.key(), field.name)) continue;
      if (!set.empty() && set != field.name) {
        bad_value(path, "oneof",
                  fmt::format("oneof field '{}' is already set. Cannot set '{}'", field.oneof,
                              camel(field.name)));
      }
      set = field.name;
    }
  }
}

void Checker::check_field(const Field& field, std::string_view key, const json::value& value,
                          const std::string& parent) {
  const auto name = std::string(field.name);
  const auto path = parent.empty() ? name : parent + "." + name;
  if (!field.repeated || !value.is_array()) {
    check_single(field, key, value, parent, path);  // A list of one may come without brackets.
  } else {
    std::size_t place = 0;
    for (const auto& item : value.get_array()) {
      check_single(field, key, item, parent, fmt::format("{}[{}]", path, place++));
    }
  }
}

void Checker::check_single(const Field& field, std::string_view key, const json::value& value,
                           const std::string& parent, const std::string& path) {
  const bool wants_object = field.kind == Kind::message || field.kind == Kind::string_map ||
                            field.kind == Kind::any_object;
  if (value.is_array()) {
    bad_name(key, parent, "Proto field is not repeating, cannot start list.");
  } else if (wants_object && !value.is_object()) {
    const auto type = field.kind == Kind::message      ? full_name(field.message->name)
                      : field.kind == Kind::any_object ? full_name("google.protobuf.Struct")
                                                       : std::string("Map");
    bad_value(path, type, shown(value));
  } else if (!wants_object && value.is_object()) {
    bad_name(key, parent, "Starting an object on a scalar field");
  } else if (field.kind == Kind::message) {
    check(*field.message, value.get_object(), path);
  } else if (field.kind == Kind::string_map) {
    check_map(value.get_object(), path);
  } else if (!wants_object) {
    check_scalar(field, value, path);
  }
}

void Checker::check_scalar(const Field& field, const json::value& value, const std::string& path) {
  switch (field.kind) {
    case Kind::text:
      if (!value.is_string()) bad_value(path, "TYPE_STRING", shown(value));
      return;
    case Kind::flag:
      if (!value.is_bool()) bad_value(path, "TYPE_BOOL", shown(value));
      return;
    case Kind::int32:
      if (!is_int32(value)) bad_value(path, "TYPE_INT32", shown(value));
      return;
    case Kind::real:
      if (!is_float(value)) bad_value(path, "TYPE_FLOAT", shown(value));
      return;
    case Kind::duration:
      if (const auto fault = duration_fault(value); !fault.empty()) {
        bad_value(path, full_name("google.protobuf.Duration"),
                  fmt::format("Field '{}', {}", camel(field.name), fault));
      }
      return;
    case Kind::timestamp:
      if (!value.is_string() || !is_timestamp(value.get_string())) {
        bad_value(path, full_name("google.protobuf.Timestamp"),
                  fmt::format("Field '{}', Invalid time format: Failed to parse input",
                              camel(field.name)));
      }
      return;
    case Kind::enumeration:
      if (!is_value_of(*field.enumeration, value)) {
        bad_value(path, full_name(field.enumeration->name), shown(value));
      }
      return;
    case Kind::string_map:
    case Kind::any_object:
    case Kind::message:
      return;  // Not scalars.
  }
}

void Checker::check_map(const json::object& map, const std::string& path) {
  std::size_t place = 0;
  for (const auto& member : map) {
    if (!member.value().is_string() && !member.value().is_null()) {
      bad_value(fmt::format("{}[{}].value", path, place), "TYPE_STRING", shown(member.value()));
    }
    ++place;
  }
}

}  // namespace

std::vector<FieldFault> find_schema_faults(const json::value& request) {
  Checker checker;
  if (const auto* object = request.if_object()) {
    checker.check(request_type, *object, "");
  } else {
    checker.faults.push_back(
        {"", "Invalid JSON payload received. Unknown name \"\": Root element must be a message."});
  }
  return std::move(checker.faults);
}

const json::value* find_member(const json::object& object, std::string_view snake_name) {
  for (const auto& member : object) {
    if (is_named(member.key(), snake_name) && !member.value().is_null()) return &member.value();
  }
  return nullptr;
}

const json::object* object_in(const json::object& object, std::string_view snake_name) {
  const auto* value = find_member(object, snake_name);
  return value != nullptr ? value->if_object() : nullptr;
}

std::string_view text_in(const json::object& object, std::string_view snake_name) {
  const auto* value = find_member(object, snake_name);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view{};
}

std::int64_t duration_seconds(std::string_view text) {
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  // "-0.5s" is below zero though its whole part is not.
  const bool below_zero = text.starts_with('-') && text.find_first_of("123456789") < text.size();
  return below_zero && seconds == 0 ? -1 : seconds;
}

}  // namespace fanfare::emulator
