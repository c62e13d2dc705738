#include "registry/sample.h"

#include <algorithm>

namespace fanfare::registry {
namespace {

// The finalizer of splitmix64 (Steele, Lea and Flood 2014): neighbouring numbers come out unlike.
std::uint64_t mixed(std::uint64_t x) noexcept {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

}  // namespace

void SampleOfIds::offer(DeviceId id) {
  if (size_ == 0) return;
  const std::pair candidate{mixed(mixed(seed_) ^ static_cast<std::uint64_t>(id)), id};
  if (heap_.size() == size_) {
    if (candidate >= heap_.front()) return;
    std::ranges::pop_heap(heap_);
    heap_.pop_back();
  }
  heap_.push_back(candidate);
  std::ranges::push_heap(heap_);
}

std::vector<DeviceId> SampleOfIds::ids() const {
  std::vector<DeviceId> ids;
  ids.reserve(heap_.size());
  for (const auto& [number, id] : heap_) ids.push_back(id);
  std::ranges::sort(ids);
  return ids;
}

}  // namespace fanfare::registry
