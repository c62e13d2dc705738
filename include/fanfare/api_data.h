// What FCM's other APIs tell, as values: topics of a registration, what is known of it, tokens
// imported from APNs, and delivery data.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fanfare {

/// A topic that a registration is subscribed to.
struct Subscription {
  std::string topic;  ///< Without the "/topics/" prefix.
  /// As FCM wrote it: RFC 3339 by the v1 API, a date (YYYY-MM-DD) by the Instance ID API; empty:
  /// not said.
  std::string since;
};

/// What the Instance ID API knows of a registration token.
struct InstanceInfo {
  std::string application;           ///< Package name or bundle id.
  std::string application_version;   ///< Empty: not said.
  std::string project_number;        ///< Of the project that may send to it (the sender id).
  std::string platform;              ///< "ANDROID", "IOS", "CHROME"; in upper case, others as sent.
  std::vector<Subscription> topics;  ///< In the order of the answer.
};

/// The end of one APNs token that was given to be imported.
struct ImportedToken {
  std::string apns_token;    ///< As it was given, hexadecimal.
  std::string registration;  ///< A registration token of FCM's; empty: it was not imported.
  std::string status;        ///< FCM's word, "OK" or the trouble.
};

/// What became of messages, in per cent of those accepted (FCM Data API). nullopt: not told.
struct DeliveryPercents {
  std::optional<double> delivered;  ///< To the device, at once or later.
  std::optional<double> pending;    ///< Still waiting for the device.
  std::optional<double> collapsed;  ///< A newer message with the same collapse key replaced them.
  std::optional<double> dropped_too_many_pending;   ///< More than 100 waited for the device.
  std::optional<double> dropped_app_force_stopped;  ///< The user stopped the app in the settings.
  std::optional<double> dropped_device_inactive;    ///< Not connected to FCM for over a month.
  std::optional<double> dropped_ttl_expired;        ///< Their time to live was over.

  std::optional<double> delivered_no_delay;         ///< Of all accepted, not of those delivered.
  std::optional<double> delayed_device_offline;     ///< The device was not connected. May overlap.
  std::optional<double> delayed_device_doze;        ///< It slept, and the priority was normal.
  std::optional<double> delayed_message_throttled;  ///< The app got too many.
  std::optional<double> delayed_user_stopped;       ///< The user profile was stopped.

  std::optional<double> priority_lowered;  ///< Sent as high, delivered as normal.

  std::optional<double> proxied;  ///< From here on of the notifications: shown by Play services.
  std::optional<double> proxy_failed;                 ///< Showing them so failed.
  std::optional<double> proxy_skipped_unsupported;    ///< The receiver can not.
  std::optional<double> proxy_skipped_not_throttled;  ///< There was no need.
  std::optional<double> proxy_skipped_unconfigured;   ///< The app lacks settings for it.
  std::optional<double> proxy_skipped_opted_out;      ///< The app forbids it.
};

/// One day of one analytics label of an Android app.
struct DeliveryDay {
  std::string app_id;                       ///< Firebase's id of the app, "1:…:android:…".
  std::chrono::year_month_day date;         ///< A day of America/Los_Angeles.
  std::string analytics_label;              ///< As messages carried it.
  std::int64_t messages_accepted = 0;       ///< By FCM, for this app on Android.
  std::int64_t notifications_accepted = 0;  ///< Of those, with something to show.
  DeliveryPercents percents;                ///< Of messages_accepted.
};

}  // namespace fanfare
