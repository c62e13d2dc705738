// The fields of every struct of a message, each named in exactly one place. Reading and writing
// both walk these lists, so they cannot disagree.
//
// visit_fields(value, visit) calls visit(name, member) for each field, in the order in which it is
// written. Names are FCM's original ones (snake_case, as the official SDKs send them); the reader
// derives the lowerCamelCase form that proto-JSON takes too.
#pragma once

#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>

#include "fanfare/message.h"

namespace fanfare::fcm {

/// T is `Struct` or `const Struct`: one list serves the reader and the writer.
template <class T, class Struct>
concept Of = std::same_as<std::remove_const_t<T>, Struct>;

void visit_fields(Of<Notification> auto& it, auto&& visit) {
  visit("title", it.title);
  visit("body", it.body);
  visit("image", it.image);
}

void visit_fields(Of<FcmOptions> auto& it, auto&& visit) {
  visit("analytics_label", it.analytics_label);
}

void visit_fields(Of<Color> auto& it, auto&& visit) {
  visit("red", it.red);
  visit("green", it.green);
  visit("blue", it.blue);
  visit("alpha", it.alpha);
}

void visit_fields(Of<LightSettings> auto& it, auto&& visit) {
  visit("color", it.color);
  visit("light_on_duration", it.light_on_duration);
  visit("light_off_duration", it.light_off_duration);
}

/// What both generations of the Android notification have.
void visit_common_fields(auto& it, auto&& visit) {
  visit("title", it.title);
  visit("body", it.body);
  visit("icon", it.icon);
  visit("color", it.color);
  visit("sound", it.sound);
  visit("tag", it.tag);
  visit("click_action", it.click_action);
  visit("body_loc_key", it.body_loc_key);
  visit("body_loc_args", it.body_loc_args);
  visit("title_loc_key", it.title_loc_key);
  visit("title_loc_args", it.title_loc_args);
  visit("channel_id", it.channel_id);
  visit("ticker", it.ticker);
  visit("image", it.image);
  visit("sticky", it.sticky);
  visit("local_only", it.local_only);
  visit("event_time", it.event_time);
  visit("notification_priority", it.notification_priority);
  visit("default_sound", it.default_sound);
  visit("default_vibrate_timings", it.default_vibrate_timings);
  visit("default_light_settings", it.default_light_settings);
  visit("vibrate_timings", it.vibrate_timings);
  visit("visibility", it.visibility);
  visit("notification_count", it.notification_count);
  visit("light_settings", it.light_settings);
}

void visit_fields(Of<AndroidNotification> auto& it, auto&& visit) {
  visit_common_fields(it, visit);
  visit("proxy", it.proxy);
  visit("bypass_proxy_notification", it.bypass_proxy_notification);
}

void visit_fields(Of<AndroidNotificationV2> auto& it, auto&& visit) {
  visit_common_fields(it, visit);
  visit("id", it.id);
}

void visit_fields(Of<AndroidFcmOptions> auto& it, auto&& visit) {
  visit("analytics_label", it.analytics_label);
}

void visit_fields(Of<AndroidConfig> auto& it, auto&& visit) {
  visit("collapse_key", it.collapse_key);
  visit("priority", it.priority);
  visit("ttl", it.ttl);
  visit("restricted_package_name", it.restricted_package_name);
  visit("data", it.data);
  visit("notification", it.notification);
  visit("fcm_options", it.fcm_options);
  visit("direct_boot_ok", it.direct_boot_ok);
  visit("bandwidth_constrained_ok", it.bandwidth_constrained_ok);
  visit("restricted_satellite_ok", it.restricted_satellite_ok);
}

void visit_fields(Of<AndroidRemoteNotification> auto& it, auto&& visit) {
  visit("notification", it.notification);
  visit("mutable_content", it.mutable_content);
  visit("use_as_v1_data_message", it.use_as_v1_data_message);
}

void visit_fields(Of<AndroidBackgroundSync> auto&, auto&&) {}

void visit_fields(Of<AndroidConfigV2> auto& it, auto&& visit) {
  visit("collapse_key", it.collapse_key);
  visit("ttl", it.ttl);
  visit("restricted_package_name", it.restricted_package_name);
  visit("data", it.data);
  visit("remote_notification", it.remote_notification);
  visit("background_sync", it.background_sync);
  visit("fcm_options", it.fcm_options);
  visit("direct_boot_ok", it.direct_boot_ok);
  visit("bandwidth_constrained_ok", it.bandwidth_constrained_ok);
  visit("restricted_satellite_ok", it.restricted_satellite_ok);
}

void visit_fields(Of<WebpushFcmOptions> auto& it, auto&& visit) {
  visit("link", it.link);
  visit("analytics_label", it.analytics_label);
}

void visit_fields(Of<WebpushConfig> auto& it, auto&& visit) {
  visit("headers", it.headers);
  visit("data", it.data);
  visit("notification", it.notification);
  visit("fcm_options", it.fcm_options);
}

void visit_fields(Of<ApnsFcmOptions> auto& it, auto&& visit) {
  visit("analytics_label", it.analytics_label);
  visit("image", it.image);
}

void visit_fields(Of<ApnsConfig> auto& it, auto&& visit) {
  visit("headers", it.headers);
  visit("payload", it.payload);
  visit("fcm_options", it.fcm_options);
  visit("live_activity_token", it.live_activity_token);
}

void visit_fields(Of<Message> auto& it, auto&& visit) {
  visit("data", it.data);
  visit("notification", it.notification);
  visit("android", it.android);
  visit("android_v2", it.android_v2);
  visit("webpush", it.webpush);
  visit("apns", it.apns);
  visit("fcm_options", it.fcm_options);
}

/// FCM's names of an enum's values, in the order of the enum.
template <class Enum>
struct EnumNames;

template <>
struct EnumNames<AndroidPriority> {
  static constexpr std::array<std::string_view, 2> names = {"NORMAL", "HIGH"};
};

template <>
struct EnumNames<NotificationPriority> {
  static constexpr std::array<std::string_view, 6> names = {
      "PRIORITY_UNSPECIFIED", "PRIORITY_MIN",  "PRIORITY_LOW",
      "PRIORITY_DEFAULT",     "PRIORITY_HIGH", "PRIORITY_MAX"};
};

template <>
struct EnumNames<Visibility> {
  static constexpr std::array<std::string_view, 4> names = {"VISIBILITY_UNSPECIFIED", "PRIVATE",
                                                            "PUBLIC", "SECRET"};
};

template <>
struct EnumNames<NotificationProxy> {
  static constexpr std::array<std::string_view, 4> names = {"PROXY_UNSPECIFIED", "ALLOW", "DENY",
                                                            "IF_PRIORITY_LOWERED"};
};

}  // namespace fanfare::fcm
