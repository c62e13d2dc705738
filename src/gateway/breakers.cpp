#include "gateway/breakers.h"

#include <algorithm>
#include <utility>

namespace fanfare::gateway {
namespace {

constexpr std::string_view service = "service";
constexpr std::string_view platform_prefix = "platform:";

bool is_of_a_platform(std::string_view scope) {
  return scope.starts_with(platform_prefix);
}

std::string scope_of(const client::Hold& hold) {
  if (hold.scope == client::Hold::Scope::platform) {
    return std::string(platform_prefix) + hold.platform;
  }
  return hold.attempt.verdict.rule.starts_with("oauth.") ? "oauth" : "project";
}

// What says nothing of whether FCM serves: it did not answer, or said that it can't.
bool is_of_the_service(VerdictKind kind) {
  return kind == VerdictKind::service_unavailable || kind == VerdictKind::unsent ||
         kind == VerdictKind::unknown_outcome;
}

bool blocks_the_project(VerdictKind kind) {
  return kind == VerdictKind::project_blocked || kind == VerdictKind::credential_stale;
}

}  // namespace

void Breakers::on_hold(const client::Hold& hold, SteadyTime now) {
  trip(scope_of(hold), hold.attempt, now);
}

void Breakers::on_attempt(const Verdict& verdict, const std::string& platform, SteadyTime now) {
  if (is_of_the_service(verdict.kind)) {
    const auto at = open_.find(service);
    const bool probed = at != open_.end() && at->second.probing;
    if (probed || ++service_failures_ >= options_.service_failures) {
      service_failures_ = 0;
      trip(std::string(service), {.answer = {}, .verdict = verdict}, now);
    }
    no_probe();  // Whatever else was asked about has got no answer.
    return;
  }
  service_failures_ = 0;
  close(service);
  if (blocks_the_project(verdict.kind)) return;  // on_hold says so.
  close("oauth");
  close("project");
  if (verdict.kind == VerdictKind::platform_blocked) return;
  if (verdict.kind == VerdictKind::accepted) close(std::string(platform_prefix) + platform);
}

void Breakers::trip(const std::string& scope, const client::Attempt& attempt, SteadyTime now) {
  const auto [at, opened] = open_.try_emplace(scope);
  BreakerState& state = at->second;
  if (opened) {
    state = {.scope = scope,
             .since = now,
             .rule = std::string(attempt.verdict.rule),
             .status = attempt.answer.status,
             .remedy = std::string(remedy_for(attempt.verdict.rule))};
  } else if (state.probing) {
    ++state.probes;
  }
  if (opened || state.probing) state.next_probe = now + wait_of(state);
  state.probing = false;
  if (opened) changes_.push_back({true, state});
}

void Breakers::close(std::string_view scope) {
  const auto at = open_.find(scope);
  if (at == open_.end()) return;
  changes_.push_back({false, std::move(at->second)});
  open_.erase(at);
}

std::chrono::milliseconds Breakers::wait_of(const BreakerState& state) const {
  const bool of_service = state.scope == service;
  const auto first = of_service ? options_.first_service_wait : options_.first_wait;
  const auto longest = of_service ? options_.longest_service_wait : options_.longest_wait;
  return std::min(longest, first * (1 << std::min(state.probes, 16U)));
}

Breakers::Admission Breakers::ask(BreakerState& state, SteadyTime now) {
  if (state.probing || now < state.next_probe) return Admission::none;
  state.probing = true;
  return Admission::one;
}

Breakers::Admission Breakers::admit(SteadyTime now) {
  Admission said = Admission::all;
  for (auto& [scope, state] : open_) {
    if (is_of_a_platform(scope)) continue;
    if (state.probing || now < state.next_probe) return Admission::none;
    said = Admission::one;
  }
  if (said == Admission::all) return said;
  for (auto& [scope, state] : open_) {
    if (!is_of_a_platform(scope)) state.probing = true;
  }
  return said;
}

Breakers::Admission Breakers::admit_platform(const std::string& platform, SteadyTime now) {
  const auto at = open_.find(std::string(platform_prefix) + platform);
  return at == open_.end() ? Admission::all : ask(at->second, now);
}

void Breakers::no_probe() {
  for (auto& [scope, state] : open_) state.probing = false;
}

SteadyTime Breakers::platform_wait(const std::string& platform, SteadyTime now) const {
  const auto at = open_.find(std::string(platform_prefix) + platform);
  if (at == open_.end()) return now;
  return std::max(at->second.next_probe, now + std::chrono::seconds(1));
}

void Breakers::ask_now(SteadyTime now) {
  for (auto& [scope, state] : open_) {
    if (!state.probing) state.next_probe = now;
  }
}

bool Breakers::blocks() const noexcept {
  return std::ranges::any_of(open_, [](const auto& each) { return !is_of_a_platform(each.first); });
}

std::optional<SteadyTime> Breakers::next_probe() const {
  std::optional<SteadyTime> last;  // All must let one pass.
  for (const auto& [scope, state] : open_) {
    if (is_of_a_platform(scope) || state.probing) continue;
    last = std::max(last.value_or(state.next_probe), state.next_probe);
  }
  return last;
}

bool Breakers::freezes_retirements() const noexcept {
  return std::ranges::any_of(open_, [](const auto& each) {
    return !is_of_a_platform(each.first) && each.first != service;
  });
}

std::vector<BreakerState> Breakers::open() const {
  std::vector<BreakerState> all;
  for (const auto& [scope, state] : open_) all.push_back(state);
  return all;
}

std::vector<BreakerChange> Breakers::take_changes() {
  return std::exchange(changes_, {});
}

}  // namespace fanfare::gateway
