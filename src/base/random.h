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

  [[nodiscard]] std::uint64_t next() noexcept;

  /// Uniform in [0, bound); 0 when bound is 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept;

  /// Uniform in [low, high]; low when high < low.
  [[nodiscard]] std::chrono::milliseconds between(std::chrono::milliseconds low,
                                                  std::chrono::milliseconds high) noexcept;

 private:
  std::uint64_t state_;
};

}  // namespace fanfare
