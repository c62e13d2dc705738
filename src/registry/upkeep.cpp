// Registry: what a person does with the fleet: retire, restore, purge, tidy, and the brake.
#include <fmt/format.h>

#include "registry/registry_impl.h"

namespace fanfare::registry {

using sqlite::guarded;
using sqlite::Transaction;

// One device ----------------------------------------------------------------------------------

bool Registry::Impl::change_one(DeviceId id, State to, const char* cause, SystemTime now) {
  Transaction transaction(database);
  const auto from = state_of(id);
  if (!from) {
    throw sqlite::Failure{{Error::Kind::usage, fmt::format("there is no device with id {}", id),
                           "look it up again: it may have been purged"}};
  }
  if (*from == to) return false;
  set_state(id, to, {}, now);
  add_event(id, {now, *from, to, cause, {}, {}}, {});
  transaction.commit();
  return true;
}

Result<bool> Registry::retire(DeviceId id, SystemTime now) {
  return guarded([&] { return impl_->change_one(id, State::retired, "retire", now); });
}

Result<bool> Registry::restore(DeviceId id, SystemTime now) {
  return guarded([&] { return impl_->change_one(id, State::active, "restore", now); });
}

// Many devices --------------------------------------------------------------------------------
//
// Each window of ids is a transaction of its own. A crash leaves whole windows done and the rest
// as it was; doing it again finishes the work.

Result<std::uint64_t> Registry::restore_since(SystemTime since, const std::string& rule,
                                              SystemTime now) {
  return guarded([&] {
    std::uint64_t restored = 0;
    const DeviceId last = impl_->last_device();
    auto& explain = impl_->database.prepared(
        "INSERT INTO event (dev, at, from_state, to_state, cause, rule, evidence)"
        " SELECT id, ?5, state, 0, 'restore', '', '' FROM dev NOT INDEXED"
        " WHERE id > ?1 AND id <= ?2 AND state <> 0 AND changed >= ?3"
        " AND (?4 = '' OR rule = ?4) ORDER BY id");
    auto& change = impl_->database.prepared(
        "UPDATE dev NOT INDEXED SET state = 0, rule = '', changed = ?5"
        " WHERE id > ?1 AND id <= ?2 AND state <> 0 AND changed >= ?3 AND (?4 = '' OR rule = ?4)");
    for (DeviceId after = 0; after < last; after += id_window) {
      Transaction transaction(impl_->database);
      explain.run(after, after + id_window, since, rule, now);
      change.run(after, after + id_window, since, rule, now);
      restored += static_cast<std::uint64_t>(impl_->database.changes());
      transaction.commit();
    }
    return restored;
  });
}

void Registry::Impl::remove_purged() {
  keys.settle();
  {
    auto rows = database
                    .prepared("SELECT " FANFARE_OWN_COLUMNS
                              ", NULL FROM temp.purged CROSS JOIN dev USING (id)")
                    .rows();
    while (rows.next()) keys.remove(read_device(rows));
  }
  database.execute(
      "DELETE FROM replaced WHERE successor IN (SELECT id FROM temp.purged);"
      "DELETE FROM canary WHERE dev IN (SELECT id FROM temp.purged);"
      "DELETE FROM event WHERE dev IN (SELECT id FROM temp.purged);"
      "DELETE FROM retry_row WHERE dev IN (SELECT id FROM temp.purged);"
      "DELETE FROM probe WHERE dev IN (SELECT id FROM temp.purged);"
      "DELETE FROM dev WHERE id IN (SELECT id FROM temp.purged);"
      "DELETE FROM accepted WHERE block IN (SELECT id / 1000 FROM temp.purged)"
      " AND NOT EXISTS (SELECT 1 FROM dev"
      "  WHERE id >= block * 1000 AND id < (block + 1) * 1000);"
      "DELETE FROM temp.purged;");
}

Result<std::uint64_t> Registry::purge(SystemTime before) {
  return guarded([&] {
    std::uint64_t purged = 0;
    // By `changed`, not by id: after the first purge the dead are few among many.
    auto& pick = impl_->database.prepared(
        "INSERT INTO temp.purged SELECT id FROM dev"
        " WHERE state <> 0 AND state = 2 AND changed < ? ORDER BY changed LIMIT 10000");
    while (true) {
      Transaction transaction(impl_->database);
      pick.run(before);
      const auto count = impl_->database.changes();
      if (count == 0) break;
      impl_->remove_purged();
      transaction.commit();
      purged += static_cast<std::uint64_t>(count);
    }
    return purged;
  });
}

// A campaign that is not the latest can't be resumed, so nobody waits for what it keeps.
Result<TidyCounts> Registry::tidy(SystemTime before) {
  return guarded([&] {
    TidyCounts counts;
    auto& database = impl_->database;
    Transaction transaction(database);
    const auto removed = [&](const char* sql) {
      database.prepared(sql).run(before);
      return static_cast<std::uint64_t>(database.changes());
    };
    counts.probes = removed("DELETE FROM probe WHERE at < ?");
    counts.retries = removed(
        "DELETE FROM retry_row WHERE campaign IN (SELECT id FROM campaign"
        " WHERE started < ? AND id < (SELECT max(id) FROM campaign))");
    counts.list_members = removed(
        "DELETE FROM list_member WHERE list IN (SELECT list FROM campaign"
        " WHERE list <> 0 AND started < ? AND id < (SELECT max(id) FROM campaign))");
    transaction.commit();
    return counts;
  });
}

Result<bool> Registry::is_canary(DeviceId id) {
  return guarded([&] {
    auto rows = impl_->database.prepared("SELECT 1 FROM canary WHERE dev = ?").rows(id);
    return rows.next();
  });
}

// The brake -----------------------------------------------------------------------------------
//
// The suspects of a brake are the suspect devices of its project and rule. So it does not matter
// whether a device became suspect before the brake's row was written or after it.

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
