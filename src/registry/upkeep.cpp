// Registry: what a person does with the fleet: retire, restore, purge, tidy.
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
        " SELECT dev, ?5, state, 0, 'restore', '', '' FROM standing NOT INDEXED"
        " WHERE dev > ?1 AND dev <= ?2 AND state <> 0 AND changed >= ?3"
        " AND (?4 = '' OR rule = ?4) ORDER BY dev");
    auto& change = impl_->database.prepared(
        "UPDATE standing NOT INDEXED SET state = 0, rule = '', changed = ?5"
        " WHERE dev > ?1 AND dev <= ?2 AND state <> 0 AND changed >= ?3 AND (?4 = '' OR rule = "
        "?4)");
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
  FleetChange fleet;
  {
    auto rows = database
                    .prepared("SELECT " FANFARE_OWN_COLUMNS
                              ", NULL FROM device WHERE id IN (SELECT id FROM temp.purged)")
                    .rows();
    while (rows.next()) {
      const Device device = read_device(rows);
      keys.remove(device);
      --fleet[device.project];
    }
  }
  count_fleet(fleet);
  database.execute(
      "DELETE FROM replaced WHERE successor IN (SELECT id FROM temp.purged);"
      "DELETE FROM canary WHERE dev IN (SELECT id FROM temp.purged);"
      "DELETE FROM event WHERE dev IN (SELECT id FROM temp.purged);"
      "DELETE FROM retry_row WHERE dev IN (SELECT id FROM temp.purged);"
      "DELETE FROM probe WHERE dev IN (SELECT id FROM temp.purged);"
      "DELETE FROM standing WHERE dev IN (SELECT id FROM temp.purged);"
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
        "INSERT INTO temp.purged SELECT dev FROM standing"
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

}  // namespace fanfare::registry
