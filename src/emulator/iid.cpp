#include "emulator/iid.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/random.h"
#include "emulator/condition.h"
#include "emulator/noise.h"
#include "emulator/url.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

constexpr std::string_view prefix = "/iid/";
constexpr std::string_view topics_prefix = "/topics/";
constexpr std::string_view over_rate = "RESOURCE_EXHAUSTED";
constexpr std::size_t max_tokens = 1'000;
constexpr std::size_t max_apns_tokens = 100;

Answer ok(json::object body = {}) {
  Answer answer;
  answer.body = std::move(body);
  return answer;
}

Answer bad_request() {
  return flat_error(400, "INVALID_ARGUMENT");
}

std::optional<json::object> parse_body(const std::string& text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string_view exact_text(const json::object& body, std::string_view name) {
  const auto* value = body.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view{};
}

/// Nothing unless it is a list of 1 to `most` texts.
std::optional<std::vector<std::string>> texts_in(const json::object& body, std::string_view name,
                                                 std::size_t most) {
  const auto* value = body.if_contains(name);
  const auto* list = value != nullptr ? value->if_array() : nullptr;
  if (list == nullptr || list->empty() || list->size() > most) return std::nullopt;
  std::vector<std::string> texts;
  for (const auto& one : *list) {
    if (!one.is_string()) return std::nullopt;
    texts.emplace_back(one.get_string());
  }
  return texts;
}

// --- topics ---

/// The error of one registration; empty when all is well.
std::string_view fault_of(Standing standing) {
  switch (standing) {
    case Standing::good:
      return {};
    case Standing::unregistered:
      return "NOT_FOUND";
    case Standing::malformed:
      return "INVALID_ARGUMENT";
    case Standing::wrong_sender:
      return "PERMISSION_DENIED";
  }
  return {};
}

std::string_view fault_of(Subscribed outcome) {
  switch (outcome) {
    case Subscribed::added:
    case Subscribed::already:
      return {};
    case Subscribed::too_many_topics:
      return "TOO_MANY_TOPICS";
    case Subscribed::full:
      return over_rate;
  }
  return {};
}

/// Here a second subscription is as good as a first, and so is a second removal.
std::string_view change(const std::string& registration, std::string_view topic, bool add,
                        const InstanceIds& ids, SystemTime now) {
  if (const auto fault = fault_of(ids.standing_of(registration)); !fault.empty()) return fault;
  if (add) return fault_of(ids.subscriptions.add(registration, topic, now));
  ids.subscriptions.remove(registration, topic);
  return {};
}

Answer change_batch(const http2::Request& request, bool add, const InstanceIds& ids,
                    SystemTime now) {
  const auto body = parse_body(request.body);
  if (!body) return bad_request();
  auto topic = exact_text(*body, "to");
  if (!topic.starts_with(topics_prefix)) return bad_request();
  topic.remove_prefix(topics_prefix.size());
  const auto registrations = texts_in(*body, "registration_tokens", max_tokens);
  if (!registrations || !is_topic_name(topic)) return bad_request();
  const bool allowed = ids.may_subscribe();
  json::array results;
  for (const auto& registration : *registrations) {
    json::object result;
    const auto fault = allowed ? change(registration, topic, add, ids, now) : over_rate;
    if (!fault.empty()) result["error"] = fault;
    results.push_back(std::move(result));
  }
  return ok({{"results", std::move(results)}});
}

int status_of(std::string_view fault) {
  if (fault == "NOT_FOUND") return 404;
  if (fault == "PERMISSION_DENIED") return 403;
  return fault == "RESOURCE_EXHAUSTED" ? 429 : 400;
}

Answer change_one(const std::string& registration, std::string_view topic, bool add,
                  const InstanceIds& ids, SystemTime now) {
  if (!is_topic_name(topic)) return bad_request();
  const auto fault = ids.may_subscribe() ? change(registration, topic, add, ids, now) : over_rate;
  return fault.empty() ? ok() : flat_error(status_of(fault), fault);
}

// --- information ---

std::string_view platform_name(Platform platform) {
  switch (platform) {
    case Platform::ios:
      return "IOS";
    case Platform::web:
      return "CHROME";
    case Platform::android:
    case Platform::unknown:
      return "ANDROID";
  }
  return "ANDROID";
}

json::object relations(const Subscriptions::Topics& topics) {
  json::object all;
  for (const auto& [topic, since] : topics) {
    all[topic] = {{"addDate", format_rfc3339(since).substr(0, 10)}};
  }
  return {{"topics", std::move(all)}};
}

Answer describe(const std::string& registration, std::string_view query, const InstanceIds& ids) {
  switch (ids.standing_of(registration)) {
    case Standing::good:
      break;
    case Standing::unregistered:
      return flat_error(404, "No information found about this instance id.");
    case Standing::malformed:
      return flat_error(400, "InvalidToken");
    case Standing::wrong_sender:
      return flat_error(403, "PERMISSION_DENIED");
  }
  const auto device = ids.devices.find(registration);
  json::object body{{"application", "com.fanfare.demo"},
                    {"authorizedEntity", ids.project_number},
                    {"applicationVersion", "1"},
                    {"platform", platform_name(device ? device->platform : Platform::unknown)}};
  const auto& topics = ids.subscriptions.topics_of(registration);
  if (query_value(query, "details") == "true" && !topics.empty()) body["rel"] = relations(topics);
  return ok(std::move(body));
}

// --- import from APNs ---

bool is_apns_token(std::string_view text) {
  const bool hex = text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  return hex && text.size() >= 64 && text.size() <= 200 && text.size() % 2 == 0;
}

json::object import_one(const std::string& apns_token, DeviceBook& devices) {
  json::object result{{"apns_token", apns_token}, {"status", "Internal Server Error"}};
  if (!is_apns_token(apns_token)) return result;
  auto registration = import_apns_token(apns_token);
  if (!devices.adopt(registration, Platform::ios)) return result;
  result["status"] = "OK";
  result["registration_token"] = registration;
  return result;
}

Answer import_batch(const http2::Request& request, const InstanceIds& ids) {
  const auto body = parse_body(request.body);
  if (!body || exact_text(*body, "application").empty()) return bad_request();
  const auto* sandbox = body->if_contains("sandbox");
  const auto tokens = texts_in(*body, "apns_tokens", max_apns_tokens);
  if (!tokens || (sandbox != nullptr && !sandbox->is_bool())) return bad_request();
  json::array results;
  for (const auto& token : *tokens) results.push_back(import_one(token, ids.devices));
  return ok({{"results", std::move(results)}});
}

bool is_topic_relation(const std::vector<std::string>& parts) {
  return parts.size() == 6 && parts[1] == "v1" && parts[3] == "rel" && parts[4] == "topics";
}

}  // namespace

