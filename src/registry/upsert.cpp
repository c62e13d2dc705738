// Registry: how devices come in: imported, or registered by an app.
#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "registry/evidence.h"
#include "registry/hash.h"
#include "registry/merge.h"
#include "registry/registry_impl.h"
#include "registry/succession.h"

namespace fanfare::registry {

using sqlite::guarded;
using sqlite::Statement;
using sqlite::Transaction;

namespace {

std::string device_fault(const Device& device) {
  if (!is_registration(device.registration.kind)) {
    return fmt::format("a {} is not a device", to_string(device.registration.kind));
  }
  return registration_fault(device.registration.value);
}

// What the store would give back for it: times in milliseconds, tags without ';'.
Device as_stored(Device device) {
  if (device.last_seen)
    device.last_seen = sqlite::from_millis(sqlite::to_millis(*device.last_seen));
  if (!device.tags.empty()) device.tags = split_tags(join_tags(device.tags));
  if (device.state == State::active) device.rule.clear();
  return device;
}

class Upsert {
 public:
  Upsert(Registry::Impl& impl, SystemTime now, std::int64_t list)
      : impl_(impl), now_(now), list_(list) {}

  void take(const Device& given, const DeviceHistory* history) {
    Device incoming = as_stored(given);
    const auto stored = find(incoming.registration);
    const DeviceId id = stored    ? refresh(*stored, incoming)
                        : history ? carry_in(std::move(incoming), *history)
                                  : insert(std::move(incoming));
    if (list_ != 0) join_.run(list_, id);
  }
  /// Before the commit: what was added up over the transaction.
  void finish() {
    impl_.count_fleet(fleet_);
    auto& add = impl_.database.prepared(
        "INSERT INTO silence (platform, days, came_back) VALUES (?1, ?2, ?3)"
        " ON CONFLICT DO UPDATE SET came_back = came_back + ?3");
    for (const auto& [platform, classes] : came_back_) {
      for (std::size_t i = 0; i < classes.size(); ++i) {
        if (classes[i] != 0) add.run(platform, survival_days[i], classes[i]);
      }
    }
  }
  [[nodiscard]] const UpsertCounts& counts() const { return counts_; }

 private:
  std::optional<Device> by_id(DeviceId id) {
    auto rows = by_id_.rows(id);
    if (!rows.next()) return std::nullopt;
    return read_device(rows);
  }

  std::optional<Device> find(const Target& registration) {
    candidates_.clear();
    impl_.keys.find_registration(registration.kind, registration.value, candidates_);
    for (const DeviceId id : candidates_) {
      auto device = by_id(id);
      if (device && device->registration == registration) return device;
    }
    return std::nullopt;
  }

  // A device that comes from another store's export keeps its state: it is dead there too.
  DeviceId insert(Device device) {
    device.refreshed.reset();
    device.changed.reset();
    const auto others = same_installation(device);
    for (const Device& other : others) {
      if (succession(device, other) == Succession::replaces) inherit(device, other);
    }
    if (device.state != State::active) device.changed = now_;
    add(device);
    if (device.state != State::active) {
      impl_.add_event(device.id, {now_, State::active, device.state, "import", device.rule, {}},
                      {});
    }
    settle_succession(device, others);
    if (device.registration.kind == TargetKind::fid) suspect_tokens_of(device);
    return device.id;
  }

  // It comes from another store with all that happened to it there: its succession is settled.
  DeviceId carry_in(Device device, const DeviceHistory& history) {
    add(device);
    impl_.carry(device.id, device, history, now_);
    for (const Target& other : history.replaces) {
      if (const auto earlier = find(other)) replaced_.run(earlier->id, device.id);
    }
    for (const Target& other : history.replaced_by) {
      if (const auto later = find(other)) replaced_.run(device.id, later->id);
    }
    return device.id;
  }

  void add(Device& device) {
    insert_.run(device.project, static_cast<int>(device.registration.kind),
                device.registration.value, device.user, device.installation, device.platform,
                device.locale, device.time_zone, device.app_version, join_tags(device.tags),
                device.last_seen, now_);
    device.id = impl_.database.last_id();
    if (device.state != State::active) {
      impl_.set_state(device.id, device.state, device.rule, device.changed.value_or(now_));
    }
    impl_.keys.add(device);
    ++fleet_[device.project];
    ++counts_.added;
  }

  DeviceId refresh(const Device& stored, const Device& incoming) {
    const Merged merged = merge(stored, incoming, now_);
    const Device& device = merged.device;
    ++counts_.updated;
    note_silence(stored, device);
    if (merged.differs) write(stored, device);
    if (merged.revived) {
      ++counts_.revived;
      impl_.set_state(device.id, State::active, {}, now_);
      impl_.add_event(device.id, {now_, stored.state, State::active, "import", {}, {}}, {});
    }
    const bool maybe_another = merged.revived || device.installation != stored.installation;
    if (maybe_another && device.state != State::retired) {
      settle_succession(device, same_installation(device));
    }
    return device.id;
  }

  void note_silence(const Device& stored, const Device& device) {
    if (!stored.last_seen || !device.last_seen) return;
    const auto index = survival_class(*device.last_seen - *stored.last_seen);
    if (index) ++came_back_[device.platform].at(*index);
  }

