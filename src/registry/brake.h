// The brake: the stop on mass removal. In a real outage FCM answered UNREGISTERED for half of all
// living devices; a sender that believes every such answer loses them.
//
// First form: the share of one rule among the answers of one campaign. Above it the campaign's
// devices become suspect only, those retired before included, and a person decides
// (`fanfare devices brake`).
#pragma once

#include <cstdint>
#include <string_view>

namespace fanfare::registry {

struct BrakeLimits {
  std::uint64_t floor = 100;    ///< Fewer than this many retirements never pull it.
  double share = 0.30;          ///< Of the answers that speak of devices.
  double foreign_share = 0.10;  ///< The same for device_foreign: many at once mean that the
                                ///< project is wrong, not the devices.
};

/// `retired`: devices that `rule` has retired; `answered`: accepted ones and all retired ones.
[[nodiscard]] bool brake_pulls(const BrakeLimits& limits, std::string_view rule,
                               std::uint64_t retired, std::uint64_t answered) noexcept;

}  // namespace fanfare::registry
