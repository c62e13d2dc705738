// Registry: what a person does with the fleet: prune, retire, restore, purge.
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

Result<PruneCounts> Registry::prune(SystemTime before, SystemTime now, bool dry_run) {
  return guarded([&] {
    PruneCounts counts;
    const DeviceId last = impl_->last_device();
    auto& survey = impl_->database.prepared(
        "SELECT platform, last_seen IS NULL, count(*) FROM dev WHERE id > ? AND id <= ?"
        " AND state = 0 AND (last_seen IS NULL OR last_seen < ?) GROUP BY 1, 2");
    auto& explain = impl_->database.prepared(
        "INSERT INTO event (dev, at, from_state, to_state, cause, rule, evidence)"
        " SELECT id, ?4, 0, 2, 'prune', '',"
        "  json_object('last_seen', strftime('%Y-%m-%dT%H:%M:%SZ', last_seen / 1000, 'unixepoch'))"
        " FROM dev WHERE id > ?1 AND id <= ?2 AND state = 0 AND last_seen < ?3 ORDER BY id");
    auto& change = impl_->database.prepared(
        "UPDATE dev SET state = 2, rule = '', changed = ?4"
        " WHERE id > ?1 AND id <= ?2 AND state = 0 AND last_seen < ?3");
    for (DeviceId after = 0; after < last; after += id_window) {
      std::optional<Transaction> transaction;
      if (!dry_run) transaction.emplace(impl_->database);
      {
        auto rows = survey.rows(after, after + id_window, before);
        while (rows.next()) {
          if (rows.integer(1) != 0) {
            counts.never_seen += rows.count(2);
          } else {
            counts.retired += rows.count(2);
            counts.by_platform[rows.text(0)] += rows.count(2);
          }
        }
      }
      if (dry_run) continue;
      explain.run(after, after + id_window, before, now);
      change.run(after, after + id_window, before, now);
      transaction->commit();
    }
    return counts;
  });
}

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

namespace {

// Of the devices in temp.purged.
void remove_keys(Registry::Impl& impl) {
  impl.keys.settle();
  auto rows = impl.database
                  .prepared("SELECT " FANFARE_OWN_COLUMNS
                            ", NULL FROM temp.purged CROSS JOIN dev USING (id)")
                  .rows();
  while (rows.next()) impl.keys.remove(read_device(rows));
}

}  // namespace

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
      remove_keys(*impl_);
      impl_->database.execute(
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
      transaction.commit();
      purged += static_cast<std::uint64_t>(count);
    }
    return purged;
  });
}

}  // namespace fanfare::registry
