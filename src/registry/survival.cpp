#include "registry/survival.h"

#include <algorithm>

namespace fanfare::registry {

std::optional<std::size_t> survival_class(SystemTime::duration silence) noexcept {
  const auto* const longer = std::ranges::find_if(
      survival_days, [&](int days) { return silence < std::chrono::days(days); });
  if (longer == survival_days.begin()) return std::nullopt;
  return static_cast<std::size_t>(longer - survival_days.begin()) - 1;
}

std::optional<std::uint64_t> SurvivalRow::per_mille() const noexcept {
  if (silent() == 0) return std::nullopt;
  return (1'000 * came_back + silent() / 2) / silent();
}

std::vector<SurvivalRow> survival_rows(const SurvivalClasses& came_back,
                                       const SurvivalClasses& still_silent) {
  std::vector<SurvivalRow> rows(survival_days.size());
  SurvivalRow sum;
  for (std::size_t i = rows.size(); i-- > 0;) {
    sum.days = survival_days[i];
    sum.came_back += came_back[i];
    sum.still_silent += still_silent[i];
    rows[i] = sum;
  }
  return rows;
}

}  // namespace fanfare::registry
