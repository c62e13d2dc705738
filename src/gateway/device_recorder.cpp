#include "gateway/device_recorder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "delivery/ledger.h"

namespace fanfare::gateway {

using delivery::Fate;
using registry::Receiver;

DeviceRecorder::DeviceRecorder(registry::Registry registry, std::string project,
                               const registry::BrakeLimits& limits, Hooks hooks)
    : registry_(std::move(registry)), limits_(limits), hooks_(std::move(hooks)) {
  none_.project = std::move(project);
}

// Asked for each message, and for most gateways that only relay it is always the same.
Result<bool> DeviceRecorder::nobody_is_registered(SystemTime now) {
  if (looked_empty_ && now < *looked_empty_ + look_again) return true;
  const auto any = registry_.any_device();
  if (!any) return std::unexpected(any.error());
  looked_empty_ = *any ? std::nullopt : std::optional(now);
  return !*any;
}

Result<std::optional<Receiver>> DeviceRecorder::find(const Target& target, SystemTime now) {
  if (!is_registration(target.kind)) return std::nullopt;
  const auto nobody = nobody_is_registered(now);
  if (!nobody) return std::unexpected(nobody.error());
  if (*nobody) return std::nullopt;
  auto device = registry_.find(target);
  if (!device) return std::unexpected(device.error());
  if (!*device) return std::nullopt;
  const registry::Device& found = **device;
  if (!found.project.empty() && found.project != none_.project) return std::nullopt;
  return Receiver{.id = found.id,
                  .registration = target,
                  .platform = found.platform,
                  .state = found.state,
                  .suspected_by = found.state == registry::State::suspect ? found.rule : ""};
}

void DeviceRecorder::note(const Receiver& device, const client::Delivery& result, bool frozen) {
  const Verdict& verdict = result.verdict;
  const Fate fate = delivery::fate_of(verdict.kind);
  if (fate == Fate::retired && frozen) return;
  // The books are kept by the queue; here only devices count. Its id is the device's here.
  client::Delivery of_device;
  of_device.id = static_cast<client::DeliveryId>(device.id);
  of_device.attempts = result.attempts;
  of_device.set_attempt(result.attempt());
  delivery::enter(of_device, device.state, none_, counts_, progress_);
  dirty_ = true;
  if (watch_ && (fate == Fate::accepted || fate == Fate::retired)) {
    watch_->note({.device = device.id,
                  .platform = device.platform,
                  .before = device.state,
                  .suspected_by = device.suspected_by,
                  .rule = fate == Fate::retired ? std::string_view(verdict.rule) : ""});
  }
  if (fate == Fate::retired) deaths_.note(device, verdict);
}

bool DeviceRecorder::may_probe(const Receiver& device, SystemTime now) {
  const auto latest = registry_.latest_probe(device.id);
  if (!latest || (*latest && now < (*latest)->at + delivery::Prober::pause)) return false;
  progress_.probes.push_back({device.id, now, {}});
  dirty_ = true;
  return true;
}

Result<void> DeviceRecorder::record(SystemTime now) {
  if (!watch_) {
    if (auto renewed = renew_watch(now); !renewed) return renewed;
  }
  if (dirty_) {
    if (auto recorded = record_noted(now); !recorded) return recorded;
  }
  return now < watch_since_ + stretch ? Result<void>() : renew_watch(now);
}

// May fail anywhere and is then called again: what the watch has given once it does not give a
// second time, so that is kept until it is stored.
Result<void> DeviceRecorder::record_noted(SystemTime now) {
  if (auto pulled = pull_those_due(now); !pulled) return pulled;
  if (auto heeded = heed_persons(); !heeded) return heeded;
  progress_.at = now;
  std::ranges::move(watch_->take_counts(now), std::back_inserter(progress_.answers));
  if (auto pulled = pull_brakes(now); !pulled) return pulled;
  if (auto recorded = registry_.record(none_, progress_); !recorded) return recorded;
  progress_ = {};
  counts_ = {};
  dirty_ = false;
  deaths_.tell(registry_, hooks_.on_change);
  return settle_brakes(now);
}

// 'brake release' and 'confirm' may come at any time.
Result<void> DeviceRecorder::heed_persons() {
  if (!watch_->has_brakes()) return {};
  const auto on = registry_.brakes_holding(none_.project);
  if (!on) return std::unexpected(on.error());
  watch_->keep(*on);
  std::erase_if(brakes_,
                [&](const auto& each) { return !on->contains({each.platform, each.rule}); });
  return {};
}

// The answers of one run after another, each as long as a stretch.
Result<void> DeviceRecorder::renew_watch(SystemTime now) {
  if (watch_) {
    if (auto pulled = pull_brakes(now); !pulled) return pulled;
    if (auto settled = settle_brakes(now); !settled) return settled;
    if (auto closed = registry_.close_settled_brakes(now); !closed) return closed;
  }
  auto history = registry_.brake_history(none_.project, now);
  if (!history) return std::unexpected(history.error());
  watch_.emplace(limits_, *history, 0, now);
  watch_since_ = now;
  last_event_before_ = history->last_event;
  brakes_.clear();
  for (auto& open : history->open) brakes_.push_back(std::move(open.brake));
  return {};
}

Result<void> DeviceRecorder::pull_brakes(SystemTime now) {
  std::ranges::move(watch_->take_pulls(now, false), std::back_inserter(pulls_));
  return pull_those_due(now);
}

Result<void> DeviceRecorder::pull_those_due(SystemTime now) {
  while (!pulls_.empty()) {
    if (auto pulled = registry_.pull_brake(none_, pulls_.front(), now); !pulled) return pulled;
    registry::BrakePull pull = std::move(pulls_.front());
    pulls_.pop_front();
    brakes_.push_back({.id = 0,
                       .project = none_.project,
                       .platform = pull.platform,
                       .rule = pull.rule,
                       .campaign = 0,
                       .since = now});
    hooks_.on_brake({none_.project, std::move(pull)});
  }
  return {};
}

Result<void> DeviceRecorder::settle_brakes(SystemTime now) {
  std::ranges::move(watch_->take_over(now, false), std::back_inserter(over_));
  while (!over_.empty()) {
    const std::int64_t brake = over_.front();
    const auto settled = registry_.settle_brake(brake, none_, last_event_before_, now);
    if (!settled) return std::unexpected(settled.error());
    over_.pop_front();
    std::erase_if(brakes_, [&](const auto& each) { return each.id == brake; });
  }
  return {};
}

}  // namespace fanfare::gateway
