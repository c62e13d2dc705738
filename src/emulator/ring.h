// Ring: a queue whose places are used again, so that what they own (the memory of a text) is
// neither asked for nor given back once it is full.
#pragma once

#include <cstddef>
#include <vector>

namespace fanfare::emulator {

template <class T>
class Ring {
 public:
  /// Holds at most so many, at least one.
  explicit Ring(std::size_t capacity) : capacity_(capacity == 0 ? 1 : capacity) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool full() const noexcept { return size_ == capacity_; }

  /// The oldest is 0.
  [[nodiscard]] T& operator[](std::size_t index) noexcept { return places_[place_of(index)]; }
  [[nodiscard]] const T& operator[](std::size_t index) const noexcept {
    return places_[place_of(index)];
  }
  [[nodiscard]] const T& front() const noexcept { return (*this)[0]; }
  [[nodiscard]] const T& back() const noexcept { return (*this)[size_ - 1]; }

  /// One more at the end; what it held before is still in it. Not when it is full.
  T& push_back() {
    ++size_;
    const auto place = place_of(size_ - 1);
    if (place == places_.size()) places_.emplace_back();
    return places_[place];
  }
  void pop_front() noexcept {
    first_ = (first_ + 1) % capacity_;
    --size_;
  }
  /// Gives the memory back, too.
  void clear() noexcept {
    places_.clear();
    first_ = 0;
    size_ = 0;
  }

 private:
  [[nodiscard]] std::size_t place_of(std::size_t index) const noexcept {
    return (first_ + index) % capacity_;
  }

  std::size_t capacity_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::vector<T> places_;
};

}  // namespace fanfare::emulator
