#include "delivery/ledger.h"

#include "fanfare/verdict.h"

#include "delivery/evidence.h"

namespace fanfare::delivery {

Fate fate_of(VerdictKind kind) noexcept {
  switch (kind) {
    case VerdictKind::accepted:
      return Fate::accepted;
    case VerdictKind::device_gone:
    case VerdictKind::device_malformed:
    case VerdictKind::device_foreign:
      return Fate::retired;
    case VerdictKind::unknown_outcome:
      return Fate::unknown;
    case VerdictKind::device_suspect:
    case VerdictKind::message_invalid:
    case VerdictKind::platform_blocked:
    case VerdictKind::credential_stale:
    case VerdictKind::project_blocked:
    case VerdictKind::throttled_project:
    case VerdictKind::throttled_target:
    case VerdictKind::service_unavailable:
    case VerdictKind::unsent:
      return Fate::failed;
  }
  return Fate::failed;
}

void enter(const client::Delivery& result, registry::State state,
           const registry::Campaign& campaign, registry::CampaignCounts& counts,
           registry::Progress& progress) {
  const Verdict& verdict = result.verdict;
  const auto id = static_cast<registry::DeviceId>(result.id);
  const auto change_to = [&](registry::State to) {
    progress.changes.push_back({id, to, std::string(verdict.rule),
                                make_evidence(result.answer, result.attempts, campaign.id)});
  };

  const auto fail = [&] {
    if (campaign.steered) progress.failed.push_back({id, std::string(verdict.rule)});
  };

  if (const auto at = counts.by_rule.find(verdict.rule); at != counts.by_rule.end()) {
    ++at->second;
  } else {
    counts.by_rule.emplace(verdict.rule, 1);
  }
  switch (fate_of(verdict.kind)) {
    case Fate::accepted:
      ++counts.accepted;
      progress.accepted.push_back(id);
      return;
    case Fate::retired:
      ++counts.retired;
      change_to(registry::State::retired);
      return;
    case Fate::unknown:
      ++counts.unknown;
      fail();
      return;
    case Fate::failed:
      ++counts.failed;
      fail();
      // A 400 that names nobody is kept with the device, for whoever settles it later.
      if (verdict.kind == VerdictKind::device_suspect) change_to(state);
      return;
  }
}

}  // namespace fanfare::delivery
