// Randomness as a value that is passed in, so that a test or a simulation can repeat it.
#pragma once

#include <chrono>
#include <cstdint>

namespace fanfare {

/// SplitMix64: small, fast, good enough for jitter and sampling; never for keys.
/// Not thread-safe: one per owner.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  /// Seeded by the operating system.
  [[nodiscard]] static Random from_system();

  [[nodiscard]] std::uint64_t next() noexcept {
    // Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014.
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, bound); 0 when bound is 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept;

  /// Uniform in [low, high]; low when high < low.
  [[nodiscard]] std::chrono::milliseconds between(std::chrono::milliseconds low,
                                                  std::chrono::milliseconds high) noexcept;

 private:
  std::uint64_t state_;
};

}  // namespace fanfare
