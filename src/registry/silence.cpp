// Registry: devices that were not seen for long: counted, retired by a policy, and what became of
// those before them.
#include <algorithm>

#include <fmt/format.h>

#include "registry/registry_impl.h"

namespace fanfare::registry {

using sqlite::guarded;
using sqlite::Statement;
using sqlite::Transaction;

namespace {

// A policy at a moment, as SQL: parameters 1 and 2 are the window of ids, 3 is `now`, 4 the moment
// of the warning, 5 the only platform, then come the limits.
class PolicySql {
 public:
  PolicySql(const SilencePolicy& policy, SystemTime now) : policy_(policy), now_(now) {
    window_ = "id > ?1 AND id <= ?2 AND state = 0 AND (?5 IS NULL OR platform = ?5)";
    limit_ = "?6";
    if (policy.limits.empty()) return;
    limit_ = "CASE platform";
    for (std::size_t i = 0; i < policy.limits.size(); ++i) {
      limit_ += fmt::format(" WHEN ?{} THEN ?{}", 7 + 2 * i, 8 + 2 * i);
    }
    limit_ += " ELSE ?6 END";
  }

  /// The active devices of a window.
  [[nodiscard]] const std::string& window() const { return window_; }
  /// Of these, those that are silent for too long. NULL where there is no limit.
  [[nodiscard]] std::string too_long() const { return "last_seen < " + limit_; }
  [[nodiscard]] std::string window_too_long() const {
    return fmt::format("{} AND {}", window_, too_long());
  }

  void bind(Statement& statement) const {
    statement.bind(3, now_);
    statement.bind(4, moment(policy_.warn));
    statement.bind(5, policy_.only);
    statement.bind(6, moment(policy_.other));
    int index = 7;
    for (const auto& [platform, limit] : policy_.limits) {
      statement.bind(index++, platform);
      statement.bind(index++, moment(limit));
    }
  }

 private:
  [[nodiscard]] std::optional<SystemTime> moment(
      const std::optional<SilencePolicy::Span>& age) const {
    if (!age) return std::nullopt;
    return now_ - *age;
  }

  const SilencePolicy& policy_;
  SystemTime now_;
  std::string window_;
  std::string limit_;
};

constexpr std::int64_t millis_a_day = 86'400'000;

// Counts the devices of one window after the other: a row for each platform, since SQLite sorts
// what it groups and a short key is sorted sooner.
class Survey {
 public:
  Survey(sqlite::Database& database, const PolicySql& policy) : query_(database, text(policy)) {
    policy.bind(query_);
  }

  struct Row {
    std::string platform;
    SilenceClasses ages{};
    std::uint64_t too_long = 0;
    std::uint64_t warned = 0;  // And not too long.
  };

  [[nodiscard]] std::vector<Row> window(DeviceId after) {
    std::vector<Row> found;
    auto rows = query_.rows(after, after + id_window);
    while (rows.next()) found.push_back(read(rows));
    return found;
  }

 private:
  static std::string text(const PolicySql& policy) {
    std::string younger;
    for (const int days : silence_limits_days) {
      younger += fmt::format(", sum(last_seen > ?3 - {})", days * millis_a_day);
    }
    return fmt::format(
        "SELECT platform, count(*), count(last_seen), sum({0}),"
        " sum(last_seen <= ?4 AND NOT ifnull({0}, 0)){1} FROM device WHERE {2} GROUP BY platform",
        policy.too_long(), younger, policy.window());
  }

  static Row read(const Statement::Rows& rows) {
    Row row{.platform = rows.text(0)};
    row.too_long = rows.count(3);
    row.warned = rows.count(4);
    const std::uint64_t seen = rows.count(2);
    std::uint64_t counted = 0;
    std::size_t index = 0;
    for (; index < silence_limits_days.size(); ++index) {
      const std::uint64_t younger = rows.count(5 + static_cast<int>(index));
      row.ages.at(index) = younger - counted;
      counted = younger;
    }
    row.ages.at(index) = seen - counted;
    row.ages.at(index + 1) = rows.count(1) - seen;
    return row;
  }

