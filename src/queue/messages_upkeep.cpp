// Messages: housekeeping and what only reads.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "queue/messages_impl.h"

namespace fanfare::queue {

using sqlite::Statement;
using sqlite::to_millis;

namespace {

constexpr std::size_t sweep = 2'000;  // Rows that one step looks at, of each table.

// Leases that ran out: whoever had these messages is stuck or slow.
std::uint64_t take_back_leases(Messages::Impl& impl, std::int64_t now) {
  std::vector<MessageId> over;
  for (const auto& [id, until] : impl.leases) {
    if (until <= now && over.size() < sweep) over.push_back(id);
  }
  auto& due = impl.database.prepared(
      "UPDATE message SET due = ? WHERE id = ? AND due IS NULL AND NOT flags & 4 RETURNING "
      "project");
  for (const MessageId id : over) {
    impl.let_go(id);
    auto rows = due.rows(now, id);
    if (rows.next()) {
      impl.move(rows.integer(0), State::in_flight, State::waiting);
    } else {
      impl.lose(id);  // Gone already, or sent once.
    }
  }
  return over.size();
}

// Goes round and round over those that wait, since there is no index of what expires when.
std::uint64_t expire(Messages::Impl& impl, std::int64_t now) {
  std::vector<MessageId> expired;
  std::size_t looked_at = 0;
  {
    auto rows =
        impl.database
            .prepared("SELECT id, due, expires FROM message WHERE id > ? ORDER BY id LIMIT ?")
            .rows(impl.expiry_cursor, sweep);
    while (rows.next()) {
      ++looked_at;
      impl.expiry_cursor = rows.integer(0);
      if (!rows.is_null(1) && !rows.is_null(2) && rows.integer(2) <= now) {
        expired.push_back(rows.integer(0));
      }
    }
  }
  if (looked_at < sweep) impl.expiry_cursor = 0;
  for (const MessageId id : expired) impl.finish({.id = id, .state = State::expired}, now);
  return expired.size();
}

std::uint64_t forget_ended(Messages::Impl& impl, std::int64_t before) {
  std::vector<MessageId> old;
  std::size_t looked_at = 0;
  {
    auto rows = impl.database.prepared("SELECT id, at FROM ended WHERE id > ? ORDER BY id LIMIT ?")
                    .rows(impl.purge_cursor, sweep);
    while (rows.next()) {
      ++looked_at;
      impl.purge_cursor = rows.integer(0);
      if (rows.integer(1) < before) old.push_back(rows.integer(0));
    }
  }
  if (looked_at < sweep) impl.purge_cursor = 0;
  auto& forget = impl.database.prepared("DELETE FROM ended WHERE id = ?");
  auto& forget_dead = impl.database.prepared("DELETE FROM dead WHERE id = ?");
  for (const MessageId id : old) {
    forget.run(id);
    forget_dead.run(id);
  }
  return old.size();
}

// Those of messages and those of campaigns, each from the oldest on.
std::uint64_t forget_keys(Messages::Impl& impl, std::int64_t before) {
  std::vector<MessageId> old;
  for (const char* oldest_first :
       {"SELECT first, at FROM idempotency WHERE first > 0 ORDER BY first LIMIT ?",
        "SELECT first, at FROM idempotency WHERE first < 0 ORDER BY first DESC LIMIT ?"}) {
    auto rows = impl.database.prepared(oldest_first).rows(sweep);
    while (rows.next() && rows.integer(1) < before) old.push_back(rows.integer(0));
  }
  auto& forget = impl.database.prepared("DELETE FROM idempotency WHERE first = ?");
  for (const MessageId first : old) forget.run(first);
  return old.size();
}

MessageStatus status_of_open(const Statement::Rows& row, const std::string& project) {
  MessageStatus status{.id = row.integer(0),
                       .project = project,
                       .state = row.is_null(1) ? State::in_flight : State::waiting,
                       .target = {static_cast<TargetKind>(row.integer(4)), row.text(5)},
                       .priority = static_cast<Priority>(row.integer(6)),
                       .accepted_at = *row.time(3),
                       .expires_at = row.time(2),
                       .attempts = static_cast<int>(row.integer(7)),
                       .rule = row.text(8),
                       .labels = row.text(9),
                       .trace = row.text(10)};
  if (!row.is_null(1)) {
    const std::int64_t due = row.integer(1);
    status.due = sqlite::from_millis(due >= parked ? due - parked : due);
  }
  return status;
}

constexpr const char* ended_columns =
    "SELECT ended.id, state, accepted, at, attempts, rule, status, name, priority, labels, trace,"
    " kind, value, evidence FROM ended LEFT JOIN dead ON dead.id = ended.id WHERE ";

MessageStatus status_of_ended(const Statement::Rows& row, const std::string& project) {
  MessageStatus status{.id = row.integer(0),
                       .project = project,
                       .state = static_cast<State>(row.integer(1)),
                       .priority = static_cast<Priority>(row.integer(8)),
                       .accepted_at = *row.time(2),
                       .ended_at = row.time(3),
                       .attempts = static_cast<int>(row.integer(4)),
                       .rule = row.text(5),
                       .status = static_cast<int>(row.integer(6)),
                       .name = row.text(7),
                       .evidence = row.text(13),
                       .labels = row.text(9),
                       .trace = row.text(10)};
  if (!row.is_null(11)) status.target = {static_cast<TargetKind>(row.integer(11)), row.text(12)};
  return status;
}

// A reader's list of projects may be older than what it reads.
std::optional<ProjectId> stored_project(sqlite::Database& database, const std::string& name) {
  auto rows =
      database.prepared("SELECT id FROM project WHERE name = ?").rows(std::string_view(name));
  return rows.next() ? std::optional(rows.integer(0)) : std::nullopt;
}

}  // namespace

Messages::Upkeep Messages::keep_up(const Retention& retention, SystemTime now) {
  return {.leases = take_back_leases(*impl_, to_millis(now)),
          .expired = expire(*impl_, to_millis(now)),
          .purged = forget_ended(*impl_, to_millis(now - retention.ended)) +
                    forget_keys(*impl_, to_millis(now - retention.idempotency_keys))};
}

std::optional<MessageStatus> Messages::find(const std::string& project, MessageId id) {
  auto& database = impl_->database;
  const auto number = stored_project(database, project);
  if (!number) return std::nullopt;
  {
    auto rows = database
                    .prepared(
                        "SELECT id, due, expires, accepted, kind, value, priority, attempts,"
                        " rule, labels, trace FROM message WHERE id = ? AND project = ?")
                    .rows(id, *number);
    if (rows.next()) return status_of_open(rows, project);
  }
  static const std::string sql = std::string(ended_columns) + "ended.id = ? AND ended.project = ?";
  auto rows = database.prepared(sql.c_str()).rows(id, *number);
  if (rows.next()) return status_of_ended(rows, project);
  return std::nullopt;
}

std::vector<MessageStatus> Messages::dead_letters(const std::string& project, MessageId after,
                                                  std::size_t limit) {
  std::vector<MessageStatus> found;
  const auto number = stored_project(impl_->database, project);
  if (!number) return found;
  static const std::string sql =
      std::string(ended_columns) + "dead.project = ? AND dead.id > ? ORDER BY dead.id LIMIT ?";
  auto rows = impl_->database.prepared(sql.c_str()).rows(*number, after, limit);
  while (rows.next()) found.push_back(status_of_ended(rows, project));
  return found;
}

std::optional<SystemTime> Messages::next_due(const std::string& project, Priority priority) {
  const auto number = impl_->known_project(project);
  if (!number) return std::nullopt;
  auto rows = impl_->database
                  .prepared(
                      "SELECT min(due) FROM message WHERE project = ? AND priority = ?"
                      " AND due IS NOT NULL")
                  .rows(*number, static_cast<int>(priority));
  if (!rows.next() || rows.is_null(0) || rows.integer(0) >= parked) return std::nullopt;
  return sqlite::from_millis(rows.integer(0));
}

std::optional<SystemTime> Messages::oldest_due(SystemTime now) {
  std::optional<SystemTime> oldest;
  for (const auto& [name, id] : impl_->ids) {
    for (const Priority priority : {Priority::urgent, Priority::normal, Priority::bulk}) {
      const auto due = next_due(name, priority);
      if (due && *due <= now) oldest = std::min(oldest.value_or(*due), *due);
    }
  }
  return oldest;
}

std::vector<std::string> Messages::projects() {
  std::vector<std::string> all;
  auto rows = impl_->database.prepared("SELECT name FROM project ORDER BY name").rows();
  while (rows.next()) all.push_back(rows.text(0));
  return all;
}

std::map<std::string, Books> Messages::stored_books() {
  std::map<std::int64_t, Books> by_id;
  std::map<std::string, Books> stored;
  {
    auto rows = impl_->database
                    .prepared("SELECT project, count(*), count(due) FROM message GROUP BY project")
                    .rows();
    while (rows.next()) {
      Books& books = by_id[rows.integer(0)];
      books.in[static_cast<std::size_t>(State::waiting)] = rows.count(2);
      books.in[static_cast<std::size_t>(State::in_flight)] = rows.count(1) - rows.count(2);
    }
  }
  auto rows = impl_->database
                  .prepared(
                      "SELECT id, name, accepted, delivered, rejected, dropped, expired,"
                      " cancelled, unknown FROM project")
                  .rows();
  while (rows.next()) {
    Books books = by_id[rows.integer(0)];
    books.accepted = rows.count(2);
    for (std::size_t i = 2; i < state_count; ++i) books.in[i] = rows.count(static_cast<int>(i) + 1);
    stored.emplace(rows.text(1), books);
  }
  return stored;
}

std::vector<std::string> Messages::check_books() {
  std::vector<std::string> faults;
  for (const auto& [name, stored] : stored_books()) {
    if (!stored.balance()) {
      faults.push_back(fmt::format("{}: {} messages were accepted, and {} are accounted for", name,
                                   stored.accepted, stored.sum()));
    }
    const auto kept = impl_->books.find(name);
    if (impl_->store.owned() && kept != impl_->books.end() && kept->second != stored) {
      faults.push_back(fmt::format("{}: the books in memory are not those in the store", name));
    }
  }
  return faults;
}

}  // namespace fanfare::queue
