#include "emulator/show.h"

#include <charconv>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "emulator/schema.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::chrono::seconds four_weeks{2'419'200};
constexpr std::chrono::seconds thirty_days{2'592'000};  // FCM's default for APNs.

const json::object& nothing() {
  static const json::object empty;
  return empty;
}

/// An absent object is an empty one.
const json::object& at(const json::object& parent, std::string_view name) {
  const auto* found = object_in(parent, name);
  return found != nullptr ? *found : nothing();
}

void put(json::object& shown, std::string_view name, std::string_view text) {
  if (!text.empty()) shown[name] = text;
}

/// A localised text is the app's to look up: its key is what can be shown of it.
void put_localised(json::object& shown, std::string_view name, const json::object& from,
                   std::string_view key_name, std::string_view arguments_name) {
  const auto key = text_in(from, key_name);
  if (key.empty()) return;
  std::string text = "@" + std::string(key);
  const auto* arguments = find_member(from, arguments_name);
  if (arguments != nullptr && arguments->is_array()) text += json::serialize(*arguments);
  shown[name] = text;
}

/// What the common notification says to every platform.
json::object common_of(const json::object& message) {
  json::object shown;
  const auto& common = at(message, "notification");
  for (const auto* name : {"title", "body", "image"}) put(shown, name, text_in(common, name));
  return shown;
}

json::value or_null(json::object shown) {
  if (shown.empty()) return nullptr;
  return shown;
}

// --- Android ---

const json::object& android_config(const json::object& message) {
  const auto* second = object_in(message, "android_v2");
  return second != nullptr ? *second : at(message, "android");
}

const json::object& android_notification(const json::object& message) {
  const auto& remote = at(at(message, "android_v2"), "remote_notification");
  const auto* second = object_in(remote, "notification");
  return second != nullptr ? *second : at(at(message, "android"), "notification");
}

/// A background sync is for the app alone, as is a notification sent as a data message.
bool is_hidden_on_android(const json::object& message) {
  const auto& config = at(message, "android_v2");
  const auto* as_data = find_member(at(config, "remote_notification"), "use_as_v1_data_message");
  return object_in(config, "background_sync") != nullptr ||
         (as_data != nullptr && as_data->is_bool() && as_data->get_bool());
}

json::value shown_on_android(const json::object& message) {
  if (is_hidden_on_android(message)) return nullptr;
  auto shown = common_of(message);
  const auto& own = android_notification(message);
  for (const auto* name : {"title", "body", "image", "icon", "color", "sound", "tag"}) {
    put(shown, name, text_in(own, name));
  }
  put_localised(shown, "title", own, "title_loc_key", "title_loc_args");
  put_localised(shown, "body", own, "body_loc_key", "body_loc_args");
  put(shown, "channel", text_in(own, "channel_id"));
  put(shown, "link", text_in(own, "click_action"));
  if (const auto* count = find_member(own, "notification_count")) shown["badge"] = *count;
  return or_null(std::move(shown));
}

// --- iOS ---

json::value shown_on_ios(const json::object& message) {
  auto shown = common_of(message);
  const auto& apns = at(message, "apns");
  const auto& aps = at(at(apns, "payload"), "aps");
  put(shown, "title", text_in(at(aps, "alert"), "title"));
  put(shown, "subtitle", text_in(at(aps, "alert"), "subtitle"));
  put(shown, "body", text_in(at(aps, "alert"), "body"));
  put(shown, "body", text_in(aps, "alert"));
  put_localised(shown, "title", at(aps, "alert"), "title-loc-key", "title-loc-args");
  put_localised(shown, "body", at(aps, "alert"), "loc-key", "loc-args");
  put(shown, "sound", text_in(aps, "sound"));
  put(shown, "sound", text_in(at(aps, "sound"), "name"));
  put(shown, "category", text_in(aps, "category"));
  put(shown, "tag", text_in(aps, "thread-id"));
  put(shown, "image", text_in(at(apns, "fcm_options"), "image"));
  if (const auto* badge = find_member(aps, "badge")) shown["badge"] = *badge;
  return or_null(std::move(shown));
}

