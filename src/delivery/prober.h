// Prober: which suspects a campaign asks FCM about, and what it has learnt from it.
//
//   suspect --probed today and passed--> the message is at fault
//      |
//      +--budget left, not probed today--> probe --named, or passed--> settled
//      |                                     |
//      +--otherwise: kept as suspect         +--refused in silence--> unproven
//                                                                        |
//                          retired <--a witness passes------------------+
//                          kept as suspect <--none does-----------------+
//
// The witness is a device that has just accepted the campaign's message: when FCM refuses even its
// empty message, a refusal says nothing about any device.
#pragma once

#include <cstdint>
#include <optional>

#include "client/retry_loop.h"
#include "registry/registry.h"

namespace fanfare::delivery {

class Prober {
 public:
  /// The id under which the witness is probed; no device has it.
  static constexpr client::DeliveryId witness_id = UINT64_MAX;
  /// No device is probed again sooner.
  static constexpr std::chrono::hours pause{24};

  /// `budget`: most probes of one campaign, not counting the one of a witness; 0: none at all.
  Prober(registry::Registry& registry, std::uint64_t budget)
      : registry_(registry), allowed_(budget > 0), budget_(budget) {}

  /// Counts what an earlier run of this campaign has spent.
  [[nodiscard]] Result<void> restore(std::int64_t campaign);

  enum class Step : std::uint8_t { probe, blame_message, leave };
  /// What to do about a refusal that names nobody. A probe is paid for here.
  [[nodiscard]] Result<Step> next_step(registry::DeviceId id, SystemTime now);

  /// An empty message passed for a device of this campaign, the witness included.
  void note_pass() noexcept { passed_ = true; }
  [[nodiscard]] bool passes_elsewhere() const noexcept { return passed_; }

  /// FCM took the message for this device, so it may be the witness.
  void note_accepted(const Target& registration, const std::string& platform);
  /// There is a device that only a witness can convict.
  void want_witness() noexcept { wanted_ = true; }
  /// The witness, once, when one is wanted and there is one; else null.
  [[nodiscard]] client::DeliveryPtr take_witness();

 private:
  registry::Registry& registry_;
  bool allowed_;
  std::uint64_t budget_;
  bool passed_ = false;
  bool wanted_ = false;
  bool asked_ = false;
  client::DeliveryPtr witness_;
};

}  // namespace fanfare::delivery
