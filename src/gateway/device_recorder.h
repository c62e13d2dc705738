// DeviceRecorder: what the answers to single messages say about devices, recorded in the registry:
// when FCM last accepted one, who is dead, and whether so many deaths are to be believed (the
// brake, registry/brake.h). A campaign does the same for itself; here the answers never come to an
// end, so they are judged in stretches of ten minutes.
//
// Lives on its deliverer's thread, with a Registry of its own.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/delivery.h"
#include "delivery/campaign_run.h"
#include "delivery/deaths.h"
#include "registry/registry.h"

namespace fanfare::gateway {

class DeviceRecorder {
 public:
  struct Hooks {
    std::function<void(const delivery::BrakeAlarm&)> on_brake;
    delivery::OnChange on_change;
  };

  DeviceRecorder(registry::Registry registry, std::string project,
                 const registry::BrakeLimits& limits, Hooks hooks);

  /// The device behind a registration; nullopt when nobody has registered it, or not for this
  /// project.
  [[nodiscard]] Result<std::optional<registry::Receiver>> find(const Target& target,
                                                               SystemTime now);

  /// One message's final answer for a device. `frozen`: a verdict of death is not believed now, as
  /// the project itself is in question.
  void note(const registry::Receiver& device, const client::Delivery& result, bool frozen);

  /// Whether this device may be asked about with an empty message; then that is noted.
  [[nodiscard]] bool may_probe(const registry::Receiver& device, SystemTime now);

  /// Records what was noted, in one transaction; the brake is looked at first.
  [[nodiscard]] Result<void> record(SystemTime now);
  [[nodiscard]] bool dirty() const noexcept { return dirty_; }
  /// Of the project that are on now.
  [[nodiscard]] const std::vector<registry::BrakeState>& brakes() const noexcept { return brakes_; }

 private:
  static constexpr std::chrono::minutes stretch{10};
  static constexpr std::chrono::seconds look_again{5};

  [[nodiscard]] Result<void> record_noted(SystemTime now);
  [[nodiscard]] Result<void> renew_watch(SystemTime now);
  [[nodiscard]] Result<void> pull_brakes(SystemTime now);
  [[nodiscard]] Result<void> pull_those_due(SystemTime now);
  [[nodiscard]] Result<void> settle_brakes(SystemTime now);
  [[nodiscard]] Result<void> heed_persons();
  [[nodiscard]] Result<bool> nobody_is_registered(SystemTime now);

  registry::Registry registry_;
  registry::Campaign none_;  // Of no campaign, but of this project.
  registry::BrakeLimits limits_;
  Hooks hooks_;
  registry::Progress progress_;
  registry::CampaignCounts counts_;
  delivery::Deaths deaths_;
  std::optional<registry::BrakeWatch> watch_;
  std::deque<registry::BrakePull> pulls_;  // The watch takes them for pulled; not stored yet.
  std::deque<std::int64_t> over_;          // The watch has let go of them; not stored yet.
  SystemTime watch_since_{};
  std::int64_t last_event_before_ = 0;
  std::vector<registry::BrakeState> brakes_;
  std::optional<SystemTime> looked_empty_;
  bool dirty_ = false;
};

}  // namespace fanfare::gateway
