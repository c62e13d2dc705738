#include "base/random.h"

#include <random>

namespace fanfare {

Random Random::from_system() {
  std::random_device device;
  return Random((static_cast<std::uint64_t>(device()) << 32) | device());
}

std::uint64_t Random::below(std::uint64_t bound) noexcept {
  if (bound == 0) return 0;
  // Values under `threshold` would favour small results.
  const std::uint64_t threshold = (0 - bound) % bound;
  std::uint64_t value = next();
  while (value < threshold) value = next();
  return value % bound;
}

std::chrono::milliseconds Random::between(std::chrono::milliseconds low,
                                          std::chrono::milliseconds high) noexcept {
  if (high < low) return low;
  const auto span = static_cast<std::uint64_t>((high - low).count());
  return low + std::chrono::milliseconds(static_cast<std::int64_t>(below(span + 1)));
}

}  // namespace fanfare
