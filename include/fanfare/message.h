// Message: what FCM is asked to deliver, as values.
//
// This is the `Message` of the HTTP v1 API without its target; to whom it goes is a Target
// (target.h), so that one message serves many. The structs are plain aggregates and read like the
// JSON they become:
//
//   Message message{
//       .data = {{"order", "4711"}},
//       .notification = Notification{.title = "Shipped", .body = "It is on its way."},
//       .android = AndroidConfig{.priority = AndroidPriority::high, .ttl = 1h},
//   };
//
// Empty means unset, everywhere: an empty string, map or list and an absent optional are not sent.
// (proto3 knows no difference between an empty string and none.) A field is checked here only for
// its type; what FCM admits is FCM's to say.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

namespace fanfare {

/// Keys and values that FCM passes through to the app. All of FCM's values are strings.
using DataMap = std::map<std::string, std::string>;

/// Any JSON object, held as compact text with its members in the order in which they were given
/// and its numbers digit by digit. For the parts of a message whose shape is Apple's or the
/// browser's, not FCM's.
class JsonObject {
 public:
  JsonObject() = default;  ///< Empty: unset.

  /// Error::Kind::input when the text is no JSON object, is deeper than 64 levels, is not UTF-8
  /// or names a member twice.
  [[nodiscard]] static Result<JsonObject> parse(std::string_view json);

  /// Empty when unset, else `{…}`.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// True when unset; `{}` is not empty, and is sent.
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  bool operator==(const JsonObject&) const = default;

