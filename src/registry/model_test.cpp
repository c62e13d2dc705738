// The registry against a model that a reader can check at a glance: a map of devices.
#include <map>

#include <rapidcheck.h>
#include <sqlite3.h>

#include "registry/merge.h"
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

constexpr std::string_view rules[] = {"token.unregistered", "token.malformed"};

class World {
 public:
  explicit World(Registry& registry) : registry_(registry) {
    campaign_.project = "p";
    campaign_.audience = registry.make_audience("", 0, "p", day0).value();
    RC_ASSERT(registry.add_campaign(campaign_).has_value());
  }

  void step() {
    now_ += std::chrono::minutes(*rc::gen::inRange(1, 100));
    switch (*rc::gen::inRange(0, 7)) {
      case 0:
      case 1:
        return upsert();
      case 2:
        return accept();
      case 3:
        return retire_by_verdict();
      case 4:
        return by_word();
      case 5:
        return restore_since();
      default:
        return purge_or_prune();
    }
  }

  void compare() {
    std::size_t seen = 0;
    const auto done = registry_.each("", [&](const Device& device) {
      ++seen;
      const auto& model = model_.at(device.registration.value);
      RC_ASSERT(device.state == model.state);
      RC_ASSERT(device.rule == model.rule);
      RC_ASSERT(device.user == model.user);
      RC_ASSERT(device.last_seen == model.last_seen);
      RC_ASSERT(device.last_accepted == model.last_accepted);
      RC_ASSERT(device.changed == model.changed);
      return true;
    });
    RC_ASSERT(done.has_value());
    RC_ASSERT(seen == model_.size());
    RC_ASSERT(registry_.stats()->total == model_.size());
  }

 private:
  Device random_device() {
    Device device = a_token("t" + std::to_string(*rc::gen::inRange(0, 30)));
    device.user = *rc::gen::element(std::string(), std::string("u1"), std::string("u2"));
    const auto age = *rc::gen::inRange(-1, 5'000);
    if (age >= 0) device.last_seen = now_ - std::chrono::minutes(age);
    return device;
  }
  Device* pick() {
    if (model_.empty()) return nullptr;
    const auto index = *rc::gen::inRange<std::size_t>(0, model_.size());
    return &std::next(model_.begin(), static_cast<std::ptrdiff_t>(index))->second;
  }
  DeviceId id_of(const Device& device) {
    return registry_.find(device.registration).value().value().id;
  }
  void set(Device& device, State state, std::string_view rule) {
    device.state = state;
    device.rule = rule;
    device.changed = now_;
  }

  void upsert() {
    std::vector<Device> devices;
    for (int i = *rc::gen::inRange(1, 6); i > 0; --i) devices.push_back(random_device());
    RC_ASSERT(registry_.upsert(devices, now_).has_value());
    for (const Device& device : devices) {
      const auto known = model_.find(device.registration.value);
      if (known == model_.end()) {
        model_.emplace(device.registration.value, device);
      } else {
        known->second = merge(known->second, device, now_).device;
      }
    }
  }
  void accept() {
    Device* const device = pick();
    if (device == nullptr) return;
    RC_ASSERT(registry_.record(campaign_, {.at = now_, .accepted = {id_of(*device)}}).has_value());
    device->last_accepted = now_;
    if (device->state != State::active) set(*device, State::active, "");
  }
  void retire_by_verdict() {
    Device* const device = pick();
    if (device == nullptr) return;
    const auto rule = *rc::gen::element(rules[0], rules[1]);
    RC_ASSERT(registry_
                  .record(campaign_,
                          {.at = now_,
                           .changes = {{id_of(*device), State::retired, std::string(rule), "{}"}}})
                  .has_value());
    if (device->state == State::retired) {
      device->rule = rule;
    } else {
      set(*device, State::retired, rule);
    }
  }
  void by_word() {
    Device* const device = pick();
    if (device == nullptr) return;
    const bool retire = *rc::gen::arbitrary<bool>();
    const State to = retire ? State::retired : State::active;
    const auto changed =
        retire ? registry_.retire(id_of(*device), now_) : registry_.restore(id_of(*device), now_);
    RC_ASSERT(changed.value() == (device->state != to));
    if (device->state != to) set(*device, to, "");
  }
  void restore_since() {
    const SystemTime since = now_ - std::chrono::minutes(*rc::gen::inRange(0, 500));
    const std::string rule(*rc::gen::element(std::string_view(), rules[0]));
    std::uint64_t expected = 0;
    for (auto& [value, device] : model_) {
      if (device.state == State::active || *device.changed < since) continue;
      if (!rule.empty() && device.rule != rule) continue;
      set(device, State::active, "");
      ++expected;
    }
    RC_ASSERT(registry_.restore_since(since, rule, now_).value() == expected);
  }
  void purge_or_prune() {
    const SystemTime before = now_ - std::chrono::minutes(*rc::gen::inRange(1'000, 5'000));
    if (*rc::gen::arbitrary<bool>()) {
      const auto count = std::erase_if(model_, [&](const auto& entry) {
        return entry.second.state == State::retired && *entry.second.changed < before;
      });
      RC_ASSERT(registry_.purge(before).value() == count);
      return;
    }
    std::uint64_t expected = 0;
    for (auto& [value, device] : model_) {
      if (device.state != State::active || !device.last_seen || *device.last_seen >= before)
        continue;
      set(device, State::retired, "");
      ++expected;
    }
    RC_ASSERT(registry_.prune(before, now_, false)->retired == expected);
  }

  Registry& registry_;
  Campaign campaign_;
  SystemTime now_ = day0;
  std::map<std::string, Device> model_;
};

class Model : public TempStore {};

TEST_F(Model, BehavesLikeAMapOfDevices) {
  int round = 0;
  EXPECT_TRUE(rc::check("registry equals the model", [&] {
    auto registry = Registry::open(folder_ / ("round-" + std::to_string(round++) + ".db")).value();
    World world(registry);
    for (int i = 0; i < 60; ++i) world.step();
    world.compare();
  }));
}

}  // namespace
}  // namespace fanfare::registry
