#include "fcm/delivery_data.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "fcm/api_text.h"

namespace fanfare::fcm {
namespace {

using P = DeliveryPercents;

constexpr std::string_view outcome = "messageOutcomePercents";
constexpr std::string_view performance = "deliveryPerformancePercents";
constexpr std::string_view insight = "messageInsightPercents";
constexpr std::string_view proxy = "proxyNotificationInsightPercents";

constexpr std::array fields = {
    PercentField{outcome, "delivered", "delivered", &P::delivered},
    PercentField{outcome, "pending", "pending", &P::pending},
    PercentField{outcome, "collapsed", "collapsed", &P::collapsed},
    PercentField{outcome, "droppedTooManyPendingMessages", "dropped_too_many_pending",
                 &P::dropped_too_many_pending},
    PercentField{outcome, "droppedAppForceStopped", "dropped_app_force_stopped",
                 &P::dropped_app_force_stopped},
    PercentField{outcome, "droppedDeviceInactive", "dropped_device_inactive",
                 &P::dropped_device_inactive},
    PercentField{outcome, "droppedTtlExpired", "dropped_ttl_expired", &P::dropped_ttl_expired},
    PercentField{performance, "deliveredNoDelay", "delivered_no_delay", &P::delivered_no_delay},
    PercentField{performance, "delayedDeviceOffline", "delayed_device_offline",
                 &P::delayed_device_offline},
    PercentField{performance, "delayedDeviceDoze", "delayed_device_doze", &P::delayed_device_doze},
    PercentField{performance, "delayedMessageThrottled", "delayed_message_throttled",
                 &P::delayed_message_throttled},
    PercentField{performance, "delayedUserStopped", "delayed_user_stopped",
                 &P::delayed_user_stopped},
    PercentField{insight, "priorityLowered", "priority_lowered", &P::priority_lowered},
    PercentField{proxy, "proxied", "proxied", &P::proxied},
    PercentField{proxy, "failed", "proxy_failed", &P::proxy_failed},
    PercentField{proxy, "skippedUnsupported", "proxy_skipped_unsupported",
                 &P::proxy_skipped_unsupported},
    PercentField{proxy, "skippedNotThrottled", "proxy_skipped_not_throttled",
                 &P::proxy_skipped_not_throttled},
    PercentField{proxy, "skippedUnconfigured", "proxy_skipped_unconfigured",
                 &P::proxy_skipped_unconfigured},
    PercentField{proxy, "skippedOptedOut", "proxy_skipped_opted_out", &P::proxy_skipped_opted_out},
};

// Google's JSON: an int64 is a string, an int32 and a float are numbers; each may be either.
template <class Number>
std::optional<Number> number(const JsonValue* value) {
  if (value == nullptr ||
      (value->kind != JsonValue::Kind::number && value->kind != JsonValue::Kind::string)) {
    return std::nullopt;
  }
  Number parsed{};
  const char* end = value->text.data() + value->text.size();
  const auto [stop, error] = std::from_chars(value->text.data(), end, parsed);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return parsed;
}

std::chrono::year_month_day date_of(const JsonValue& row) {
  const JsonValue* date = member(row, "date");
  if (date == nullptr) return {};
  return {std::chrono::year(number<int>(member(*date, "year")).value_or(0)),
          std::chrono::month(number<unsigned>(member(*date, "month")).value_or(0)),
          std::chrono::day(number<unsigned>(member(*date, "day")).value_or(0))};
}

// Proto-JSON leaves a zero out: where its group is there, a percentage that is not is zero.
std::optional<double> percent(const JsonValue& data, const PercentField& field) {
  const JsonValue* group = member(data, field.group);
  if (group == nullptr) return std::nullopt;
  const JsonValue* value = member(*group, field.json);
  return value == nullptr ? 0.0 : number<double>(value);
}

DeliveryDay day_of(const JsonValue& row) {
  DeliveryDay day;
  day.app_id = text_member(row, "appId");
  day.analytics_label = text_member(row, "analyticsLabel");
  day.date = date_of(row);
  const JsonValue* data = member(row, "data");
  if (data == nullptr) return day;
  day.messages_accepted = number<std::int64_t>(member(*data, "countMessagesAccepted")).value_or(0);
  day.notifications_accepted =
      number<std::int64_t>(member(*data, "countNotificationsAccepted")).value_or(0);
  for (const PercentField& field : fields) day.percents.*field.value = percent(*data, field);
  return day;
}

}  // namespace

std::span<const PercentField> percent_fields() noexcept {
  return fields;
}

std::string delivery_data_path(std::string_view project, std::string_view app_id,
                               std::string_view page_token) {
  std::string path = fmt::format("/v1beta1/projects/{}/androidApps/{}/deliveryData?pageSize=1000",
                                 project, percent_encode(app_id));
  if (!page_token.empty()) path += "&pageToken=" + percent_encode(page_token);
  return path;
}

Result<DeliveryPage> parse_delivery_page(std::string_view body) {
  const auto document = parse_api_object(body);
  if (!document) return std::unexpected(document.error());
  DeliveryPage page;
  page.next_page = text_member(*document, "nextPageToken");
  const JsonValue* list = member(*document, "androidDeliveryData");
  if (list == nullptr) return page;
  for (const JsonMember& each : list->members) page.days.push_back(day_of(each.value));
  return page;
}

Verdict judge_delivery_data(const Answer& answer) {
  // No device is asked about: as for a topic, no rule of the device can apply.
  return judge_call(answer, TargetKind::topic, parse_delivery_page(answer.body).has_value());
}

}  // namespace fanfare::fcm
