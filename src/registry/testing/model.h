// A model of the registry that a reader can check at a glance: maps of devices and their events.
//
// An Operation is data, so that the same one can be done to a store and to a model, in this
// process or in another. What came of it and what a store holds are texts: they are compared whole
// and a difference is read as it is.
//
// Left out: the brake, and the suspicion that a FID raises against tokens that begin with it.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "registry/registry.h"

namespace fanfare::registry {

struct Operation {
  enum class Kind : std::uint8_t {
    upsert,
    record,
    apply,
    retire,
    restore,
    restore_since,
    prune,
    purge,
    defer_keys,
    write_keys,
  };
  Kind kind = Kind::upsert;
  SystemTime at{};
  std::vector<Device> devices{};  ///< upsert
  bool on_list = false;           ///< upsert
  Progress progress{};            ///< record; apply: only its changes
  DeviceId cursor = 0;            ///< record
  DeviceId id = 0;                ///< retire, restore
  SystemTime since{};             ///< restore_since; prune, purge: before
  std::string rule{};             ///< restore_since
};

[[nodiscard]] std::string to_string(const Operation& operation);

/// A number from `low` up to, but not including, `high`.
using Choose = std::function<int(int low, int high)>;

class Model {
 public:
  /// Gives a new, empty store its list and its campaign, and remembers them.
  explicit Model(Registry& registry, SystemTime now);

  /// What may come next; time goes on by at least a minute.
  [[nodiscard]] Operation random_operation(const Choose& choose) const;

  /// Does it here; what `perform` must say of a store that was like this model.
  std::string apply(const Operation& operation);
  /// Does it to a store.
  [[nodiscard]] std::string perform(const Operation& operation, Registry& registry) const;

  /// All that can be seen of a store, a line for each device, event, look-up, …
  [[nodiscard]] std::string picture() const;
  /// The same of a real one.
  [[nodiscard]] std::string picture_of(Registry& registry) const;

 private:
  void take(const Device& given, const Operation& operation, UpsertCounts& counts);
  DeviceId insert(Device device, SystemTime at, UpsertCounts& counts);
  void refresh(Device& stored, const Device& incoming, SystemTime at, UpsertCounts& counts);
  [[nodiscard]] std::vector<DeviceId> same_installation(const Device& device) const;
  void settle_succession(DeviceId id, const std::vector<DeviceId>& others, SystemTime at,
                         UpsertCounts& counts);
  void replace(DeviceId old, DeviceId by, SystemTime at, UpsertCounts& counts);
  void record(const Operation& operation);
  void change(const Change& change, SystemTime at);
  std::string set_one(DeviceId id, State to, const char* cause, SystemTime at);
  std::string restore_since(const Operation& operation);
  std::string prune(const Operation& operation);
  std::string purge(SystemTime before);

  [[nodiscard]] Device* find(const Target& registration);
  void set(Device& device, State state, std::string_view rule, SystemTime at);
  void add_event(DeviceId id, Event event);
  [[nodiscard]] std::vector<Event> history(DeviceId id) const;

  Campaign campaign_;
  std::int64_t list_ = 0;
  SystemTime now_;
  DeviceId last_id_ = 0;
  std::map<DeviceId, Device> devices_;
  std::map<DeviceId, std::vector<Event>> events_;
  std::set<std::pair<DeviceId, DeviceId>> replaced_;  // successor, device
  std::set<DeviceId> members_;
  std::map<DeviceId, RetryRow> retries_;
  std::map<DeviceId, Probe> probes_;
};

}  // namespace fanfare::registry
