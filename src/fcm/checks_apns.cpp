// What is doubtful in the APNs options. FCM takes any headers and any payload and Apple answers
// later, so that hardly anything here is a fault.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "fcm/checks.h"
#include "fcm/json_document.h"

namespace fanfare::fcm {
namespace {

using Kind = JsonValue::Kind;

const JsonValue* member(const JsonValue* object, std::string_view name) {
  if (object == nullptr || object->kind != Kind::object) return nullptr;
  const auto found = std::ranges::find(object->members, name, &JsonMember::name);
  return found == object->members.end() ? nullptr : &found->value;
}

template <std::size_t size>
bool is_one_of(std::string_view text, const std::array<std::string_view, size>& known) {
  return std::ranges::find(known, text) != known.end();
}

// Apple: "Sending notification requests to APNs".
void check_headers(const DataMap& headers, Findings& findings) {
  const auto doubt = [&](const char* name, std::string remedy) {
    findings.add(check_rule("check.apns_header"), fmt::format("message.apns.headers.{}", name), {},
                 std::move(remedy));
  };
  constexpr std::array<std::string_view, 3> priorities = {"10", "5", "1"};
  if (const auto* value = find_header(headers, "apns-priority");
      value && !is_one_of(*value, priorities)) {
    doubt("apns-priority", "Use \"10\", \"5\" or \"1\".");
  }
  constexpr std::array<std::string_view, 11> push_types = {
      "alert", "background", "location",     "voip",       "complication", "fileprovider",
      "mdm",   "controls",   "liveactivity", "pushtotalk", "widgets"};
  if (const auto* value = find_header(headers, "apns-push-type");
      value && !is_one_of(*value, push_types)) {
    doubt("apns-push-type", "Use one of Apple's push types, such as \"alert\" or \"background\".");
  }
  if (const auto* value = find_header(headers, "apns-expiration"); value && !is_digits(*value)) {
    doubt("apns-expiration", "Write the time as seconds since 1970 in digits, or \"0\".");
  } else if (value && *value == "0") {
    findings.add(check_rule("check.ttl_zero"), "message.apns.headers.apns-expiration");
  }
  constexpr std::size_t most_collapse_id_bytes = 64;
  if (const auto* value = find_header(headers, "apns-collapse-id");
      value && value->size() > most_collapse_id_bytes) {
    doubt("apns-collapse-id", "Use at most 64 bytes.");
  }
}

void check_flag(const JsonValue* aps, const char* name, Findings& findings) {
  const JsonValue* flag = member(aps, name);
  if (flag && !(flag->kind == Kind::number && flag->text == "1")) {
    findings.add(check_rule("check.apns_flag"), fmt::format("message.apns.payload.aps.{}", name));
  }
}

void check_loc_args(const JsonValue* alert, const char* args, const char* key, Findings& findings) {
  if (member(alert, args) && !member(alert, key)) {
    findings.add(check_rule("check.loc_args"),
                 fmt::format("message.apns.payload.aps.alert.{}", args));
  }
}

void check_aps(const JsonValue* aps, Findings& findings) {
  const auto doubt = [&](const char* path, const char* what) {
    findings.add(check_rule("check.apns_payload"), path, what);
  };
  if (aps == nullptr || aps->kind != Kind::object) {
    doubt("message.apns.payload",
          "the payload has no object aps, without which Apple shows nothing");
    return;
  }
  const JsonValue* alert = member(aps, "alert");
  if (alert && alert->kind != Kind::string && alert->kind != Kind::object) {
    doubt("message.apns.payload.aps.alert", "Apple takes only text or an object as the alert");
  }
  const JsonValue* sound = member(aps, "sound");
  if (sound && sound->kind != Kind::object &&
      (sound->kind != Kind::string || sound->text.empty())) {
    doubt("message.apns.payload.aps.sound", "Apple takes only a name or an object as the sound");
  }
  check_flag(aps, "content-available", findings);
  check_flag(aps, "mutable-content", findings);
  check_loc_args(alert, "loc-args", "loc-key", findings);
  check_loc_args(alert, "title-loc-args", "title-loc-key", findings);
}

// Nothing that iOS shows: FCM's page on messages and Apple's on background pushes both want
// priority 5, while FCM fills in 10 when the header is absent.
bool is_background(const Message& message, const JsonValue* aps) {
  const auto* push_type = find_header(message.apns->headers, "apns-push-type");
  if (push_type != nullptr) return *push_type == "background";
  const bool shown =
      message.notification || member(aps, "alert") || member(aps, "sound") || member(aps, "badge");
  const bool something = !message.data.empty() || !message.apns->payload.empty();
  return something && !shown && message.apns->live_activity_token.empty();
}

void check_live_activity(const ApnsConfig& apns, const JsonValue* aps, Findings& findings) {
  if (apns.live_activity_token.empty()) return;
  const auto require = [&](bool given, const char* path) {
    if (!given) findings.add(check_rule("check.live_activity"), path);
  };
  const auto* push_type = find_header(apns.headers, "apns-push-type");
  require(push_type && *push_type == "liveactivity", "message.apns.headers.apns-push-type");
  require(member(aps, "event") != nullptr, "message.apns.payload.aps.event");
  require(member(aps, "timestamp") != nullptr, "message.apns.payload.aps.timestamp");
  // The event "end" may leave the last state as it is.
  const JsonValue* event = member(aps, "event");
  require(member(aps, "content-state") || (event && event->text == "end"),
          "message.apns.payload.aps.content-state");
}

void check_payload_size(const ApnsConfig& apns, Findings& findings) {
  const auto* push_type = find_header(apns.headers, "apns-push-type");
  const std::size_t most_bytes = push_type && *push_type == "voip" ? 5120 : 4096;
  if (apns.payload.text().size() > most_bytes) {
    findings.add(check_rule("check.apns_size"), "message.apns.payload",
                 fmt::format("the payload alone has {} bytes; Apple takes {}",
                             apns.payload.text().size(), most_bytes));
  }
}

}  // namespace

void check_apns(const Message& message, Findings& findings) {
  if (!message.apns) return;
  const ApnsConfig& apns = *message.apns;
  JsonValue payload;
  if (!apns.payload.empty()) {
    // JsonObject holds nothing that can't be read.
    payload = parse_json(apns.payload.text()).value_or(JsonValue{});
  }
  const JsonValue* aps = member(&payload, "aps");
  check_headers(apns.headers, findings);
  if (!apns.payload.empty()) check_aps(aps, findings);
  const auto* priority = find_header(apns.headers, "apns-priority");
  if (is_background(message, aps) && (!priority || *priority != "5")) {
    findings.add(check_rule("check.apns_background_priority"),
                 "message.apns.headers.apns-priority");
  }
  check_live_activity(apns, aps, findings);
  check_payload_size(apns, findings);
  if (apns.fcm_options) {
    check_image(apns.fcm_options->image, "message.apns.fcm_options.image", findings);
    check_label(apns.fcm_options->analytics_label, "message.apns.fcm_options.analytics_label",
                findings);
  }
}

}  // namespace fanfare::fcm
