#include "base/random.h"

#include <random>

namespace fanfare {

Random Random::from_system() {
  std::random_device device;
  return Random((static_cast<std::uint64_t>(device()) << 32) | device());
}

std::uint64_t Random::next() noexcept {
  // Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014.
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
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
