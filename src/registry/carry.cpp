// Registry: devices with their history, out of one store and into another.
#include "registry/evidence.h"
#include "registry/registry_impl.h"

namespace fanfare::registry {

using sqlite::Blob;
using sqlite::guarded;
using sqlite::Statement;

namespace {

std::vector<Target> targets(Statement& statement, DeviceId id) {
  std::vector<Target> found;
  auto rows = statement.rows(id);
  while (rows.next()) found.push_back({static_cast<TargetKind>(rows.integer(0)), rows.text(1)});
  return found;
}

}  // namespace

Result<DeviceHistory> Registry::carried_history(DeviceId id) {
  return guarded([&] {
    DeviceHistory history;
    auto rows = impl_->database
                    .prepared(
                        "SELECT at, from_state, to_state, cause, rule, evidence, packed FROM event"
                        " WHERE dev = ? ORDER BY id")
                    .rows(id);
    while (rows.next()) {
      history.events.push_back({sqlite::from_millis(rows.integer(0)), read_state(rows.integer(1)),
                                read_state(rows.integer(2)), rows.text(3), rows.text(4),
                                stored_evidence(rows.text(5), rows.text(6))});
    }
    history.replaces = targets(
        impl_->database.prepared("SELECT kind, value FROM replaced CROSS JOIN dev"
                                 " ON dev.id = replaced.dev WHERE successor = ? ORDER BY dev.id"),
        id);
    history.replaced_by = targets(
        impl_->database.prepared("SELECT kind, value FROM replaced CROSS JOIN dev"
                                 " ON dev.id = successor WHERE replaced.dev = ? ORDER BY dev.id"),
        id);
    return history;
  });
}

void Registry::Impl::carry(DeviceId id, const Device& device, const DeviceHistory& history,
                           SystemTime now) {
  database.prepared("UPDATE dev SET created = ?, refreshed = ? WHERE id = ?")
      .run(device.created.value_or(now), device.refreshed, id);
  if (device.changed) set_state(id, device.state, device.rule, *device.changed);
  for (const Event& event : history.events) {
    Event kept = event;
    kept.evidence = bounded_evidence(event.evidence);
    add_event(id, kept, {});
  }
  if (!device.last_accepted) return;
  const DeviceId number = AcceptedBlock::number_of(id);
  std::string stored;
  {
    auto rows = database.prepared("SELECT times FROM accepted WHERE block = ?").rows(number);
    if (rows.next()) stored = rows.text(0);
  }
  AcceptedBlock block(std::move(stored));
  block.set(id, *device.last_accepted);
  database.prepared("INSERT OR REPLACE INTO accepted (block, times) VALUES (?, ?)")
      .run(number, Blob{block.bytes()});
}

}  // namespace fanfare::registry
