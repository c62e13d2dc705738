// Ledger: what one final result changes, in the books and in the registry. Pure.
#pragma once

#include <cstdint>

#include "client/retry_loop.h"
#include "registry/registry.h"

namespace fanfare::delivery {

/// The column of the books into which a final result goes. Each goes into exactly one, so that
/// audience == accepted + retired + failed + unknown + (not final yet).
enum class Fate : std::uint8_t { accepted, retired, failed, unknown };
[[nodiscard]] Fate fate_of(VerdictKind kind) noexcept;

/// Enters one final result of a receiver in `state` into the counts and the batch. Where a brake
/// is on the registry makes a retirement a suspicion.
void enter(const client::Delivery& result, registry::State state,
           const registry::Campaign& campaign, registry::CampaignCounts& counts,
           registry::Progress& progress);

}  // namespace fanfare::delivery
