#include "registry/testing/model.h"

#include <algorithm>
#include <ranges>
#include <span>
#include <stdexcept>

#include <fmt/format.h>

#include "registry/merge.h"
#include "registry/succession.h"

namespace fanfare::registry {
namespace {

constexpr int token_count = 40;
constexpr int fid_count = 10;
constexpr std::string_view users[] = {"", "u1", "u2", "u3"};
constexpr std::string_view projects[] = {"", "", "", "p", "q"};
constexpr std::string_view platforms[] = {"", "android", "ios"};
constexpr std::string_view rules[] = {"token.unregistered", "token.malformed"};

std::string pick(const Choose& choose, std::span<const std::string_view> from) {
  return std::string(from[static_cast<std::size_t>(choose(0, static_cast<int>(from.size())))]);
}

Target registration(int number) {
  if (number < token_count) return {TargetKind::token, fmt::format("t{}", number)};
  return {TargetKind::fid, fmt::format("f{}", number - token_count)};
}

std::string text(SystemTime time) {
  return format_rfc3339(time);
}
std::string text(const std::optional<SystemTime>& time) {
  return time ? text(*time) : "-";
}
std::string text(const UpsertCounts& counts) {
  return fmt::format("added {}, updated {}, revived {}, superseded {}", counts.added,
                     counts.updated, counts.revived, counts.superseded);
}
std::string text(const Device& device) {
  return fmt::format(
      "{} {} {} project '{}' user '{}' installation '{}' platform '{}' tags '{}' seen {} {} '{}'"
      " created {} refreshed {} changed {} accepted {}\n",
      device.id, to_string(device.registration.kind), device.registration.value, device.project,
      device.user, device.installation, device.platform, join_tags(device.tags),
      text(device.last_seen), to_string(device.state), device.rule, text(device.created),
      text(device.refreshed), text(device.changed), text(device.last_accepted));
}
std::string text(const Event& event) {
  return fmt::format("  {} {} -> {} {} '{}' {} {}\n", text(event.at), to_string(event.from),
                     to_string(event.to), event.cause, event.rule, event.evidence,
                     event.predecessor);
}
std::string text(const RetryRow& row) {
  return fmt::format("waits {} {} {}\n", row.receiver.id, row.attempts, text(row.due));
}
std::string text(const Probe& probe) {
  return fmt::format("probed {} {} '{}'\n", probe.id, text(probe.at), probe.rule);
}

template <class T>
std::string outcome(const Result<T>& result, auto&& say) {
  if (result) return say(*result);
  return result.error().kind == Error::Kind::usage ? "refused" : result.error().what;
}
std::string outcome(const Result<bool>& result) {
  return outcome(result, [](bool done) { return done ? "done" : "was so"; });
}
std::string outcome(const Result<std::uint64_t>& result) {
  return outcome(result, [](std::uint64_t count) { return std::to_string(count); });
}
std::string outcome(const Result<void>& result) {
  return result ? "done" : result.error().what;
}

std::string prune_text(std::uint64_t retired, std::uint64_t never_seen) {
  return fmt::format("{} retired, {} never seen", retired, never_seen);
}

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  return std::move(*result);
}

}  // namespace

std::string to_string(const Operation& operation) {
  using Kind = Operation::Kind;
  std::string out = text(operation.at) + " ";
  switch (operation.kind) {
    case Kind::upsert:
      out += operation.on_list ? "upsert on the list" : "upsert";
      for (const Device& device : operation.devices) out += "\n  " + text(device);
      return out;
    case Kind::record:
    case Kind::apply:
      out += operation.kind == Kind::record ? "record" : "apply";
      out += fmt::format(" accepted [{}]", fmt::join(operation.progress.accepted, " "));
      for (const Change& change : operation.progress.changes) {
        out += fmt::format(" {} is {} by {}", change.id, to_string(change.to), change.rule);
      }
      return out;
    case Kind::retire:
      return out + fmt::format("retire {}", operation.id);
    case Kind::restore:
      return out + fmt::format("restore {}", operation.id);
    case Kind::restore_since:
      return out + fmt::format("restore since {} '{}'", text(operation.since), operation.rule);
    case Kind::prune:
      return out + fmt::format("prune before {}", text(operation.since));
    case Kind::purge:
      return out + fmt::format("purge before {}", text(operation.since));
    case Kind::defer_keys:
      return out + "defer keys";
    case Kind::write_keys:
      return out + "write keys";
  }
  return out;
}

