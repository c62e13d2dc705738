#include "emulator/fault_plan.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "emulator/noise.h"

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

/// Uniform in [0, 1).
double unit(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

/// A normal deviate (Box and Muller).
double normal(Random& random) {
  const auto radius = std::sqrt(-2 * std::log(1 - unit(random.next())));
  return radius * std::cos(2 * std::numbers::pi * unit(random.next()));
}

std::chrono::milliseconds draw(const Latency& latency, Random& random) {
  constexpr double longest_ms = 86'400'000;
  constexpr double quantile_99 = 2.3263;
  if (latency.jitter == 0ms) return latency.base;
  if (latency.spread == Spread::uniform) return latency.base + random.between(0ms, latency.jitter);
  const auto base = static_cast<double>(latency.base.count());
  const auto jitter = static_cast<double>(latency.jitter.count());
  double ms = base - jitter * std::log(1 - unit(random.next()));
  if (latency.spread == Spread::lognormal) {
    const auto median = std::max(base, 1.0);
    const auto sigma = std::log((median + jitter) / median) / quantile_99;
    ms = median * std::exp(sigma * normal(random));
  }
  return std::chrono::milliseconds(std::llround(std::min(ms, longest_ms)));
}

/// Whether the fault can befall a message to the subject at all.
bool concerns(Fault fault, const Subject& subject) {
  const bool to_device = !subject.registration.empty();
  if (fault == Fault::apns_broken) return subject.platform == Platform::ios;
  if (fault == Fault::outage_404 || fault == Fault::device_quota_429) return to_device;
  if (fault == Fault::topic_quota_429) return !to_device;
  return true;
}

}  // namespace

void FaultPlan::change(Faults faults) {
  if (faults.seed != faults_.seed) random_ = Random(faults.seed);
  faults_ = std::move(faults);
  states_.clear();
  started_.reset();
  requests_ = 0;
}

void FaultPlan::begin(SystemTime now) {
  struck_ = Fault::none;
  struck_rule_.reset();
  aimed_ = false;
  if (faults_.rules.empty()) return;
  if (!started_) started_ = now;
  states_.resize(faults_.rules.size());
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto& rule = faults_.rules[i];
    auto& state = states_[i];
    state.in_force = is_time_for(rule, now) && requests_ >= rule.after_requests &&
                     (!rule.times || state.struck < *rule.times) &&
                     (rule.of_devices || chance(rule.share));
    aimed_ = aimed_ || (state.in_force && rule.is_aimed());
  }
  ++requests_;
}

std::optional<Fault> FaultPlan::strike(Step step) {
  if (step_of(faults_.fault) == step) return note(faults_.fault, std::nullopt);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto& rule = faults_.rules[i];
    if (states_[i].in_force && !rule.is_aimed() && step_of(rule.fault) == step) {
      return note(rule.fault, i);
    }
  }
  return std::nullopt;
}

std::optional<Fault> FaultPlan::strike(Step step, const Subject& subject) {
  if (step_of(faults_.fault) == step && is_hit_always(subject)) {
    return note(faults_.fault, std::nullopt);
  }
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto& rule = faults_.rules[i];
    if (states_[i].in_force && step_of(rule.fault) == step && is_hit(rule, subject)) {
      return note(rule.fault, i);
    }
  }
  return std::nullopt;
}

bool FaultPlan::is_down(Fault fault, const Subject& subject) const {
  if (faults_.fault == fault && is_hit_always(subject)) return true;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto& rule = faults_.rules[i];
    if (states_[i].in_force && rule.fault == fault && is_hit(rule, subject)) return true;
  }
  return false;
}

std::optional<std::chrono::seconds> FaultPlan::retry_after() const noexcept {
  const auto* rule = struck_rule_ ? &faults_.rules[*struck_rule_] : nullptr;
  return rule != nullptr && rule->retry_after ? rule->retry_after : faults_.retry_after;
}

// By a hash, so that an outage hits the same devices on every machine.
bool FaultPlan::is_among(std::string_view registration, double share) const {
  return unit(Random(stable_hash(registration) ^ faults_.seed).next()) < share;
}

std::chrono::milliseconds FaultPlan::draw_latency(SystemTime now, bool at_token_endpoint) {
  const auto more = at_token_endpoint ? faults_.oauth_latency : 0ms;
  for (const auto& rule : faults_.rules) {
    if (rule.latency && is_time_for(rule, now)) return more + draw(*rule.latency, random_);
  }
  return more + draw(faults_.latency, random_);
}

bool FaultPlan::chance(double share) {
  return share >= 1 || (share > 0 && unit(random_.next()) < share);
}

bool FaultPlan::is_time_for(const Rule& rule, SystemTime now) const {
  const auto passed = now - started_.value_or(now);
  return passed >= rule.from && (!rule.lasts || passed < rule.from + *rule.lasts);
}

/// By the one fault that needs no rule.
bool FaultPlan::is_hit_always(const Subject& subject) const {
  if (!concerns(faults_.fault, subject)) return false;
  return faults_.fault != Fault::outage_404 || is_among(subject.registration, faults_.outage_share);
}

bool FaultPlan::is_hit(const Rule& rule, const Subject& subject) const {
  if (!concerns(rule.fault, subject)) return false;
  if (rule.platform && *rule.platform != subject.platform) return false;
  if (!rule.topic.empty() && rule.topic != subject.topic) return false;
  if (rule.of_devices) {
    return !subject.registration.empty() && is_among(subject.registration, rule.share);
  }
  return true;
}

std::optional<Fault> FaultPlan::note(Fault fault, std::optional<std::size_t> rule) {
  if (rule && struck_rule_ != rule) ++states_[*rule].struck;
  struck_ = fault;
  struck_rule_ = rule;
  return fault;
}

}  // namespace fanfare::emulator
