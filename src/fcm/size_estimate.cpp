// How large a message's payload is, as far as it can be known: FCM documents "4096 bytes, keys and
// values" and does not say which fields count or in which encoding.
#include <algorithm>

#include "fanfare/check.h"

#include "fcm/json_document.h"
#include "fcm/message_fields.h"

namespace fanfare {
namespace {

std::size_t data_bytes(const DataMap& data) {
  std::size_t sum = 0;
  for (const auto& [key, value] : data) sum += key.size() + value.size();
  return sum;
}

// A platform's own data replaces the common data as a whole.
template <class Config>
std::size_t data_bytes(const Message& message, const std::optional<Config>& config) {
  return data_bytes(config && !config->data.empty() ? config->data : message.data);
}

struct TextBytes {
  std::size_t& sum;
  void operator()(std::string_view, const std::string& text) const { sum += text.size(); }
  void operator()(std::string_view, const std::vector<std::string>& texts) const {
    for (const std::string& text : texts) sum += text.size();
  }
  void operator()(std::string_view, const auto&) const {}  // Flags and numbers are small.
};

// The platform's notification with the common fields that it does not override.
template <class Own>
std::size_t notification_bytes(const Message& message, const Own* own) {
  const Notification common = message.notification.value_or(Notification{});
  std::size_t sum = 0;
  if (own != nullptr) fcm::visit_fields(*own, TextBytes{sum});
  if (own == nullptr || own->title.empty()) sum += common.title.size();
  if (own == nullptr || own->body.empty()) sum += common.body.size();
  if (own == nullptr || own->image.empty()) sum += common.image.size();
  return sum;
}

std::size_t android_bytes(const Message& message) {
  if (const auto& v2 = message.android_v2) {
    const auto& remote = v2->remote_notification;
    return data_bytes(message, v2) + notification_bytes(message, remote && remote->notification
                                                                     ? &*remote->notification
                                                                     : nullptr);
  }
  const auto& android = message.android;
  return data_bytes(message, android) + notification_bytes(message, android && android->notification
                                                                        ? &*android->notification
                                                                        : nullptr);
}

// apns.payload overrides the common title and body.
std::size_t apns_bytes(const Message& message) {
  std::size_t sum = data_bytes(message.data);
  const bool own = message.apns && !message.apns->payload.empty();
  if (own) sum += message.apns->payload.text().size();
  if (message.notification) {
    if (!own) sum += message.notification->title.size() + message.notification->body.size();
    sum += message.notification->image.size();
  }
  return sum;
}

std::size_t webpush_bytes(const Message& message) {
  std::size_t sum = data_bytes(message, message.webpush);
  const std::string own = message.webpush ? message.webpush->notification.text() : "";
  sum += own.size();
  const auto options =
      own.empty() ? fcm::JsonValue{} : fcm::parse_json(own).value_or(fcm::JsonValue{});
  const auto overridden = [&](std::string_view name) {
    return std::ranges::find(options.members, name, &fcm::JsonMember::name) !=
           options.members.end();
  };
  if (message.notification) {
    if (!overridden("title")) sum += message.notification->title.size();
    if (!overridden("body")) sum += message.notification->body.size();
    if (!overridden("image")) sum += message.notification->image.size();
  }
  return sum;
}

}  // namespace

SizeEstimate estimate_size(const Message& message) {
  return {.android_bytes = android_bytes(message),
          .apns_bytes = apns_bytes(message),
          .webpush_bytes = webpush_bytes(message)};
}

}  // namespace fanfare
