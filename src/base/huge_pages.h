// Memory for large tables that are read in no order. On usual pages of 4 KiB nearly each look also
// misses the processor's table of pages, which costs as much as the memory itself and more in a
// virtual machine, and makes prefetching void.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace fanfare {

/// An allocator for std::vector. What has few pages anyway is allocated as usual.
template <class T>
struct HugePageAllocator {
  using value_type = T;
  static constexpr std::size_t page_bytes = std::size_t{2} << 20;
  static constexpr std::size_t few_bytes = std::size_t{128} << 10;

  HugePageAllocator() = default;
  template <class U>
  explicit HugePageAllocator(const HugePageAllocator<U>& /*other*/) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes < few_bytes) return static_cast<T*>(::operator new(bytes));
    const std::size_t pages = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    void* memory = std::aligned_alloc(page_bytes, pages);
    if (memory == nullptr) throw std::bad_alloc();
    // A system that has none leaves the usual ones.
    static_cast<void>(::madvise(memory, pages, MADV_HUGEPAGE));
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    if (count * sizeof(T) < few_bytes) {
      ::operator delete(memory);
    } else {
      std::free(memory);  // NOLINT(cppcoreguidelines-no-malloc): aligned_alloc's.
    }
  }
  bool operator==(const HugePageAllocator&) const = default;
};

}  // namespace fanfare