  void write(const Device& stored, const Device& device) {
    update_.run(device.project, device.user, device.installation, device.platform, device.locale,
                device.time_zone, device.app_version, join_tags(device.tags), device.last_seen,
                now_, device.id);
    if (device.project != stored.project) {
      --fleet_[stored.project];
      ++fleet_[device.project];
    }
    if (device.installation != stored.installation) {
      impl_.keys.add_installation(device.id, device.installation);
    }
    if (device.user == stored.user) return;
    impl_.keys.add_user(device.id, device.user);
    if (stored.user.empty()) return;
    // From here on nothing that is said of the former owner's devices includes this one.
    impl_.add_event(
        device.id,
        {now_, device.state, device.state, "owner", {}, evidence_of("from", stored.user)}, {});
  }

  // In the order in which a successor takes over their fields: the living first, then the newest.
  // Each once, though its key may both wait and be written.
  std::vector<Device> same_installation(const Device& device) {
    std::vector<Device> others;
    if (device.installation.empty()) return others;
    candidates_.clear();
    impl_.keys.find_installation(device.installation, candidates_);
    std::ranges::sort(candidates_, std::greater());
    const auto twice = std::ranges::unique(candidates_);
    candidates_.erase(twice.begin(), twice.end());
    for (const DeviceId id : candidates_) {
      auto other = by_id(id);
      if (other && other->registration != device.registration) others.push_back(std::move(*other));
    }
    std::ranges::stable_partition(
        others, [](const Device& other) { return other.state != State::retired; });
    return others;
  }

  void settle_succession(const Device& device, const std::vector<Device>& others) {
    bool alive = device.state != State::retired;
    for (const Device& other : others) {
      if (!alive) return;
      switch (succession(device, other)) {
        case Succession::none:
          break;
        case Succession::replaces:
          replace(other, device);
          break;
        case Succession::replaced:
          // One that is dead itself replaces nobody.
          if (other.state == State::retired) break;
          replace(device, other);
          alive = false;
          break;
      }
    }
  }

  void replace(const Device& old, const Device& by) {
    replaced_.run(old.id, by.id);
    if (old.state == State::retired) return;
    ++counts_.superseded;
    impl_.set_state(old.id, State::retired, superseded_rule, now_);
    impl_.add_event(old.id,
                    {now_, old.state, State::retired, "replaced", std::string(superseded_rule),
                     evidence_of("by", by.registration.value)},
                    {});
  }

  // Only among those whose keys are written: it is no more than a hint.
  void suspect_tokens_of(const Device& fid) {
    if (fid.user.empty() || fid.state != State::active) return;
    candidates_.clear();
    {
      auto rows = of_user_.rows(text_hash(fid.user));
      while (rows.next()) candidates_.push_back(rows.integer(0));
    }
    for (const DeviceId id : candidates_) {
      const auto other = by_id(id);
      if (!other || other->state != State::active || !looks_superseded(fid, *other)) continue;
      impl_.set_state(id, State::suspect, maybe_superseded_rule, now_);
      impl_.add_event(
          id,
          {now_, State::active, State::suspect, "replaced", std::string(maybe_superseded_rule),
           evidence_of("maybe_by", fid.registration.value)},
          {});
    }
  }

  Registry::Impl& impl_;
  SystemTime now_;
  std::int64_t list_;
  UpsertCounts counts_;
  std::map<std::string, SurvivalClasses> came_back_;
  FleetChange fleet_;
  std::vector<DeviceId> candidates_;
  Statement& by_id_ =
      impl_.database.prepared("SELECT " FANFARE_OWN_COLUMNS ", NULL FROM device WHERE id = ?");
  Statement& of_user_ = impl_.database.prepared("SELECT dev FROM key_user WHERE hash = ?");
  Statement& insert_ = impl_.database.prepared(
      "INSERT INTO dev (project, kind, value, user, installation, platform, locale, time_zone,"
      " app_version, tags, last_seen, created)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  Statement& update_ = impl_.database.prepared(
      "UPDATE dev SET project = ?, user = ?, installation = ?, platform = ?, locale = ?,"
      " time_zone = ?, app_version = ?, tags = ?, last_seen = ?, refreshed = ?"
      " WHERE id = ?");
  Statement& replaced_ =
      impl_.database.prepared("INSERT OR IGNORE INTO replaced (dev, successor) VALUES (?, ?)");
  Statement& join_ =
      impl_.database.prepared("INSERT OR IGNORE INTO list_member (list, dev) VALUES (?, ?)");
};

}  // namespace

Result<UpsertCounts> Registry::upsert(std::span<const Device> devices, SystemTime now,
                                      std::int64_t list, const UpsertExtras& extras) {
  for (const Device& device : devices) {
    if (auto fault = device_fault(device); !fault.empty()) {
      return fail(Error::Kind::usage, std::move(fault), "nothing was stored; leave the device out");
    }
  }
  auto counts = guarded([&] {
    Transaction transaction(impl_->database);
    impl_->keys.begin();
    Upsert upsert(*impl_, now, list);
    auto history = extras.histories.begin();
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const bool carried = history != extras.histories.end() && history->device == i;
      upsert.take(devices[i], carried ? &*history++ : nullptr);
    }
    upsert.finish();
    if (extras.run != nullptr) impl_->write_import_run(*extras.run, now);
    impl_->keys.end();
    transaction.commit();
    return upsert.counts();
  });
  if (!counts) impl_->keys.forget();
  return counts;
}

void Registry::defer_keys(std::size_t most) noexcept {
  impl_->keys.defer(most);
}

Result<void> Registry::write_keys() {
  auto written = guarded([&] {
    Transaction transaction(impl_->database);
    impl_->keys.settle();
    transaction.commit();
  });
  if (!written) impl_->keys.forget();
  return written;
}

}  // namespace fanfare::registry