/// The payload's own keys reach the app beside the common data.
json::object data_on_ios(const json::object& message) {
  auto data = at(message, "data");
  for (const auto& member : at(at(message, "apns"), "payload")) {
    if (member.key() != "aps") data[member.key()] = member.value();
  }
  return data;
}

// --- the web ---

json::value shown_on_web(const json::object& message) {
  auto shown = common_of(message);
  const auto& webpush = at(message, "webpush");
  const auto& own = at(webpush, "notification");
  for (const auto* name : {"title", "body", "image", "icon", "tag"}) {
    put(shown, name, text_in(own, name));
  }
  put(shown, "link", text_in(at(webpush, "fcm_options"), "link"));
  json::array actions;
  const auto* given = find_member(own, "actions");
  for (const auto& action :
       given != nullptr && given->is_array() ? given->get_array() : json::array{}) {
    const auto* fields = action.if_object();
    if (fields != nullptr) actions.emplace_back(text_in(*fields, "title"));
  }
  if (!actions.empty()) shown["actions"] = std::move(actions);
  return or_null(std::move(shown));
}

// --- on the way ---

/// The names of HTTP headers have no case.
std::string_view header_in(const json::object& headers, std::string_view lower_name) {
  for (const auto& member : headers) {
    const std::string_view name = member.key();
    bool same = name.size() == lower_name.size();
    for (std::size_t i = 0; same && i < name.size(); ++i) {
      same = (name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]) == lower_name[i];
    }
    if (same && member.value().is_string()) return member.value().get_string();
  }
  return {};
}

std::chrono::seconds seconds_or(std::string_view text, std::chrono::seconds otherwise) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && !text.empty() && end == text.data() + text.size();
  return whole ? std::chrono::seconds(value) : otherwise;
}

bool shows_something(Platform platform, const json::object& message) {
  return !shown_on(platform, message).is_null();
}

Handling handling_on_android(const json::object& message) {
  const auto& config = android_config(message);
  const auto ttl = text_in(config, "ttl");
  // Unset is high for what is shown and normal for data. The second form has no priority at all.
  const auto priority = text_in(config, "priority");
  return {ttl.empty() ? four_weeks : std::chrono::seconds(duration_seconds(ttl)),
          std::string(text_in(config, "collapse_key")),
          priority.empty() ? shows_something(Platform::android, message)
                           : priority == "HIGH" || priority == "high"};
}

/// apns-expiration is a time; zero means one attempt.
Handling handling_on_ios(const json::object& message, SystemTime now) {
  const auto& headers = at(at(message, "apns"), "headers");
  const auto expiration = header_in(headers, "apns-expiration");
  const auto present = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  const auto until = seconds_or(expiration, present + thirty_days);
  return {std::max(0s, until - present), std::string(header_in(headers, "apns-collapse-id")),
          seconds_or(header_in(headers, "apns-priority"), 10s) == 10s};
}

Handling handling_on_web(const json::object& message) {
  const auto& headers = at(at(message, "webpush"), "headers");
  return {seconds_or(header_in(headers, "ttl"), four_weeks),
          std::string(header_in(headers, "topic")), header_in(headers, "urgency") == "high"};
}

}  // namespace

json::value shown_on(Platform platform, const json::object& message) {
  if (platform == Platform::ios) return shown_on_ios(message);
  if (platform == Platform::web) return shown_on_web(message);
  return shown_on_android(message);
}

json::object data_on(Platform platform, const json::object& message) {
  if (platform == Platform::ios) return data_on_ios(message);
  const auto& config = platform == Platform::web ? at(message, "webpush") : android_config(message);
  const auto* own = object_in(config, "data");
  return own != nullptr ? *own : at(message, "data");
}

Handling handling_on(Platform platform, const json::object& message, SystemTime now) {
  if (platform == Platform::ios) return handling_on_ios(message, now);
  if (platform == Platform::web) return handling_on_web(message);
  return handling_on_android(message);
}

}  // namespace fanfare::emulator