Model::Model(Registry& registry, SystemTime now) : now_(now) {
  list_ = value_of(registry.make_list());
  campaign_.project = "p";
  campaign_.message = "{}";
  campaign_.audience = value_of(registry.make_audience("", 0, "p", now));
  campaign_.audience.count = 1'000'000;
  campaign_.audience.last_id = 1'000'000'000;
  campaign_.started = now;
  if (auto added = registry.add_campaign(campaign_); !added) {
    throw std::runtime_error(added.error().what);
  }
}

// Choosing ------------------------------------------------------------------------------------

namespace {

Device random_device(const Choose& choose, SystemTime now) {
  Device device;
  device.registration = registration(choose(0, token_count + fid_count));
  device.user = pick(choose, users);
  if (choose(0, 2) == 0) device.installation = fmt::format("i{}", choose(0, 12));
  device.project = pick(choose, projects);
  device.platform = pick(choose, platforms);
  if (choose(0, 4) == 0) device.tags = {"news", "sport"};
  const int age = choose(-500, 5'000);
  if (age >= 0) device.last_seen = now - std::chrono::minutes(age);
  const int state = choose(0, 20);
  if (state < 2) {
    device.state = state == 0 ? State::retired : State::suspect;
    device.rule = pick(choose, rules);
  }
  return device;
}

Change random_change(const Choose& choose, DeviceId id) {
  return {id, static_cast<State>(choose(0, 3)), pick(choose, rules),
          fmt::format(R"({{"status":404,"body":"{}"}})", choose(0, 1'000))};
}

Operation::Kind random_kind(const Choose& choose) {
  using Kind = Operation::Kind;
  const int number = choose(0, 100);
  if (number < 40) return Kind::upsert;
  if (number < 65) return Kind::record;
  if (number < 70) return Kind::apply;
  if (number < 78) return Kind::retire;
  if (number < 84) return Kind::restore;
  if (number < 87) return Kind::restore_since;
  if (number < 90) return Kind::prune;
  if (number < 95) return Kind::purge;
  return number < 97 ? Kind::defer_keys : Kind::write_keys;
}

}  // namespace

Operation Model::random_operation(const Choose& choose) const {
  using Kind = Operation::Kind;
  Operation operation{.kind = random_kind(choose),
                      .at = now_ + std::chrono::minutes(choose(1, 100))};
  // Mostly devices there are; some that are gone.
  const auto id = [&]() -> DeviceId {
    if (last_id_ == 0) return 0;
    const DeviceId any = 1 + choose(0, static_cast<int>(last_id_));
    const auto living = devices_.lower_bound(any);
    return living == devices_.end() || choose(0, 20) == 0 ? any : living->first;
  };
  switch (operation.kind) {
    case Kind::upsert:
      operation.on_list = choose(0, 4) == 0;
      for (int i = choose(1, 6); i > 0; --i) {
        operation.devices.push_back(random_device(choose, operation.at));
      }
      break;
    case Kind::record:
    case Kind::apply: {
      Progress& progress = operation.progress;
      progress.at = operation.at;
      for (int i = choose(0, 4); i > 0; --i)
        progress.changes.push_back(random_change(choose, id()));
      if (operation.kind == Kind::apply || last_id_ == 0) break;
      for (int i = choose(0, 4); i > 0; --i) progress.accepted.push_back(id());
      for (int i = choose(0, 3); i > 0; --i) {
        RetryRow row;
        row.receiver.id = id();
        row.attempts = choose(1, 9);
        row.due = operation.at;
        progress.waiting.push_back(row);
      }
      for (int i = choose(0, 3); i > 0; --i) progress.settled.push_back(id());
      if (choose(0, 3) == 0) progress.probes.push_back({id(), operation.at, pick(choose, rules)});
      operation.cursor = id();
      break;
    }
    case Kind::retire:
    case Kind::restore:
      operation.id = id();
      break;
    case Kind::restore_since:
      operation.since = operation.at - std::chrono::minutes(choose(0, 500));
      if (choose(0, 2) == 0) operation.rule = pick(choose, rules);
      break;
    case Kind::prune:
    case Kind::purge:
      // Now and then all of them, or histories would only grow.
      operation.since = choose(0, 8) == 0
                            ? operation.at
                            : operation.at - std::chrono::minutes(choose(1'000, 5'000));
      break;
    case Kind::defer_keys:
    case Kind::write_keys:
      break;
  }
  return operation;
}

// Doing ---------------------------------------------------------------------------------------

std::string Model::perform(const Operation& operation, Registry& registry) const {
  using Kind = Operation::Kind;
  switch (operation.kind) {
    case Kind::upsert:
      return outcome(
          registry.upsert(operation.devices, operation.at, operation.on_list ? list_ : 0),
          [](const UpsertCounts& counts) { return text(counts); });
    case Kind::record: {
      Campaign campaign = campaign_;
      campaign.cursor = operation.cursor;
      return outcome(registry.record(campaign, operation.progress));
    }
    case Kind::apply:
      return outcome(registry.apply(operation.progress.changes, operation.at));
    case Kind::retire:
      return outcome(registry.retire(operation.id, operation.at));
    case Kind::restore:
      return outcome(registry.restore(operation.id, operation.at));
    case Kind::restore_since:
      return outcome(registry.restore_since(operation.since, operation.rule, operation.at));
    case Kind::prune:
      return outcome(
          registry.prune(operation.since, operation.at, false),
          [](const PruneCounts& counts) { return prune_text(counts.retired, counts.never_seen); });
    case Kind::purge:
      return outcome(registry.purge(operation.since));
    case Kind::defer_keys:
      registry.defer_keys();
      return "done";
    case Kind::write_keys:
      return outcome(registry.write_keys());
  }
  return {};
}

std::string Model::apply(const Operation& operation) {
  using Kind = Operation::Kind;
  now_ = operation.at;
  switch (operation.kind) {
    case Kind::upsert: {
      UpsertCounts counts;
      for (const Device& device : operation.devices) take(device, operation, counts);
      return text(counts);
    }
    case Kind::record:
      record(operation);
      return "done";
    case Kind::apply:
      for (const Change& wanted : operation.progress.changes) change(wanted, operation.at);
      return "done";
    case Kind::retire:
      return set_one(operation.id, State::retired, "retire", operation.at);
    case Kind::restore:
      return set_one(operation.id, State::active, "restore", operation.at);
    case Kind::restore_since:
      return restore_since(operation);
    case Kind::prune:
      return prune(operation);
    case Kind::purge:
      return purge(operation.since);
    case Kind::defer_keys:
    case Kind::write_keys:
      return "done";
  }
  return {};
}

Device* Model::find(const Target& registration) {
  const auto at = std::ranges::find_if(
      devices_, [&](const auto& entry) { return entry.second.registration == registration; });
  return at == devices_.end() ? nullptr : &at->second;
}

void Model::set(Device& device, State state, std::string_view rule, SystemTime at) {
  device.state = state;
  device.rule = rule;
  device.changed = at;
}

void Model::add_event(DeviceId id, Event event) {
  events_[id].push_back(std::move(event));
}

void Model::take(const Device& given, const Operation& operation, UpsertCounts& counts) {
  DeviceId id = 0;
  if (Device* const stored = find(given.registration)) {
    id = stored->id;
    refresh(*stored, given, operation.at, counts);
  } else {
    id = insert(given, operation.at, counts);
  }
  if (operation.on_list) members_.insert(id);
}

DeviceId Model::insert(Device device, SystemTime at, UpsertCounts& counts) {
  const auto others = same_installation(device);
  for (const DeviceId other : others) {
    if (succession(device, devices_.at(other)) == Succession::replaces) {
      inherit(device, devices_.at(other));
    }
  }
  device.id = ++last_id_;
  device.created = at;
  if (device.state != State::active) {
    device.changed = at;
    add_event(device.id, {at, State::active, device.state, "import", device.rule, {}});
  }
  devices_[device.id] = device;
  ++counts.added;
  settle_succession(device.id, others, at, counts);
  return device.id;
}

void Model::refresh(Device& stored, const Device& incoming, SystemTime at, UpsertCounts& counts) {
  const Device before = stored;
  const Merged merged = merge(before, incoming, at);
  stored = merged.device;
  ++counts.updated;
  if (stored.user != before.user && !before.user.empty()) {
    add_event(stored.id, {at,
                          stored.state,
                          stored.state,
                          "owner",
                          {},
                          fmt::format(R"({{"from":"{}"}})", before.user)});
  }
  if (merged.revived) {
    ++counts.revived;
    add_event(stored.id, {at, before.state, State::active, "import", {}, {}});
  }
  if (merged.revived || stored.installation != before.installation) {
    settle_succession(stored.id, same_installation(stored), at, counts);
  }
}

std::vector<DeviceId> Model::same_installation(const Device& device) const {
  std::vector<DeviceId> living;
  std::vector<DeviceId> retired;
  for (const auto& [id, other] : devices_ | std::views::reverse) {
    if (device.installation.empty() || other.installation != device.installation) continue;
    if (other.registration == device.registration) continue;
    (other.state == State::retired ? retired : living).push_back(id);
  }
  living.insert(living.end(), retired.begin(), retired.end());
  return living;
}

void Model::settle_succession(DeviceId id, const std::vector<DeviceId>& others, SystemTime at,
                              UpsertCounts& counts) {
  for (const DeviceId other : others) {
    if (devices_.at(id).state == State::retired) return;
    const Succession found = succession(devices_.at(id), devices_.at(other));
    if (found == Succession::replaces) replace(other, id, at, counts);
    const bool living = devices_.at(other).state != State::retired;
    if (found == Succession::replaced && living) replace(id, other, at, counts);
  }
}

void Model::replace(DeviceId old, DeviceId by, SystemTime at, UpsertCounts& counts) {
  replaced_.emplace(by, old);
  Device& device = devices_.at(old);
  if (device.state == State::retired) return;
  ++counts.superseded;
  add_event(old, {at, device.state, State::retired, "replaced", std::string(superseded_rule),
                  fmt::format(R"({{"by":"{}"}})", devices_.at(by).registration.value)});
  set(device, State::retired, superseded_rule, at);
}

void Model::record(const Operation& operation) {
  const Progress& progress = operation.progress;
  campaign_.cursor = operation.cursor;
  for (const DeviceId id : progress.accepted) {
    const auto at = devices_.find(id);
    if (at == devices_.end()) continue;
    Device& device = at->second;
    device.last_accepted = std::chrono::floor<std::chrono::seconds>(progress.at);
    if (device.state == State::active) continue;
    add_event(id, {progress.at,
                   device.state,
                   State::active,
                   "verdict",
                   {},
                   fmt::format(R"({{"verdict":"accepted","campaign":{}}})", campaign_.id)});
    set(device, State::active, "", progress.at);
  }
  for (const Change& wanted : progress.changes) change(wanted, progress.at);
  for (const RetryRow& row : progress.waiting) retries_[row.receiver.id] = row;
  for (const DeviceId id : progress.settled) retries_.erase(id);
  for (const Probe& probe : progress.probes) probes_[probe.id] = probe;
}

void Model::change(const Change& change, SystemTime at) {
  const auto found = devices_.find(change.id);
  if (found == devices_.end()) return;
  Device& device = found->second;
  const bool softer = device.state == State::retired && change.to == State::suspect;
  const State to = softer ? State::retired : change.to;
  add_event(change.id, {at, device.state, to, "verdict", change.rule, change.evidence});
  const std::string rule = to == State::active ? "" : change.rule;
  if (to != device.state) {
    set(device, to, rule, at);
  } else {
    device.rule = rule;
  }
}

std::string Model::set_one(DeviceId id, State to, const char* cause, SystemTime at) {
  const auto found = devices_.find(id);
  if (found == devices_.end()) return "refused";
  Device& device = found->second;
  if (device.state == to) return "was so";
  add_event(id, {at, device.state, to, cause, {}, {}});
  set(device, to, "", at);
  return "done";
}

std::string Model::restore_since(const Operation& operation) {
  std::uint64_t count = 0;
  for (auto& [id, device] : devices_) {
    if (device.state == State::active || *device.changed < operation.since) continue;
    if (!operation.rule.empty() && device.rule != operation.rule) continue;
    add_event(id, {operation.at, device.state, State::active, "restore", {}, {}});
    set(device, State::active, "", operation.at);
    ++count;
  }
  return std::to_string(count);
}

std::string Model::prune(const Operation& operation) {
  std::uint64_t retired = 0;
  std::uint64_t never_seen = 0;
  for (auto& [id, device] : devices_) {
    if (device.state != State::active) continue;
    if (!device.last_seen) {
      ++never_seen;
    } else if (*device.last_seen < operation.since) {
      add_event(id, {operation.at,
                     State::active,
                     State::retired,
                     "prune",
                     {},
                     fmt::format(R"({{"last_seen":"{}"}})", text(device.last_seen))});
      set(device, State::retired, "", operation.at);
      ++retired;
    }
  }
  return prune_text(retired, never_seen);
}

std::string Model::purge(SystemTime before) {
  const auto dead = [&](const Device& device) {
    return device.state == State::retired && *device.changed < before;
  };
  std::erase_if(replaced_, [&](const auto& pair) {
    const auto successor = devices_.find(pair.first);
    return successor == devices_.end() || dead(successor->second);
  });
  for (const auto& [id, device] : devices_) {
    if (dead(device)) events_.erase(id);
  }
  const auto count = std::erase_if(devices_, [&](const auto& entry) { return dead(entry.second); });
  return std::to_string(count);
}

// Looking -------------------------------------------------------------------------------------

std::vector<Event> Model::history(DeviceId id) const {
  std::vector<DeviceId> line{id};  // The device, then its predecessors, the nearest first.
  for (std::size_t i = 0; i < line.size(); ++i) {
    for (auto at = replaced_.lower_bound({line[i], 0}); at != replaced_.end(); ++at) {
      if (at->first != line[i]) break;
      if (devices_.contains(at->second) && std::ranges::find(line, at->second) == line.end()) {
        line.push_back(at->second);
      }
    }
  }
  std::ranges::rotate(line, line.begin() + 1);
  std::vector<Event> events;
  for (const DeviceId one : line) {
    const auto own = events_.find(one);
    if (own == events_.end()) continue;
    for (Event event : own->second) {
      if (one != id) event.predecessor = devices_.at(one).registration.value;
      events.push_back(std::move(event));
    }
  }
  std::ranges::stable_sort(events, {}, &Event::at);
  return events;
}

std::string Model::picture() const {
  std::string out = fmt::format("cursor {}\n", campaign_.cursor);
  for (const auto& [id, device] : devices_) {
    out += text(device);
    for (const Event& event : history(id)) out += text(event);
    if (const auto probe = probes_.find(id); probe != probes_.end()) out += text(probe->second);
  }
  for (const auto& [id, row] : retries_) {
    if (devices_.contains(id)) out += text(row);
  }
  for (int number = 0; number < token_count + fid_count; ++number) {
    const Target wanted = registration(number);
    const auto at = std::ranges::find_if(
        devices_, [&](const auto& entry) { return entry.second.registration == wanted; });
    out += fmt::format("{} is {}\n", wanted.value, at == devices_.end() ? 0 : at->first);
  }
  for (const std::string_view user : users) {
    const auto count = std::ranges::count_if(devices_, [&](const auto& entry) {
      const Device& device = entry.second;
      return device.user == user && device.state != State::retired && device.project != "q";
    });
    if (!user.empty()) out += fmt::format("{} has {}\n", user, count);
  }
  for (const std::string_view project : {"p", "q", "r"}) {
    const auto count = std::ranges::count_if(devices_, [&](const auto& entry) {
      const Device& device = entry.second;
      return device.state != State::retired &&
             (device.project == project || device.project.empty());
    });
    out += fmt::format("{} devices of {}\n", count, project);
  }
  const auto listed =
      std::ranges::count_if(members_, [&](DeviceId id) { return devices_.contains(id); });
  return out + fmt::format("{} on the list\n", listed);
}

std::string Model::picture_of(Registry& registry) const {
  const auto campaign = value_of(registry.latest_campaign());
  std::string out = fmt::format("cursor {}\n", campaign ? campaign->cursor : -1);
  const auto seen = registry.each("", [&](const Device& device) {
    out += text(device);
    for (const Event& event : value_of(registry.history(device.id))) out += text(event);
    if (const auto probe = value_of(registry.latest_probe(device.id))) out += text(*probe);
    return true;
  });
  if (!seen) throw std::runtime_error(seen.error().what);
  std::vector<RetryRow> waiting;
  if (auto read = registry.next_retries(campaign_.id, 0, 1'000, waiting); !read) {
    throw std::runtime_error(read.error().what);
  }
  for (const RetryRow& row : waiting) out += text(row);
  for (int number = 0; number < token_count + fid_count; ++number) {
    const Target wanted = registration(number);
    const auto device = value_of(registry.find(wanted));
    out += fmt::format("{} is {}\n", wanted.value, device ? device->id : 0);
  }
  for (const std::string_view user : users) {
    if (user.empty()) continue;
    const auto audience =
        value_of(registry.make_audience(fmt::format("user:{}", user), 0, "p", now_));
    out += fmt::format("{} has {}\n", user, audience.count);
  }
  for (const std::string_view project : {"p", "q", "r"}) {
    const auto audience = value_of(registry.make_audience("", 0, std::string(project), now_));
    out += fmt::format("{} devices of {}\n", audience.count, project);
  }
  const auto listed = value_of(registry.make_audience("", list_, "", now_));
  return out + fmt::format("{} on the list\n", listed.count);
}

}  // namespace fanfare::registry
