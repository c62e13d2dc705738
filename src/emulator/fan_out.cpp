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
                 std::string request, SystemTime now) {
  DeliveryLog::Counts android;
  auto reached = fan_out(target, android);
  if (const auto label = android_label(message); !label.empty()) {
    if (!reached) count_for_android(target.value, android);
    if (is_notification(message)) android.notifications = android.messages;
    deliveries_.add(label, android, now);
  }
  ring_.add({std::string(answer.body.at("name").as_string()), now, std::move(request),
             std::move(reached)});
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
  const bool broken = faults_.fault == Fault::apns_broken && device->platform == Platform::ios;
  const bool alive = is_living(device->health) && !broken && !is_in_outage(registration);
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