  Statement query_;
};

void add(PruneCounts& counts, const std::vector<Survey::Row>& rows) {
  for (const auto& row : rows) {
    SilenceClasses& ages = counts.ages[row.platform];
    for (std::size_t i = 0; i < ages.size(); ++i) ages.at(i) += row.ages.at(i);
    counts.never_seen += row.ages.back();
    counts.retired += row.too_long;
    counts.warned += row.warned;
    if (row.too_long > 0) counts.by_platform[row.platform] += row.too_long;
    if (row.warned > 0) counts.warned_by_platform[row.platform] += row.warned;
  }
}

bool any_too_long(const std::vector<Survey::Row>& rows) {
  return std::ranges::any_of(rows, [](const auto& row) { return row.too_long > 0; });
}

constexpr const char* prune_event =
    "INSERT INTO event (dev, at, from_state, to_state, cause, rule, evidence)"
    " SELECT id, ?3, 0, 2, 'prune', '',"
    "  json_object('last_seen', strftime('%Y-%m-%dT%H:%M:%SZ', last_seen / 1000, 'unixepoch'))"
    " FROM device WHERE {} ORDER BY id";
constexpr const char* prune_change =
    "INSERT OR REPLACE INTO standing (dev, state, rule, changed)"
    " SELECT id, 2, '', ?3 FROM device WHERE {} ORDER BY id";

}  // namespace

// Each window is read on its own; only one in which there is something to retire is a transaction,
// and is then counted anew within it. So a fleet in which nobody is stale is never locked.
Result<PruneCounts> Registry::prune(const SilencePolicy& policy, SystemTime now, bool dry_run) {
  return guarded([&] {
    PruneCounts counts;
    auto& database = impl_->database;
    const DeviceId last = impl_->last_device();
    const PolicySql sql(policy, now);
    Survey survey(database, sql);
    Statement explain(database, fmt::format(prune_event, sql.window_too_long()));
    Statement change(database, fmt::format(prune_change, sql.window_too_long()));
    sql.bind(explain);
    sql.bind(change);
    for (DeviceId after = 0; after < last; after += id_window) {
      auto rows = survey.window(after);
      if (!dry_run && any_too_long(rows)) {
        Transaction transaction(database);
        rows = survey.window(after);
        explain.run(after, after + id_window);
        change.run(after, after + id_window);
        transaction.commit();
      }
      add(counts, rows);
    }
    return counts;
  });
}

Result<PruneCounts> Registry::prune(SystemTime before, SystemTime now, bool dry_run) {
  SilencePolicy policy;
  policy.other = now - before;
  return prune(policy, now, dry_run);
}

Result<void> Registry::next_silent(const SilencePolicy& policy, SystemTime now, DeviceId after,
                                   std::size_t limit, std::vector<Receiver>& out) {
  return guarded([&] {
    const DeviceId last = impl_->last_device();
    const PolicySql sql(policy, now);
    Statement query(impl_->database,
                    fmt::format("SELECT id, kind, value, platform FROM device WHERE {}"
                                " ORDER BY id LIMIT {}",
                                sql.window_too_long(), limit));
    sql.bind(query);
    for (const std::size_t full = out.size() + limit; after < last && out.size() < full;) {
      auto rows = query.rows(after, after + id_window);
      while (out.size() < full && rows.next()) {
        out.push_back({rows.integer(0),
                       {static_cast<TargetKind>(rows.integer(1)), rows.text(2)},
                       rows.text(3),
                       State::active});
      }
      after += id_window;
    }
  });
}

Result<std::uint64_t> Registry::prune_these(std::span<const DeviceId> ids,
                                            const SilencePolicy& policy, SystemTime now) {
  return guarded([&] {
    std::uint64_t retired = 0;
    const PolicySql sql(policy, now);
    Statement explain(impl_->database, fmt::format(prune_event, sql.window_too_long()));
    Statement change(impl_->database, fmt::format(prune_change, sql.window_too_long()));
    sql.bind(explain);
    sql.bind(change);
    Transaction transaction(impl_->database);
    for (const DeviceId id : ids) {
      explain.run(id - 1, id);
      change.run(id - 1, id);
      retired += static_cast<std::uint64_t>(impl_->database.changes());
    }
    transaction.commit();
    return retired;
  });
}

// Survival ------------------------------------------------------------------------------------

namespace {

using BySurvival = std::map<std::string, SurvivalClasses>;

std::string survival_class_sql() {
  std::string sql = "CASE";
  for (std::size_t i = survival_days.size(); i-- > 0;) {
    sql += fmt::format(" WHEN last_seen <= ?3 - {} THEN {}", survival_days[i] * millis_a_day, i);
  }
  return sql + " END";
}

// Those that a verdict retired are left out: they are no longer silent but dead.
BySurvival still_silent(Registry::Impl& impl, SystemTime now) {
  BySurvival found;
  Statement query(impl.database,
                  fmt::format("SELECT platform, {} AS class, count(*) FROM device"
                              " WHERE id > ?1 AND id <= ?2"
                              " AND (state <> 2 OR rule = '')"
                              " AND last_seen <= ?3 - {} GROUP BY 1, 2",
                              survival_class_sql(), survival_days.front() * millis_a_day));
  const DeviceId last = impl.last_device();
  for (DeviceId after = 0; after < last; after += id_window) {
    auto rows = query.rows(after, after + id_window, now);
    while (rows.next()) {
      found[rows.text(0)].at(static_cast<std::size_t>(rows.count(1))) += rows.count(2);
    }
  }
  return found;
}

BySurvival came_back(sqlite::Database& database) {
  BySurvival found;
  auto rows = database.prepared("SELECT platform, days, came_back FROM silence").rows();
  while (rows.next()) {
    const auto index = survival_class(std::chrono::days(rows.integer(1)));
    if (index) found[rows.text(0)].at(*index) += rows.count(2);
  }
  return found;
}

}  // namespace

Result<std::vector<PlatformSurvival>> Registry::survival(SystemTime now) {
  return guarded([&] {
    std::vector<PlatformSurvival> all;
    auto silent = still_silent(*impl_, now);
    auto returned = came_back(impl_->database);
    for (const auto& [platform, classes] : returned) silent.try_emplace(platform);
    for (const auto& [platform, classes] : silent) {
      all.push_back({platform, survival_rows(returned[platform], classes)});
    }
    return all;
  });
}

}  // namespace fanfare::registry
