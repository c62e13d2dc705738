// A random sample of devices: everyone gets a number from the seed and their id, and the smallest
// numbers win. So one pass and a heap of the sample's size are enough, the same seed gives the same
// devices, and a device that is added later moves at most one of them out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "registry/device.h"

namespace fanfare::registry {

class SampleOfIds {
 public:
  SampleOfIds(std::size_t size, std::uint64_t seed) : size_(size), seed_(seed) {}

  void offer(DeviceId id);
  /// In rising order; all that were offered, when they are fewer than the size.
  [[nodiscard]] std::vector<DeviceId> ids() const;

 private:
  std::size_t size_;
  std::uint64_t seed_;
  std::vector<std::pair<std::uint64_t, DeviceId>> heap_;  // The largest number first.
};

}  // namespace fanfare::registry
