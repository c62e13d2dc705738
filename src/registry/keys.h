// Keys: which devices a registration, a user or an installation may belong to.
//
// Three tables hold (hash, device) in the order of the hash. Hashes are random, so to write the
// keys of each new device at once dirties a page for each of them; written in sorted runs of a
// million they touch every page once a run. So while a file is imported they wait in memory.
//
//   devices  1 ........ up_to | up_to + 1 ........ last
//            in the tables    | in memory, if we wrote them; a killed process leaves them nowhere
//
// `up_to` is stored with the keys, in one transaction with them. So whatever a crash or another
// process left is seen at the next `begin`, and read from the devices themselves.
//
// A key that points to a device which is gone, or whose text is another now, does no harm: whoever
// looks up compares the text. A key that is missing would do harm.
#pragma once

#include <cstdint>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "registry/device.h"
#include "sqlite/sqlite.h"

namespace fanfare::registry {

class Keys {
 public:
  explicit Keys(sqlite::Database& database) : database_(&database) {}

  /// Lets keys of new devices wait from now on, until so many devices' do; 0: no longer.
  void defer(std::size_t most) noexcept { most_waiting_ = most; }

  // All of the following within a transaction ---------------------------------------------------

  /// Before the first look-up or change of a transaction that may add devices.
  void begin();
  /// A new device, whose id is higher than all before.
  void add(const Device& device);
  /// A device that is stored already has another user or installation now.
  void add_user(DeviceId id, const std::string& user);
  void add_installation(DeviceId id, const std::string& installation);
  /// Before the devices go for good.
  void remove(const Device& device);
  /// Before the commit: writes what waits, unless it may go on waiting.
  void end();
  /// Writes all that waits, and what others left.
  void settle();

  /// Appends the devices that may have this registration or installation, those that wait included.
  void find_registration(TargetKind kind, std::string_view value, std::vector<DeviceId>& out);
  void find_installation(const std::string& installation, std::vector<DeviceId>& out);

  /// After a transaction that was rolled back: what waits may never have been.
  void forget() noexcept;

 private:
  struct Key {
    std::int64_t hash = 0;
    DeviceId dev = 0;
    auto operator<=>(const Key&) const = default;
  };
  using Waiting = boost::unordered_flat_map<std::int64_t, DeviceId>;

  void wait(Waiting& waiting, std::int64_t hash, DeviceId id, const char* insert);
  void find(const Waiting& waiting, std::int64_t hash, const char* select,
            std::vector<DeviceId>& out);
  void take_over();
  void write();
  void write_run(std::vector<Key>& run, const char* insert);
  [[nodiscard]] DeviceId stored_up_to();
  [[nodiscard]] DeviceId stored_last();

  sqlite::Database* database_;
  std::size_t most_waiting_ = 0;
  DeviceId up_to_ = 0;
  DeviceId last_ = 0;
  Waiting registrations_;
  Waiting installations_;
  std::vector<Key> users_;
};

/// SQL for the devices that a look-up by a key has to compare: those with this hash, and those
/// whose keys are not written yet. TABLE is key_user or the like; one parameter, the hash. One
/// list, so that SQLite walks it and not the range of ids that stands beside it.
#define FANFARE_KEYED_IN(TABLE)                  \
  "id IN (SELECT dev FROM " TABLE                \
  " WHERE hash = ? UNION ALL SELECT id FROM dev" \
  " WHERE id > (SELECT up_to FROM keyed))"

}  // namespace fanfare::registry
