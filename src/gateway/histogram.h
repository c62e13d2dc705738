// Histogram: durations counted in fixed classes, as Prometheus wants them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace fanfare::gateway {

struct Histogram {
  /// Upper bounds in seconds; one more class holds the rest.
  static constexpr std::array<double, 14> bounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                    0.1,    0.25,  0.5,    1,     2.5,  10,    60};
  std::array<std::uint64_t, bounds.size() + 1> counts{};
  double sum = 0;

  void add(std::chrono::duration<double> value) noexcept {
    std::size_t at = 0;
    while (at < bounds.size() && value.count() > bounds[at]) ++at;
    ++counts[at];
    sum += value.count();
  }
};

}  // namespace fanfare::gateway
