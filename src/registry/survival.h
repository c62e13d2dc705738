// Survival: of the devices that were silent for so long, how many came back. It is what a limit in
// a policy (silence_policy.h) should rest on.
//
// A device that is seen again after a week or more is counted once, in the class of its silence.
// Those still silent are counted when somebody asks. Whoever came back after 100 days had been
// silent for 30 days, too, so the rows add up from the longest silence to the shortest.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time_text.h"

namespace fanfare::registry {

/// Class i: silent for at least this many days, and for less than those of class i + 1.
inline constexpr std::array<int, 7> survival_days = {7, 14, 30, 60, 90, 180, 270};
using SurvivalClasses = std::array<std::uint64_t, survival_days.size()>;

/// The class of a silence; nullopt: shorter than all.
[[nodiscard]] std::optional<std::size_t> survival_class(SystemTime::duration silence) noexcept;

struct SurvivalRow {
  int days = 0;                    ///< Devices that were silent for at least so long:
  std::uint64_t came_back = 0;     ///< … and were seen again
  std::uint64_t still_silent = 0;  ///< … and were not, so far.

  [[nodiscard]] std::uint64_t silent() const noexcept { return came_back + still_silent; }
  /// Tenths of a per cent that came back, rounded; nullopt: nobody was silent for so long.
  [[nodiscard]] std::optional<std::uint64_t> per_mille() const noexcept;
};

/// One row for each class, the shortest silence first.
[[nodiscard]] std::vector<SurvivalRow> survival_rows(const SurvivalClasses& came_back,
                                                     const SurvivalClasses& still_silent);

/// Survival of the devices of one platform.
struct PlatformSurvival {
  std::string platform;  ///< Empty: unknown.
  std::vector<SurvivalRow> rows;
};

}  // namespace fanfare::registry