 private:
  explicit JsonObject(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// What every platform shows; the platforms' own notifications override it field by field.
struct Notification {
  std::string title = {};  ///< Its first line.
  std::string body = {};   ///< Its text.
  std::string image = {};  ///< URL; Android shows images up to 1 MB.
  bool operator==(const Notification&) const = default;
};

/// Labels for FCM's delivery statistics, for all platforms.
struct FcmOptions {
  std::string analytics_label = {};  ///< At most 50 of [a-zA-Z0-9-_.~%].
  bool operator==(const FcmOptions&) const = default;
};

// --- Android ---

/// Unset: normal for data messages, high for notifications.
enum class AndroidPriority : std::uint8_t {
  normal,  ///< May wait until the device wakes up by itself.
  high,    ///< Wakes the device; for what a person sees at once.
};

/// How loudly Android shows a notification (its channel settings win from Android 8 on).
enum class NotificationPriority : std::uint8_t { unspecified, min, low, standard, high, max };

/// What a locked screen shows. Unspecified: private_content.
enum class Visibility : std::uint8_t { unspecified, private_content, public_content, secret };

/// Whether Google Play services may show the notification for the app. Unspecified:
/// if_priority_lowered.
enum class NotificationProxy : std::uint8_t { unspecified, allow, deny, if_priority_lowered };

/// A colour; each part is 0 to 1.
struct Color {
  std::optional<float> red = {};    ///< Unset: 0.
  std::optional<float> green = {};  ///< Unset: 0.
  std::optional<float> blue = {};   ///< Unset: 0.
  std::optional<float> alpha = {};  ///< Unset: opaque.
  bool operator==(const Color&) const = default;
};

/// The notification light. FCM wants all three fields (reference: each is "Required").
struct LightSettings {
  std::optional<Color> color = {};                                  ///< Of the light.
  std::optional<std::chrono::nanoseconds> light_on_duration = {};   ///< Of a blink.
  std::optional<std::chrono::nanoseconds> light_off_duration = {};  ///< Between two.
  bool operator==(const LightSettings&) const = default;
};

/// What Android shows; fields that are set win over Message::notification's.
struct AndroidNotification {
  std::string title = {};         ///< Empty: Message::notification's.
  std::string body = {};          ///< Empty: Message::notification's.
  std::string icon = {};          ///< Name of a drawable resource; empty: the app's icon.
  std::string color = {};         ///< "#rrggbb".
  std::string sound = {};         ///< "default" or a resource's name; empty: silent.
  std::string tag = {};           ///< Replaces a shown notification of the same tag.
  std::string click_action = {};  ///< Intent filter; empty: opens the app.
  std::string body_loc_key = {};  ///< Resource of the localised body.
  std::vector<std::string> body_loc_args = {};   ///< For its placeholders, in order.
  std::string title_loc_key = {};                ///< Resource of the localised title.
  std::vector<std::string> title_loc_args = {};  ///< For its placeholders, in order.
  std::string channel_id = {};          ///< Empty or unknown to the app: the manifest's channel.
  std::string ticker = {};              ///< For accessibility services.
  std::string image = {};               ///< URL; empty: Message::notification's.
  std::optional<bool> sticky = {};      ///< True: stays when it is clicked.
  std::optional<bool> local_only = {};  ///< True: not for the user's watch, too.
  /// When what it tells of happened; the drawer is sorted by it. Kept to milliseconds.
  std::optional<std::chrono::system_clock::time_point> event_time = {};
  std::optional<NotificationPriority> notification_priority = {};  ///< Up to Android 7.1.
  std::optional<bool> default_sound = {};                          ///< True: the system's sound.
  std::optional<bool> default_vibrate_timings = {};            ///< True wins over vibrate_timings.
  std::optional<bool> default_light_settings = {};             ///< light_settings win over true.
  std::vector<std::chrono::nanoseconds> vibrate_timings = {};  ///< First a pause, then on and off.
  std::optional<Visibility> visibility = {};                   ///< On a locked screen.
  std::optional<std::int32_t> notification_count = {};  ///< The badge; unset or 0: counted up.
  std::optional<LightSettings> light_settings = {};     ///< How the light blinks.
  std::optional<NotificationProxy> proxy = {};          ///< Who may show it.
  std::optional<bool> bypass_proxy_notification = {};   ///< Deprecated by FCM; use `proxy`.
  bool operator==(const AndroidNotification&) const = default;
};

/// Labels for FCM's delivery statistics, for Android.
struct AndroidFcmOptions {
  std::string analytics_label = {};  ///< Empty: Message::fcm_options'.
  bool operator==(const AndroidFcmOptions&) const = default;
};

/// How and for how long FCM tries to reach an Android device, and what only Android gets.
struct AndroidConfig {
  std::string collapse_key = {};  ///< Of those waiting with one key only the last is delivered.
  std::optional<AndroidPriority> priority = {};  ///< How soon.
  /// How long FCM keeps trying; whole seconds up to 4 weeks. Unset: 4 weeks; 0: now or never.
  std::optional<std::chrono::nanoseconds> ttl = {};
  std::string restricted_package_name = {};              ///< Only registrations of this app get it.
  DataMap data = {};                                     ///< Not empty: replaces Message::data.
  std::optional<AndroidNotification> notification = {};  ///< What is shown.
  std::optional<AndroidFcmOptions> fcm_options = {};     ///< For statistics.
  std::optional<bool> direct_boot_ok = {};               ///< May arrive before the first unlock.
  std::optional<bool> bandwidth_constrained_ok = {};     ///< May use a constrained network.
  std::optional<bool> restricted_satellite_ok = {};  ///< May go by satellite; the app must opt in.
  bool operator==(const AndroidConfig&) const = default;
};

/// AndroidNotification of the second generation: no proxy, but an id.
struct AndroidNotificationV2 {
  std::string title = {};         ///< Empty: Message::notification's.
  std::string body = {};          ///< Empty: Message::notification's.
  std::string icon = {};          ///< Name of a drawable resource; empty: the app's icon.
  std::string color = {};         ///< "#rrggbb".
  std::string sound = {};         ///< "default" or a resource's name; empty: silent.
  std::string tag = {};           ///< With `id`, the key by which a shown one is replaced.
  std::string click_action = {};  ///< Intent filter; empty: opens the app.
  std::string body_loc_key = {};  ///< Resource of the localised body.
  std::vector<std::string> body_loc_args = {};   ///< For its placeholders, in order.
  std::string title_loc_key = {};                ///< Resource of the localised title.
  std::vector<std::string> title_loc_args = {};  ///< For its placeholders, in order.
  std::string channel_id = {};          ///< Empty or unknown to the app: the manifest's channel.
  std::string ticker = {};              ///< For accessibility services.
  std::string image = {};               ///< URL; empty: Message::notification's.
  std::optional<bool> sticky = {};      ///< True: stays when it is clicked.
  std::optional<bool> local_only = {};  ///< True: not for the user's watch, too.
  /// When what it tells of happened; the drawer is sorted by it. Kept to milliseconds.
  std::optional<std::chrono::system_clock::time_point> event_time = {};
  std::optional<NotificationPriority> notification_priority = {};  ///< Up to Android 7.1.
  std::optional<bool> default_sound = {};                          ///< True: the system's sound.
  std::optional<bool> default_vibrate_timings = {};            ///< True wins over vibrate_timings.
  std::optional<bool> default_light_settings = {};             ///< light_settings win over true.
  std::vector<std::chrono::nanoseconds> vibrate_timings = {};  ///< First a pause, then on and off.
  std::optional<Visibility> visibility = {};                   ///< On a locked screen.
  std::optional<std::int32_t> notification_count = {};  ///< The badge; unset or 0: counted up.
  std::optional<LightSettings> light_settings = {};     ///< How the light blinks.
  std::optional<std::int32_t> id = {};  ///< With `tag`, the key by which a shown one is replaced.
  bool operator==(const AndroidNotificationV2&) const = default;
};

/// A notification that Android shows by itself.
struct AndroidRemoteNotification {
  std::optional<AndroidNotificationV2> notification = {};  ///< What is shown.
  std::optional<bool> mutable_content = {};         ///< The app may change it before it is shown.
  std::optional<bool> use_as_v1_data_message = {};  ///< Old apps get it as a data message.
  bool operator==(const AndroidRemoteNotification&) const = default;
};

/// A wake-up without anything to show, not urgent. It has no fields.
struct AndroidBackgroundSync {
  bool operator==(const AndroidBackgroundSync&) const = default;
};

/// Android options of the second generation (since 2026-10); excludes AndroidConfig. What is to
/// happen takes the place of a priority.
struct AndroidConfigV2 {
  std::string collapse_key = {};  ///< Of those waiting with one key only the last is delivered.
  /// How long FCM keeps trying; whole seconds up to 4 weeks. Unset: 4 weeks; 0: now or never.
  std::optional<std::chrono::nanoseconds> ttl = {};
  std::string restricted_package_name = {};  ///< Only registrations of this app get it.
  DataMap data = {};                         ///< Not empty: replaces Message::data.
  std::optional<AndroidRemoteNotification> remote_notification = {};  ///< What is shown.
  std::optional<AndroidBackgroundSync> background_sync = {};          ///< Or a mere wake-up.
  std::optional<AndroidFcmOptions> fcm_options = {};                  ///< For statistics.
  std::optional<bool> direct_boot_ok = {};            ///< May arrive before the first unlock.
  std::optional<bool> bandwidth_constrained_ok = {};  ///< May use a constrained network.
  std::optional<bool> restricted_satellite_ok = {};   ///< May go by satellite; the app must opt in.
  bool operator==(const AndroidConfigV2&) const = default;
};

// --- Web push ---

/// What FCM's web SDK does with the message, and its label for delivery statistics.
struct WebpushFcmOptions {
  std::string link = {};             ///< Opened on a click; https only.
  std::string analytics_label = {};  ///< Empty: Message::fcm_options'.
  bool operator==(const WebpushFcmOptions&) const = default;
};

/// What only browsers get, and how their push service treats it (RFC 8030).
struct WebpushConfig {
  DataMap headers = {};          ///< RFC 8030: TTL in seconds, Urgency, Topic.
  DataMap data = {};             ///< Not empty: replaces Message::data.
  JsonObject notification = {};  ///< Options of the browser's Notification, and its title.
  std::optional<WebpushFcmOptions> fcm_options = {};  ///< Link and label.
  bool operator==(const WebpushConfig&) const = default;
};

// --- Apple ---

/// What FCM's iOS SDK does with the message, and its label for delivery statistics.
struct ApnsFcmOptions {
  std::string analytics_label = {};  ///< Empty: Message::fcm_options'.
  std::string image = {};            ///< URL; empty: Message::notification's.
  bool operator==(const ApnsFcmOptions&) const = default;
};

/// What only Apple's devices get. FCM passes headers and payload on as they are; where they are
/// unset it adds `apns-priority: 10` and an `apns-expiration` of 30 days (reference).
struct ApnsConfig {
  DataMap headers = {};     ///< apns-priority, apns-expiration, apns-push-type, apns-collapse-id…
  JsonObject payload = {};  ///< {"aps": {…}, and the app's own keys}.
  std::optional<ApnsFcmOptions> fcm_options = {};  ///< Image and label.
  std::string live_activity_token = {};            ///< Not a target: the message still needs one.
  bool operator==(const ApnsConfig&) const = default;
};

/// A message for any number of targets. Without any field it is valid, and nothing is shown.
struct Message {
  DataMap data = {};  ///< For the app; at most 4096 bytes of keys and values.
  std::optional<Notification> notification = {};   ///< Unset: a data message.
  std::optional<AndroidConfig> android = {};       ///< Not together with android_v2.
  std::optional<AndroidConfigV2> android_v2 = {};  ///< Not together with android.
  std::optional<WebpushConfig> webpush = {};       ///< For browsers.
  std::optional<ApnsConfig> apns = {};             ///< For Apple's devices.
  std::optional<FcmOptions> fcm_options = {};      ///< For all platforms.
  bool operator==(const Message&) const = default;
};

}  // namespace fanfare
