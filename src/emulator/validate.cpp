#include "emulator/validate.h"

#include <algorithm>
#include <array>
#include <string>

#include <boost/json/string.hpp>
#include <fmt/format.h>

#include "emulator/condition.h"
#include "emulator/schema.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

std::optional<Answer> check_target(const json::object& message) {
  const auto target = target_of(message);
  if (target.field.empty()) {
    return invalid_field("message", "Recipient of the message is not set.");
  }
  if (target.field == "topic" && !is_topic_name(target.value)) {
    return invalid_field("message", "Topic name contains invalid characters.");
  }
  if (target.field == "condition" && !is_condition(target.value)) return bare_invalid_argument();
  return std::nullopt;
}

bool is_reserved(std::string_view key) {
  return key == "from" || key == "message_type" || key.starts_with("google.") ||
         key.starts_with("gcm.notification.");
}

std::optional<Answer> check_keys(const json::object* data) {
  if (data == nullptr) return std::nullopt;
  for (const auto& member : *data) {
    if (is_reserved(member.key())) return reserved_key(member.key());
  }
  return std::nullopt;
}

/// Keys and values. Nested objects of a payload count as their text would, roughly.
std::uint64_t size_of(const json::object* object) {
  std::uint64_t size = 0;
  if (object == nullptr) return size;
  for (const auto& member : *object) {
    size += member.key().size();
    if (const auto* text = member.value().if_string()) size += text->size();
  }
  return size;
}

/// The largest that any platform would get: its own data replaces the common one.
std::uint64_t payload_size(const json::object& message) {
  const auto common = size_of(object_in(message, "data"));
  std::uint64_t largest = common;
  for (const auto* platform : {"android", "android_v2", "webpush"}) {
    const auto* config = object_in(message, platform);
    const auto* own = config != nullptr ? object_in(*config, "data") : nullptr;
    if (own != nullptr) largest = std::max(largest, size_of(own));
  }
  return largest + size_of(object_in(message, "notification"));
}

std::optional<Answer> check_data(const json::object& message, std::uint64_t size_limit_bytes,
                                 Texts texts) {
  if (auto fault = check_keys(object_in(message, "data"))) return fault;
  for (const auto* platform : {"android", "android_v2", "webpush"}) {
    const auto* config = object_in(message, platform);
    if (config == nullptr) continue;
    if (auto fault = check_keys(object_in(*config, "data"))) return fault;
  }
  if (payload_size(message) > size_limit_bytes) return too_large(texts);
  return std::nullopt;
}

std::optional<Answer> check_ttl(const json::object& message, std::string_view platform) {
  constexpr std::int64_t four_weeks = 2'419'200;
  const auto* config = object_in(message, platform);
  if (config == nullptr) return std::nullopt;
  const auto ttl = text_in(*config, "ttl");
  if (ttl.empty()) return std::nullopt;
  const auto seconds = duration_seconds(ttl);
  if (seconds >= 0 && seconds <= four_weeks) return std::nullopt;
  return invalid_field(fmt::format("message.{}.ttl", platform),
                       "Invalid TTL: it must be between 0 and 2419200 seconds.");
}

std::optional<Answer> check_android(const json::object& message) {
  if (object_in(message, "android") != nullptr && object_in(message, "android_v2") != nullptr) {
    return invalid_field("message.android_v2", "Only one of android and android_v2 may be set.");
  }
  if (auto fault = check_ttl(message, "android")) return fault;
  return check_ttl(message, "android_v2");
}

std::optional<Answer> check_webpush(const json::object& message) {
  const auto* config = object_in(message, "webpush");
  if (config == nullptr) return std::nullopt;
  if (const auto* headers = object_in(*config, "headers")) {
    for (const auto& member : *headers) {
      const auto* text = member.value().if_string();
      if (member.key() != "TTL" || text == nullptr) continue;
      const bool whole = !text->empty() && text->find_first_not_of("0123456789") == text->npos;
      if (!whole) {
        return invalid_field("message.webpush.headers.TTL", "TTL must be a non-negative integer.");
      }
    }
  }
  const auto* options = object_in(*config, "fcm_options");
  const auto link = options != nullptr ? text_in(*options, "link") : std::string_view{};
  if (!link.empty() && !link.starts_with("https://")) {
    return invalid_field("message.webpush.fcm_options.link", "The link must be an HTTPS URL.");
  }
  return std::nullopt;
}

}  // namespace

Target target_of(const json::object& message) {
  for (const std::string_view field : {"token", "fid", "topic", "condition"}) {
    // An empty text counts as unset.
    if (const auto value = text_in(message, field); !value.empty()) return {field, value};
  }
  return {};
}

bool is_empty_but_target(const json::object& message) {
  return std::all_of(message.begin(), message.end(), [](const json::key_value_pair& member) {
    const std::string_view name = member.key();
    return member.value().is_null() || name == "token" || name == "fid" || name == "topic" ||
           name == "condition";
  });
}

std::optional<Answer> find_fault(const json::object& message, std::uint64_t size_limit_bytes,
                                 Texts texts) {
  if (auto fault = check_target(message)) return fault;
  if (auto fault = check_data(message, size_limit_bytes, texts)) return fault;
  if (auto fault = check_android(message)) return fault;
  return check_webpush(message);
}

}  // namespace fanfare::emulator
