// Registry: the brakes that are on, and their suspects.
//
// The suspects of a brake are the suspect devices of its project and rule. So it does not matter
// whether a device became suspect before the brake's row was written or after it.
#include "registry/registry_impl.h"

namespace fanfare::registry {

using sqlite::guarded;
using sqlite::Transaction;

Result<void> Registry::pull_brake(const Campaign& campaign, const std::string& rule,
                                  SystemTime now) {
  return guarded([&] {
    auto& database = impl_->database;
    Transaction transaction(database);
    database
        .prepared(
            "INSERT INTO brake (project, rule, campaign, since, word)"
            " SELECT ?1, ?2, ?3, ?4, '' WHERE NOT EXISTS (SELECT 1 FROM brake"
            " WHERE closed IS NULL AND project = ?1 AND rule = ?2)")
        .run(campaign.project, rule, campaign.id, now);
    // Only what this campaign's event did and nothing has changed since.
    database
        .prepared(
            "INSERT INTO temp.braked SELECT dev.id FROM dev INDEXED BY dev_not_active"
            " WHERE dev.state <> 0 AND dev.state = 2 AND dev.changed >= ?1 AND dev.rule = ?3"
            " AND EXISTS (SELECT 1 FROM event WHERE event.dev = dev.id AND event.at = dev.changed"
            "  AND event.to_state = 2 AND event.from_state <> 2 AND event.campaign = ?2)")
        .run(campaign.started, campaign.id, rule);
    database
        .prepared(
            "INSERT INTO event (dev, at, from_state, to_state, cause, rule, evidence,"
            " campaign) SELECT id, ?, 2, 1, 'brake', ?, '', ? FROM temp.braked ORDER BY id")
        .run(now, rule, campaign.id);
    database
        .prepared(
            "UPDATE dev SET state = 1, changed = ?"
            " WHERE id IN (SELECT id FROM temp.braked)")
        .run(now);
    database.prepared("DELETE FROM temp.braked").run();
    transaction.commit();
  });
}

Result<std::vector<BrakeState>> Registry::brakes() {
  return guarded([&] {
    std::vector<BrakeState> brakes;
    auto rows = impl_->database
                    .prepared(
                        "SELECT id, project, rule, campaign, since,"
                        " (SELECT count(*) FROM dev WHERE state <> 0 AND state = 1"
                        "  AND dev.rule = brake.rule AND dev.project IN (brake.project, ''))"
                        " FROM brake WHERE closed IS NULL ORDER BY id")
                    .rows();
    while (rows.next()) {
      brakes.push_back({rows.integer(0), rows.text(1), rows.text(2), rows.integer(3),
                        sqlite::from_millis(rows.integer(4)), rows.count(5)});
    }
    return brakes;
  });
}

std::uint64_t Registry::Impl::close_brakes(State to, const char* word, SystemTime now) {
  Transaction transaction(database);
  database
      .prepared(
          "INSERT INTO temp.braked SELECT DISTINCT dev.id FROM dev, brake"
          " WHERE brake.closed IS NULL AND dev.state <> 0 AND dev.state = 1"
          " AND dev.rule = brake.rule AND dev.project IN (brake.project, '')")
      .run();
  const auto count = static_cast<std::uint64_t>(database.changes());
  database
      .prepared(
          "INSERT INTO event (dev, at, from_state, to_state, cause, rule, evidence)"
          " SELECT id, ?1, 1, ?2, 'brake', rule, json_object('word', ?3) FROM dev"
          " WHERE id IN (SELECT id FROM temp.braked) ORDER BY id")
      .run(now, static_cast<int>(to), std::string_view(word));
  database
      .prepared(
          "UPDATE dev SET state = ?1, changed = ?2,"
          " rule = CASE ?1 WHEN 0 THEN '' ELSE rule END"
          " WHERE id IN (SELECT id FROM temp.braked)")
      .run(static_cast<int>(to), now);
  database.prepared("UPDATE brake SET closed = ?, word = ? WHERE closed IS NULL")
      .run(now, std::string_view(word));
  database.prepared("DELETE FROM temp.braked").run();
  transaction.commit();
  return count;
}

Result<std::uint64_t> Registry::release_brakes(SystemTime now) {
  return guarded([&] { return impl_->close_brakes(State::active, "release", now); });
}

Result<std::uint64_t> Registry::confirm_brakes(SystemTime now) {
  return guarded([&] { return impl_->close_brakes(State::retired, "confirm", now); });
}

}  // namespace fanfare::registry
