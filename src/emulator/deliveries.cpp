#include "emulator/deliveries.h"

#include <algorithm>
#include <iterator>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "emulator/schema.h"
#include "emulator/url.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

constexpr std::uint64_t default_page = 1'000;
constexpr std::uint64_t max_page = 10'000;

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 50 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.~%").find(c) != std::string_view::npos;
  });
}

std::string_view label_in(const json::object& parent) {
  const auto* options = object_in(parent, "fcm_options");
  return options != nullptr ? text_in(*options, "analytics_label") : std::string_view{};
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::uint64_t accounted_for(const DeliveryLog::Counts& counts) {
  return counts.delivered + counts.pending + counts.collapsed + counts.too_many_pending +
         counts.ttl_expired;
}

// int64 is a string in Google's JSON; a percentage is a number.
json::object to_json(const DeliveryLog::Counts& counts) {
  const auto all = counts.messages;
  return {{"countMessagesAccepted", std::to_string(counts.messages)},
          {"countNotificationsAccepted", std::to_string(counts.notifications)},
          {"messageOutcomePercents",
           {{"delivered", percent(counts.delivered, all)},
            {"pending", percent(counts.pending, all)},
            {"collapsed", percent(counts.collapsed, all)},
            {"droppedTooManyPendingMessages", percent(counts.too_many_pending, all)},
            {"droppedDeviceInactive", percent(all - accounted_for(counts), all)},
            {"droppedTtlExpired", percent(counts.ttl_expired, all)}}},
          {"deliveryPerformancePercents",
           {{"deliveredNoDelay", percent(counts.delivered - counts.delayed, all)},
            {"delayedDeviceOffline", percent(counts.delayed, all)}}}};
}

json::object to_json(const DeliveryLog::Key& key, const DeliveryLog::Counts& counts,
                     std::string_view app) {
  const std::chrono::year_month_day date(key.first);
  return {{"appId", app},
          {"date",
           {{"year", static_cast<int>(date.year())},
            {"month", static_cast<unsigned>(date.month())},
            {"day", static_cast<unsigned>(date.day())}}},
          {"analyticsLabel", key.second},
          {"data", to_json(counts)}};
}

}  // namespace

void DeliveryLog::add(std::string_view label, const Counts& more, SystemTime now) {
  if (!is_label(label) || more.messages == 0) return;
  const Key key{std::chrono::floor<std::chrono::days>(now), std::string(label)};
  auto row = counts_.find(key);
  if (row == counts_.end()) {
    const auto first = counts_.lower_bound({key.first, ""});
    const auto today = std::distance(first, counts_.upper_bound({key.first, "\x7f"}));
    if (static_cast<std::size_t>(today) >= max_labels) return;
    if (counts_.size() >= max_rows) counts_.erase(counts_.begin());
    row = counts_.emplace(key, Counts{}).first;
  }
  auto& counts = row->second;
  counts.messages += more.messages;
  counts.notifications += more.notifications;
  counts.delivered += more.delivered;
  counts.delayed += more.delayed;
  counts.pending += more.pending;
  counts.collapsed += more.collapsed;
  counts.too_many_pending += more.too_many_pending;
  counts.ttl_expired += more.ttl_expired;
}

void DeliveryLog::move(std::string_view label, SystemTime accepted, Outcome from, Outcome to) {
  const auto row =
      counts_.find(Key{std::chrono::floor<std::chrono::days>(accepted), std::string(label)});
  if (row == counts_.end()) return;
  row->second.count(from, false);
  row->second.count(to, true);
}

void DeliveryLog::Counts::count(Outcome outcome, bool more) noexcept {
  auto* place = [&]() -> std::uint64_t* {
    switch (outcome) {
      case Outcome::delivered:
        return &delivered;
      case Outcome::pending:
      case Outcome::delayed:
        return &pending;
      case Outcome::collapsed:
        return &collapsed;
      case Outcome::dropped_too_many_pending:
        return &too_many_pending;
      case Outcome::expired:
        return &ttl_expired;
      case Outcome::dropped_inactive:
      case Outcome::dropped_uninstalled:
        break;
    }
    return nullptr;
  }();
  if (place != nullptr) *place += more ? 1U : ~std::uint64_t{0};
}

std::string_view android_label(const json::object& message) {
  for (const auto* platform : {"android", "android_v2"}) {
    const auto* config = object_in(message, platform);
    const auto own = config != nullptr ? label_in(*config) : std::string_view{};
    if (!own.empty()) return own;
  }
  return label_in(message);
}

std::optional<DeliveryPath> parse_delivery_path(std::string_view path) {
  if (!path.starts_with("/v1beta1/projects/")) return std::nullopt;
  auto parts = path_segments(path);
  const bool ours = parts.size() == 6 && is_project_name(parts[2]) && parts[3] == "androidApps" &&
                    is_project_name(parts[4]) && parts[5] == "deliveryData";
  if (!ours) return std::nullopt;
  return DeliveryPath{std::move(parts[2]), std::move(parts[4])};
}

// The page token is how many rows were shown before.
Answer list_deliveries(const DeliveryPath& path, std::string_view query, const DeliveryLog& log) {
  const auto size = page_size(query_value(query, "pageSize"), default_page, max_page);
  const auto start = page_size(query_value(query, "pageToken"), 0, log.counts().size());
  if (!size || !start) return bare_invalid_argument();
  auto row = std::next(log.counts().begin(), static_cast<std::ptrdiff_t>(*start));
  json::array rows;
  for (; row != log.counts().end() && rows.size() < *size; ++row) {
    rows.push_back(to_json(row->first, row->second, path.app));
  }
  Answer answer;
  const auto shown = *start + rows.size();
  if (!rows.empty()) answer.body["androidDeliveryData"] = std::move(rows);
  if (row != log.counts().end()) answer.body["nextPageToken"] = std::to_string(shown);
  return answer;
}

}  // namespace fanfare::emulator
