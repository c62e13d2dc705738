// A message that was accepted, and whom it reaches: one device, the members of a group, or
// everybody who subscribed.
#include <algorithm>
#include <utility>

#include "emulator/condition.h"
#include "emulator/schema.h"
#include "emulator/world.h"

namespace fanfare::emulator {
namespace {

constexpr std::size_t max_names = 1'000;  // Kept of each message; all are counted.

bool is_living(Health health) noexcept {
  return health == Health::living || is_flaky(health);
}

bool is_android(Platform platform) noexcept {
  return platform == Platform::android || platform == Platform::unknown;
}

bool is_notification(const boost::json::object& message) {
  if (find_member(message, "notification") != nullptr) return true;
  const auto* android = find_member(message, "android");
  return android != nullptr && find_member(android->get_object(), "notification") != nullptr;
}

}  // namespace

void World::keep(const Answer& answer, const boost::json::object& message, const Target& target,
                 std::string_view request, SystemTime now) {
  const auto present = device_time(now);
  DeliveryLog::Counts android;
  auto reached = fan_out(target, android);
  const auto label = android_label(message);
  if (!reached && !label.empty()) count_for_android(target.value, android);
  const std::string_view name = answer.body.at("name").as_string();
  const auto number =
      journal_.add({name, present, request, target.field, target.value, std::move(reached), label});
  const auto& kept = journal_.message(number).reached;
  if (kept) {
    for (const auto& one : kept->names) hand_over(one, message, android, present);
  } else {
    hand_over(target.value, message, android, present);
  }
  if (label.empty()) return;
  if (is_notification(message)) android.notifications = android.messages;
  deliveries_.add(label, android, present);
}

/// Brings the message that was just kept to one device, or to where it waits for it. `android`
/// has counted it as delivered.
void World::hand_over(std::string_view registration, const boost::json::object& message,
                      DeliveryLog::Counts& android, SystemTime present) {
  const auto device = devices_.find(registration);
  const auto platform = device ? device->platform : Platform::unknown;
  auto outcome = Outcome::delivered;
  if (auto* phone = phones_.find(registration)) {
    const auto handling = handling_on(platform, message, present);
    outcome = Phones::take(*phone, handling, journal_.next_delivery(), faults().device, present,
                           settle_at(present));
    if (outcome == Outcome::dropped_uninstalled && device) forget_after_last(*phone, *device);
    if (is_android(platform)) {
      android.count(Outcome::delivered, false);
      android.count(outcome, true);
    }
  }
  journal_.add(registration, platform, outcome, present);
}

/// FCM learns that the app is gone by trying to deliver.
void World::forget_after_last(Phone& phone, const Device& device) {
  if (phone.still_accepted > 0) --phone.still_accepted;
  if (phone.still_accepted == 0) devices_.set_health(device.index, Health::unregistered);
}

Settle World::settle_at(SystemTime present) {
  return [this, present](std::uint64_t id, Outcome outcome) {
    const auto* delivery = journal_.find(id);
    if (delivery == nullptr) return;
    const auto& label = journal_.message(delivery->message).label;
    if (!label.empty() && is_android(delivery->platform)) {
      deliveries_.move(label, delivery->accepted, delivery->outcome, outcome);
    }
    journal_.settle(id, outcome, present);
  };
}

std::optional<Reached> World::fan_out(const Target& target, DeliveryLog::Counts& android) {
  Reached reached;
  const auto visit = [&](const std::string& registration) {
    reach(registration, reached, android);
  };
  if (target.field == "topic") {
    subscriptions_.for_each_subscriber(target.value, visit);
  } else if (target.field == "condition") {
    subscriptions_.for_each([&](const std::string& one, const Subscriptions::Topics& topics) {
      const auto has = [&](std::string_view topic) { return topics.contains(topic); };
      if (holds(target.value, has)) visit(one);
    });
  } else if (const auto group = group_of(target)) {
    for (const auto& member : groups_.members_of(*group)) visit(member);
  } else {
    return std::nullopt;
  }
  std::sort(reached.names.begin(), reached.names.end());
  return reached;
}

void World::reach(const std::string& registration, Reached& reached, DeliveryLog::Counts& android) {
  const bool alive = count_for_android(registration, android);
  if (!alive) return;
  const auto device = devices_.find(registration);
  if (device->index != DeviceBook::uncounted) devices_.note_reached(device->index);
  ++books_.reached;
  ++reached.count;
  if (reached.names.size() < max_names) reached.names.push_back(registration);
}

// The flaky are there at the second attempt, which a fan-out makes itself.
bool World::count_for_android(std::string_view registration, DeliveryLog::Counts& android) {
  const auto device = devices_.find(registration);
  if (!device) return false;
  const Subject subject{registration, device->platform, {}};
  const bool alive = is_living(device->health) && !plan_.is_down(Fault::apns_broken, subject) &&
                     !plan_.is_down(Fault::outage_404, subject);
  if (!is_android(device->platform)) return alive;
  ++android.messages;
  android.delivered += alive ? 1U : 0U;
  android.delayed += alive && is_flaky(device->health) ? 1U : 0U;
  return alive;
}

std::optional<DeviceGroups::Id> World::group_of(const Target& target) const {
  return target.field == "token" ? groups_.find_key(target.value) : std::nullopt;
}

}  // namespace fanfare::emulator
