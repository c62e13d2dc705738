#include "queue/events.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace fanfare::queue {
namespace {

using sqlite::Statement;

std::string join(const std::vector<std::string>& texts) {
  boost::json::array all;
  for (const std::string& text : texts) all.emplace_back(text);
  return boost::json::serialize(all);
}

std::vector<std::string> split(const std::string& stored) {
  std::vector<std::string> texts;
  const boost::json::value all = boost::json::parse(stored);
  for (const auto& each : all.as_array()) {
    texts.emplace_back(each.as_string());
  }
  return texts;
}

Event read_event(const Statement::Rows& row, int first) {
  return {.id = row.integer(first),
          .at = *row.time(first + 1),
          .type = row.text(first + 2),
          .project = row.text(first + 3),
          .data = row.text(first + 4)};
}

constexpr const char* webhook_columns =
    "SELECT id, url, secret, types, project, enabled, created, cursor, failures, retry_at,"
    " last_error FROM webhook";

Webhook read_webhook(const Statement::Rows& row) {
  return {.id = row.text(0),
          .url = row.text(1),
          .secret = row.text(2),
          .choice = {.types = split(row.text(3)), .project = row.text(4)},
          .enabled = row.integer(5) != 0,
          .created = *row.time(6),
          .cursor = row.integer(7),
          .failures = static_cast<int>(row.integer(8)),
          .retry_at = row.time(9),
          .last_error = row.text(10)};
}

bool matches(const std::string& pattern, const std::string& type) {
  if (!pattern.ends_with('*')) return pattern == type;
  return std::string_view(type).starts_with(
      std::string_view(pattern).substr(0, pattern.size() - 1));
}

}  // namespace

bool EventChoice::wants(const Event& event) const noexcept {
  if (!project.empty() && event.project != project) return false;
  return types.empty() || std::ranges::any_of(types, [&](const std::string& pattern) {
           return matches(pattern, event.type);
         });
}

EventId Events::add(const Event& event) {
  auto& database = store_.database();
  database.prepared("INSERT INTO event (at, type, project, data) VALUES (?, ?, ?, ?)")
      .run(event.at, std::string_view(event.type), std::string_view(event.project),
           std::string_view(event.data));
  return database.last_id();
}

std::uint64_t Events::purge(SystemTime before, std::size_t limit) {
  auto& database = store_.database();
  database
      .prepared(
          "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT ?1) AND at < ?2")
      .run(limit, before);
  auto purged = static_cast<std::uint64_t>(database.changes());
  database
      .prepared(
          "DELETE FROM webhook_dead WHERE id IN"
          " (SELECT id FROM webhook_dead ORDER BY id LIMIT ?1) AND at < ?2")
      .run(limit, before);
  return purged + static_cast<std::uint64_t>(database.changes());
}

void Events::put_webhook(const Webhook& webhook) {
  store_.database()
      .prepared(
          "INSERT OR REPLACE INTO webhook (id, url, secret, types, project, enabled, created,"
          " cursor, failures, retry_at, last_error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(std::string_view(webhook.id), std::string_view(webhook.url),
           std::string_view(webhook.secret), std::string_view(join(webhook.choice.types)),
           std::string_view(webhook.choice.project), webhook.enabled ? 1 : 0, webhook.created,
           webhook.cursor, webhook.failures, webhook.retry_at,
           std::string_view(webhook.last_error));
}

bool Events::remove_webhook(const std::string& id) {
  store_.database()
      .prepared("DELETE FROM webhook_dead WHERE webhook = ?")
      .run(std::string_view(id));
  store_.database().prepared("DELETE FROM webhook WHERE id = ?").run(std::string_view(id));
  return store_.database().changes() > 0;
}

void Events::add_dead_letter(const WebhookDeadLetter& letter) {
  const Event& event = letter.event;
  store_.database()
      .prepared(
          "INSERT INTO webhook_dead (webhook, event, event_at, type, project, data, at,"
          " attempts, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(std::string_view(letter.webhook), event.id, event.at, std::string_view(event.type),
           std::string_view(event.project), std::string_view(event.data), letter.at,
           letter.attempts, std::string_view(letter.error));
}

bool Events::remove_dead_letter(const std::string& webhook, std::int64_t id) {
  store_.database()
      .prepared("DELETE FROM webhook_dead WHERE id = ? AND webhook = ?")
      .run(id, std::string_view(webhook));
  return store_.database().changes() > 0;
}

std::vector<Event> Events::behind(EventId after, const EventChoice& choice, std::size_t limit,
                                  EventId* looked_at) {
  constexpr std::size_t most_looked_at = 10'000;
  std::vector<Event> found;
  EventId last = after;
  auto rows = store_.database()
                  .prepared(
                      "SELECT id, at, type, project, data FROM event WHERE id > ?"
                      " ORDER BY id LIMIT ?")
                  .rows(after, most_looked_at);
  while (found.size() < limit && rows.next()) {
    Event event = read_event(rows, 0);
    last = event.id;
    if (choice.wants(event)) found.push_back(std::move(event));
  }
  if (looked_at != nullptr) *looked_at = last;
  return found;
}

EventId Events::last() {
  auto rows = store_.database().prepared("SELECT ifnull(max(id), 0) FROM event").rows();
  return rows.next() ? rows.integer(0) : 0;
}

std::vector<Webhook> Events::webhooks() {
  std::vector<Webhook> all;
  auto rows = store_.database().prepared(webhook_columns).rows();
  while (rows.next()) all.push_back(read_webhook(rows));
  return all;
}

std::optional<Webhook> Events::webhook(const std::string& id) {
  for (Webhook& each : webhooks()) {
    if (each.id == id) return std::move(each);
  }
  return std::nullopt;
}

std::vector<WebhookDeadLetter> Events::dead_letters(const std::string& webhook, std::int64_t after,
                                                    std::size_t limit) {
  std::vector<WebhookDeadLetter> found;
  auto rows = store_.database()
                  .prepared(
                      "SELECT id, event, event_at, type, project, data, at, attempts, error"
                      " FROM webhook_dead WHERE webhook = ? AND id > ? ORDER BY id LIMIT ?")
                  .rows(std::string_view(webhook), after, limit);
  while (rows.next()) {
    found.push_back({.id = rows.integer(0),
                     .webhook = webhook,
                     .event = read_event(rows, 1),
                     .at = *rows.time(6),
                     .attempts = static_cast<int>(rows.integer(7)),
                     .error = rows.text(8)});
  }
  return found;
}

std::map<std::string, std::uint64_t> Events::dead_letter_counts() {
  std::map<std::string, std::uint64_t> counts;
  auto rows = store_.database()
                  .prepared("SELECT webhook, count(*) FROM webhook_dead GROUP BY webhook")
                  .rows();
  while (rows.next()) counts[rows.text(0)] = static_cast<std::uint64_t>(rows.integer(1));
  return counts;
}

}  // namespace fanfare::queue