bool is_iid_path(std::string_view path) noexcept {
  return path.starts_with(prefix);
}

Answer answer_iid(const http2::Request& request, std::string_view path, std::string_view query,
                  const InstanceIds& ids, SystemTime now) {
  const auto parts = path_segments(path);
  const bool post = request.method == "POST";
  if (post && path == "/iid/v1:batchAdd") return change_batch(request, true, ids, now);
  if (post && path == "/iid/v1:batchRemove") return change_batch(request, false, ids, now);
  if (post && path == "/iid/v1:batchImport") return import_batch(request, ids);
  if (is_topic_relation(parts) && (post || request.method == "DELETE")) {
    return change_one(parts[2], parts[5], post, ids, now);
  }
  if (request.method == "GET" && parts.size() == 3 && parts[1] == "info") {
    return describe(parts[2], query, ids);
  }
  const bool operation = parts.size() == 2 && parts[1].starts_with("v1:");
  if (request.method == "GET" && parts.size() == 2 && !operation)
    return describe(parts[1], query, ids);
  return html_not_found(path);
}

std::optional<Answer> check_access_token_auth(const http2::Request& request) {
  if (http2::find_header(request.headers, "access_token_auth") == "true") return std::nullopt;
  return flat_error(401, "Unauthorized");
}

std::string import_apns_token(std::string_view apns_token) {
  std::string lower(apns_token);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  Random random(stable_hash(lower));
  std::string registration = "c";
  append_noise(registration, random, 21);
  registration.append(":APA91b");
  append_noise(registration, random, 134);
  return registration;
}

}  // namespace fanfare::emulator
