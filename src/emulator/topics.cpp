#include "emulator/topics.h"

#include <charconv>
#include <iterator>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "emulator/condition.h"
#include "emulator/url.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

constexpr std::uint64_t default_page = 1'000;
constexpr std::uint64_t max_page = 2'000;

// Official clients send snake_case, the discovery document has camelCase.
std::optional<std::string> value_of(std::string_view query, std::string_view snake,
                                    std::string_view camel) {
  auto value = query_value(query, snake);
  return value ? value : query_value(query, camel);
}

bool allows_missing(std::string_view query) {
  return value_of(query, "allow_missing", "allowMissing") == "true";
}

std::string name_of(const TopicPath& path, std::string_view topic) {
  return fmt::format("projects/{}/registrations/{}/topicSubscriptions/{}", path.project,
                     path.registration, topic);
}

json::object to_json(const TopicPath& path, std::string_view topic, SystemTime since) {
  return {
      {"name", name_of(path, topic)}, {"topicName", topic}, {"createTime", format_rfc3339(since)}};
}

Answer show(const TopicPath& path, std::string_view topic, SystemTime since) {
  Answer answer;
  answer.body = to_json(path, topic, since);
  return answer;
}

std::optional<Answer> refuse_standing(Standing standing, std::string_view field) {
  switch (standing) {
    case Standing::good:
      return std::nullopt;
    case Standing::unregistered:
      return unregistered();
    case Standing::malformed:
      return bad_registration(field);
    case Standing::wrong_sender:
      return sender_mismatch();
  }
  return std::nullopt;
}

/// The body is `{}` or nothing, since a subscription has no settings; what else it says is not
/// looked at as long as it is JSON.
std::optional<Answer> refuse_body(const std::string& body) {
  boost::system::error_code error;
  if (body.empty() || json::parse(body, error).is_object()) return std::nullopt;
  return malformed_json(body, error ? body.size() : 0);
}

Answer subscribe(const TopicPath& path, std::string_view topic, Subscriptions& subscriptions,
                 SystemTime now) {
  switch (subscriptions.add(path.registration, topic, now)) {
    case Subscribed::added:
      return show(path, topic, now);
    case Subscribed::already:
      return already_exists();
    case Subscribed::too_many_topics:
      return too_many_topics();
    case Subscribed::full:
      return subscription_quota();
  }
  return already_exists();
}

Answer bad_topic(std::string_view field) {
  return invalid_field(field, "Topic name contains invalid characters.");
}

Answer create(const TopicPath& path, std::string_view query, Subscriptions& subscriptions,
              SystemTime now) {
  const auto topic = value_of(query, "topic_name", "topicName").value_or("");
  if (!is_topic_name(topic)) return bad_topic("topic_name");
  return subscribe(path, topic, subscriptions, now);
}

// --- pages ---

// A page token is the last topic shown, in hex: opaque, and safe in any URL.
std::string page_token_after(std::string_view topic) {
  std::string token;
  for (const char c : topic) token += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return token;
}

std::optional<std::string> topic_of(std::string_view page_token) {
  std::string topic;
  if (page_token.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < page_token.size(); i += 2) {
    unsigned byte = 0;
    const auto* start = page_token.data() + i;
    if (const auto [end, error] = std::from_chars(start, start + 2, byte, 16);
        error != std::errc{} || end != start + 2) {
      return std::nullopt;
    }
    topic.push_back(static_cast<char>(byte));
  }
  if (!is_topic_name(topic)) return std::nullopt;
  return topic;
}

Answer list(const TopicPath& path, std::string_view query, const Subscriptions& subscriptions) {
  const auto size = page_size(value_of(query, "page_size", "pageSize"), default_page, max_page);
  if (!size) return invalid_field("page_size", "The page size must be a non-negative integer.");
  const auto& topics = subscriptions.topics_of(path.registration);
  auto next = topics.begin();
  if (const auto token = value_of(query, "page_token", "pageToken"); token && !token->empty()) {
    const auto last = topic_of(*token);
    if (!last) return invalid_field("page_token", "The page token is invalid.");
    next = topics.upper_bound(*last);
  }
  json::array page;
  for (; next != topics.end() && page.size() < *size; ++next) {
    page.push_back(to_json(path, next->first, next->second));
  }
  Answer answer;
  if (next != topics.end()) answer.body["nextPageToken"] = page_token_after(std::prev(next)->first);
  if (!page.empty()) answer.body["topicSubscriptions"] = std::move(page);
  return answer;
}

// --- one subscription ---

Answer remove(const TopicPath& path, std::string_view query, Subscriptions& subscriptions) {
  const bool was_there = subscriptions.remove(path.registration, *path.topic);
  return was_there || allows_missing(query) ? Answer{} : bare_not_found();
}

Answer get(const TopicPath& path, const Subscriptions& subscriptions) {
  const auto since = subscriptions.since(path.registration, *path.topic);
  return since ? show(path, *path.topic, *since) : bare_not_found();
}

Answer patch(const TopicPath& path, std::string_view query, Subscriptions& subscriptions,
             SystemTime now) {
  if (const auto since = subscriptions.since(path.registration, *path.topic)) {
    return show(path, *path.topic, *since);
  }
  if (!allows_missing(query)) return bare_not_found();
  return subscribe(path, *path.topic, subscriptions, now);
}

}  // namespace

std::optional<TopicPath> parse_topic_path(std::string_view path) {
  if (!path.starts_with("/v1/projects/")) return std::nullopt;
  auto parts = path_segments(path);
  const bool ours = (parts.size() == 6 || parts.size() == 7) && is_project_name(parts[2]) &&
                    parts[3] == "registrations" && parts[5] == "topicSubscriptions";
  if (!ours) return std::nullopt;
  TopicPath found{std::move(parts[2]), std::move(parts[4]), std::nullopt};
  if (parts.size() == 7) found.topic = std::move(parts[6]);
  return found;
}

Answer answer_topics(const http2::Request& request, const TopicPath& path, std::string_view query,
                     Standing standing, Subscriptions& subscriptions, SystemTime now) {
  const auto& method = request.method;
  const bool known = path.topic ? method == "GET" || method == "DELETE" || method == "PATCH"
                                : method == "GET" || method == "POST";
  if (!known) return html_not_found(request.path);
  if (method == "POST" || method == "PATCH") {
    if (auto fault = refuse_body(request.body)) return *std::move(fault);
  }
  if (auto fault = refuse_standing(standing, path.topic ? "name" : "parent")) {
    return *std::move(fault);
  }
  if (!path.topic) {
    return method == "POST" ? create(path, query, subscriptions, now)
                            : list(path, query, subscriptions);
  }
  if (!is_topic_name(*path.topic)) return bad_topic("name");
  if (method == "DELETE") return remove(path, query, subscriptions);
  if (method == "PATCH") return patch(path, query, subscriptions, now);
  return get(path, subscriptions);
}

}  // namespace fanfare::emulator
