// Registry: the brakes that are on, their suspects, what is counted for them, and the canaries.
//
// The suspects of a brake are the suspect devices of its project, platform and rule. So it does not
// matter whether a device became suspect before the brake's row was written or after it.
#include "registry/registry_impl.h"

namespace fanfare::registry {

using sqlite::guarded;
using sqlite::Statement;
using sqlite::Transaction;

namespace {

// Joined with a row of brake, in this order: by the index of suspects.
#define FANFARE_STANDING_DEVICES "standing CROSS JOIN dev"
#define FANFARE_ITS_SUSPECTS                                                    \
  "dev.id = standing.dev AND standing.state = 1 AND standing.rule = brake.rule" \
  " AND dev.project IN (brake.project, '')"                                     \
  " AND (brake.platform = '*' OR dev.platform = brake.platform)"

#define FANFARE_BRAKE_COLUMNS                                                         \
  "brake.id, brake.project, brake.platform, brake.rule, brake.campaign, brake.since," \
  " brake.over, why ->> 'share', why ->> 'limit', why ->> 'dead', why ->> 'answers'," \
  " coalesce((SELECT value FROM dev WHERE id = why ->> 'canary'), ''),"               \
  " (SELECT count(*) FROM " FANFARE_STANDING_DEVICES " WHERE " FANFARE_ITS_SUSPECTS ")"

BrakeState read_brake(const Statement::Rows& row) {
  return {.id = row.integer(0),
          .project = row.text(1),
          .platform = row.text(2),
          .rule = row.text(3),
          .campaign = row.integer(4),
          .since = sqlite::from_millis(row.integer(5)),
          .over = row.time(6),
          .why = {.share = row.real(7),
                  .limit = row.real(8),
                  .dead = row.count(9),
                  .answers = row.count(10),
                  .canary = row.text(11)},
          .suspects = row.count(12)};
}

void read_counts(Statement::Rows rows, std::vector<AnswerCount>& counts) {
  while (rows.next()) {
    counts.push_back(
        {sqlite::from_millis(rows.integer(0)), rows.text(1), rows.text(2), rows.count(3)});
  }
}

// Deaths that led to a brake teach nothing and must not pull it again.
void forget_counts(sqlite::Database& database, const BrakeState& brake, SystemTime now) {
  database
      .prepared(
          "DELETE FROM brake_count WHERE bucket >= ?1 AND project = ?2 AND rule = ?3"
          " AND (?4 = '*' OR platform = ?4)")
      .run(brake_bucket_of(now) - brake_window, brake.project, brake.rule, brake.platform);
}

// Changes the devices in temp.braked, and writes down why.
void change_braked(sqlite::Database& database, State from, State to, std::string_view word,
                   std::optional<std::int64_t> campaign, SystemTime now) {
  database
      .prepared(
          "INSERT INTO event (dev, at, from_state, to_state, cause, rule, evidence, campaign)"
          " SELECT dev, ?1, ?2, ?3, 'brake', rule,"
          "  CASE ?4 WHEN '' THEN '' ELSE json_object('word', ?4) END, ?5"
          " FROM standing WHERE dev IN (SELECT id FROM temp.braked) ORDER BY dev")
      .run(now, static_cast<int>(from), static_cast<int>(to), word, campaign);
  database
      .prepared(
          "UPDATE standing SET state = ?1, changed = ?2,"
          " rule = CASE ?1 WHEN 0 THEN '' ELSE rule END"
          " WHERE dev IN (SELECT id FROM temp.braked)")
      .run(static_cast<int>(to), now);
  database.prepared("DELETE FROM temp.braked").run();
}

// A brake whose wave is over goes when nobody is left who waits for it.
void close_settled(sqlite::Database& database, SystemTime now) {
  database
      .prepared(
          "UPDATE brake SET closed = ?, word = 'recheck' WHERE closed IS NULL AND over IS NOT NULL"
          " AND NOT EXISTS (SELECT 1 FROM " FANFARE_STANDING_DEVICES " WHERE " FANFARE_ITS_SUSPECTS
          ")")
      .run(now);
}

}  // namespace

// Pulled and settled ----------------------------------------------------------------------------

Result<void> Registry::pull_brake(const Campaign& campaign, const BrakePull& pull, SystemTime now) {
  return guarded([&] {
    auto& database = impl_->database;
    Transaction transaction(database);
    // One whose wave was over: this is another wave.
    database
        .prepared(
            "UPDATE brake SET closed = ?, word = 'again' WHERE closed IS NULL AND over IS NOT NULL"
            " AND project = ? AND rule = ? AND platform = ?")
        .run(now, campaign.project, pull.rule, pull.platform);
    database
        .prepared(
            "INSERT INTO brake (project, platform, rule, campaign, since, word, why)"
            " SELECT ?1, ?2, ?3, ?4, ?5, '', json_object('share', ?6, 'limit', ?7, 'dead', ?8,"
            " 'answers', ?9, 'canary', ?10) WHERE NOT EXISTS (SELECT 1 FROM brake"
            " WHERE closed IS NULL AND project = ?1 AND platform IN (?2, '*') AND rule = ?3)")
        .run(campaign.project, pull.platform, pull.rule, campaign.id, now, pull.why.share,
             pull.why.limit, pull.why.dead, pull.why.answers, pull.canary);
    // Only what a verdict did, or a wave that seemed over, and nothing has changed since.
    database
        .prepared(
            "INSERT INTO temp.braked"
            " SELECT dev.id FROM standing INDEXED BY standing_not_active CROSS JOIN dev"
            " WHERE dev.id = standing.dev AND standing.state <> 0 AND standing.state = 2"
            " AND standing.changed >= ?1 AND standing.rule = ?2"
            " AND dev.project IN (?3, '') AND (?4 = '*' OR dev.platform = ?4)"
            " AND EXISTS (SELECT 1 FROM event LEFT JOIN campaign ON campaign.id = event.campaign"
            "  WHERE event.dev = dev.id AND event.at = standing.changed AND event.to_state = 2"
            "  AND event.from_state <> 2 AND (event.cause = 'verdict'"
            "   OR (event.cause = 'brake' AND event.campaign IS NOT NULL))"
            "  AND coalesce(campaign.project, ?3) = ?3)")
        .run(pull.since, pull.rule, campaign.project, pull.platform);
    change_braked(database, State::retired, State::suspect, "", campaign.id, now);
    transaction.commit();
  });
}

Result<std::uint64_t> Registry::settle_brake(std::int64_t id, const Campaign& campaign,
                                             std::int64_t after_event, SystemTime now) {
  return guarded([&]() -> std::uint64_t {
    auto& database = impl_->database;
    Transaction transaction(database);
    std::optional<BrakeState> brake;
    {
      auto rows = database
                      .prepared("SELECT " FANFARE_BRAKE_COLUMNS
                                " FROM brake WHERE brake.id = ? AND closed IS NULL"
                                " AND over IS NULL")
                      .rows(id);
      if (rows.next()) brake = read_brake(rows);
    }
    if (!brake) return 0;  // A person was quicker.
    database.prepared("UPDATE brake SET over = ? WHERE id = ?").run(now, id);
    forget_counts(database, *brake, now);
    database
        .prepared(
            "INSERT INTO temp.braked SELECT dev.id"
            " FROM brake CROSS JOIN " FANFARE_STANDING_DEVICES
            " WHERE brake.id = ?1 AND " FANFARE_ITS_SUSPECTS
            " AND dev.id NOT IN (SELECT dev FROM canary)"
            " AND EXISTS (SELECT 1 FROM event WHERE event.dev = dev.id AND event.id > ?2"
            "  AND event.campaign = ?3 AND event.cause = 'verdict' AND event.to_state = 1"
            "  AND event.rule = brake.rule)")
        .run(id, after_event, campaign.id);
    const auto count = static_cast<std::uint64_t>(database.changes());
    change_braked(database, State::suspect, State::retired, "recheck", campaign.id, now);
    close_settled(database, now);
    transaction.commit();
    return count;
  });
}

Result<void> Registry::close_settled_brakes(SystemTime now) {
  return guarded([&] { close_settled(impl_->database, now); });
}

Result<std::vector<BrakeState>> Registry::brakes() {
  return guarded([&] {
    std::vector<BrakeState> brakes;
    auto rows = impl_->database
                    .prepared("SELECT " FANFARE_BRAKE_COLUMNS
                              " FROM brake WHERE closed IS NULL ORDER BY brake.id")
                    .rows();
    while (rows.next()) brakes.push_back(read_brake(rows));
    return brakes;
  });
}

Result<std::set<BrakeKey>> Registry::brakes_holding(const std::string& project) {
  return guarded([&] {
    std::set<BrakeKey> keys;
    auto rows = impl_->database
                    .prepared(
                        "SELECT platform, rule FROM brake"
                        " WHERE closed IS NULL AND over IS NULL AND project = ?")
                    .rows(project);
    while (rows.next()) keys.emplace(rows.text(0), rows.text(1));
    return keys;
  });
}

// A person's word -------------------------------------------------------------------------------

namespace {

#define FANFARE_CHOSEN_BRAKES                                \
  "brake.closed IS NULL AND (?1 IS NULL OR brake.rule = ?1)" \
  " AND (?2 IS NULL OR brake.platform = ?2)"                 \
  " AND (?3 IS NULL OR brake.project = ?3)"

}  // namespace

std::uint64_t Registry::Impl::close_brakes(State to, const char* word, const BrakeChoice& choice,
                                           SystemTime now) {
  Transaction transaction(database);
  std::vector<BrakeState> chosen;
  {
    auto rows =
        database
            .prepared("SELECT " FANFARE_BRAKE_COLUMNS " FROM brake WHERE " FANFARE_CHOSEN_BRAKES)
            .rows(choice.rule, choice.platform, choice.project);
    while (rows.next()) chosen.push_back(read_brake(rows));
  }
  for (const BrakeState& brake : chosen) forget_counts(database, brake, now);
  database
      .prepared(
          "INSERT INTO temp.braked SELECT DISTINCT dev.id"
          " FROM brake CROSS JOIN " FANFARE_STANDING_DEVICES " WHERE " FANFARE_CHOSEN_BRAKES
          " AND " FANFARE_ITS_SUSPECTS)
      .run(choice.rule, choice.platform, choice.project);
  const auto count = static_cast<std::uint64_t>(database.changes());
  change_braked(database, State::suspect, to, word, std::nullopt, now);
  database.prepared("UPDATE brake SET closed = ?4, word = ?5 WHERE " FANFARE_CHOSEN_BRAKES)
      .run(choice.rule, choice.platform, choice.project, now, std::string_view(word));
  transaction.commit();
  return count;
}

Result<std::uint64_t> Registry::release_brakes(SystemTime now, const BrakeChoice& choice) {
  return guarded([&] { return impl_->close_brakes(State::active, "release", choice, now); });
}

Result<std::uint64_t> Registry::confirm_brakes(SystemTime now, const BrakeChoice& choice) {
  return guarded([&] { return impl_->close_brakes(State::retired, "confirm", choice, now); });
}

// What is counted -------------------------------------------------------------------------------

void Registry::Impl::add_counts(const std::string& project,
                                const std::vector<AnswerCount>& counts) {
  if (counts.empty()) return;
  auto& add = database.prepared(
      "INSERT INTO brake_count (bucket, project, platform, rule, count) VALUES (?, ?, ?, ?, ?)"
      " ON CONFLICT DO UPDATE SET count = count + excluded.count");
  for (const AnswerCount& row : counts) {
    add.run(row.bucket, project, row.platform, row.rule, row.count);
  }
  database.prepared("DELETE FROM brake_count WHERE bucket < ?")
      .run(counts.front().bucket - brake_history_length - brake_window);
}

Result<BrakeHistory> Registry::brake_history(const std::string& project, SystemTime now) {
  return guarded([&] {
    auto& database = impl_->database;
    close_settled(database, now);
    BrakeHistory history;
    const SystemTime window = brake_bucket_of(now) - brake_window;
    read_counts(database
                    .prepared("SELECT bucket, platform, rule, count FROM brake_count"
                              " WHERE bucket >= ? AND project = ?")
                    .rows(window, project),
                history.window);
    // Without the times of a brake, and of the hour that led to it.
    read_counts(
        database
            .prepared("SELECT 0, platform, rule, sum(count) FROM brake_count AS counted"
                      " WHERE bucket >= ?1 AND bucket < ?2 AND project = ?3 AND NOT EXISTS ("
                      "  SELECT 1 FROM brake WHERE brake.project = ?3"
                      "  AND brake.platform IN (counted.platform, '*')"
                      "  AND counted.bucket + ?4 >= brake.since - ?5"
                      "  AND counted.bucket <= coalesce(brake.over, brake.closed, counted.bucket))"
                      " GROUP BY 2, 3")
            .rows(window - brake_history_length, window, project,
                  std::chrono::milliseconds(brake_bucket).count(),
                  std::chrono::milliseconds(brake_window).count()),
        history.baseline);
    auto open = database
                    .prepared("SELECT " FANFARE_BRAKE_COLUMNS
                              ", (SELECT count(*) FROM (SELECT 1 FROM device WHERE state = 0"
                              "   AND device.project IN (brake.project, '')"
                              "   AND (brake.platform = '*' OR device.platform = brake.platform)"
                              "   LIMIT 100))"
                              " FROM brake WHERE closed IS NULL AND brake.project = ?"
                              " ORDER BY brake.id")
                    .rows(project);
    while (open.next()) history.open.push_back({read_brake(open), open.count(13)});
    auto canaries = database
                        .prepared(
                            "SELECT id, platform FROM canary CROSS JOIN device"
                            " WHERE device.id = canary.dev AND state <> 2")
                        .rows();
    while (canaries.next()) history.canaries.emplace(canaries.integer(0), canaries.text(1));
    history.last_event = database.integer("SELECT coalesce(max(id), 0) FROM event");
    return history;
  });
}

// Whether a verdict of death must not retire the device: it is a canary, or a brake is on.
bool Registry::Impl::any_brake_or_canary() {
  auto rows = database
                  .prepared(
                      "SELECT EXISTS (SELECT 1 FROM canary) OR EXISTS (SELECT 1 FROM brake"
                      " WHERE closed IS NULL AND over IS NULL)")
                  .rows();
  return rows.next() && rows.integer(0) != 0;
}

bool Registry::Impl::is_braked(DeviceId id, const std::string& rule, const Campaign& campaign) {
  auto rows = database
                  .prepared(
                      "SELECT 1 FROM canary WHERE dev = ?1 UNION ALL"
                      " SELECT 1 FROM brake CROSS JOIN dev ON dev.id = ?1"
                      " WHERE closed IS NULL AND over IS NULL AND brake.rule = ?2"
                      " AND brake.platform IN (dev.platform, '*')"
                      " AND (?3 = 0 OR brake.project = ?4) LIMIT 1")
                  .rows(id, rule, campaign.id, campaign.project);
  return rows.next();
}

// Canaries --------------------------------------------------------------------------------------

Result<bool> Registry::add_canary(DeviceId id) {
  return guarded([&] {
    impl_->database.prepared("INSERT OR IGNORE INTO canary (dev) VALUES (?)").run(id);
    return impl_->database.changes() > 0;
  });
}

Result<bool> Registry::remove_canary(DeviceId id) {
  return guarded([&] {
    impl_->database.prepared("DELETE FROM canary WHERE dev = ?").run(id);
    return impl_->database.changes() > 0;
  });
}

Result<std::vector<Device>> Registry::canaries() {
  return guarded([&] {
    std::vector<Device> found;
    auto rows = impl_->database
                    .prepared("SELECT " FANFARE_DEVICE_COLUMNS
                              " FROM canary CROSS JOIN device WHERE device.id = canary.dev"
                              " ORDER BY id")
                    .rows();
    while (rows.next()) found.push_back(read_device(rows));
    return found;
  });
}

}  // namespace fanfare::registry
