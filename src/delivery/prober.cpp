#include "delivery/prober.h"

#include <algorithm>

namespace fanfare::delivery {

Result<void> Prober::restore(std::int64_t campaign) {
  const auto spent = registry_.probe_count(campaign);
  if (!spent) return std::unexpected(spent.error());
  budget_ -= std::min(budget_, *spent);
  return {};
}

Result<Prober::Step> Prober::next_step(registry::DeviceId id, SystemTime now) {
  const auto latest = registry_.latest_probe(id);
  if (!latest) return std::unexpected(latest.error());
  if (*latest && now - (*latest)->at < pause) {
    return (*latest)->rule == "message.probe_passed" ? Step::blame_message : Step::leave;
  }
  if (budget_ == 0) return Step::leave;
  --budget_;
  return Step::probe;
}

void Prober::note_accepted(const Target& registration, const std::string& platform) {
  if (witness_ || asked_) return;
  witness_ = std::make_unique<client::Delivery>();
  witness_->id = witness_id;
  witness_->target = registration;
  witness_->platform = platform;
  witness_->probe = true;
}

client::DeliveryPtr Prober::take_witness() {
  if (!wanted_ || asked_ || passed_ || !witness_ || !allowed_) return nullptr;
  asked_ = true;
  return std::move(witness_);
}

}  // namespace fanfare::delivery
