// Latest: the few things that were made last, so that the same is not made again.
//
// For a pure function that is costly and asked the same over and over: a fleet's dead are refused
// in a few texts, word for word.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace fanfare {

/// Not thread-safe; a thread_local one serves any thread.
template <class Entry, std::size_t Size>
class Latest {
 public:
  /// The first that fulfils `is_it`; null without any. Entries that were never made are asked, too.
  template <class Predicate>
  [[nodiscard]] const Entry* find(Predicate is_it) const {
    const auto at = std::ranges::find_if(entries_, is_it);
    return at == entries_.end() ? nullptr : &*at;
  }

  /// In place of the one that was kept longest.
  const Entry& keep(Entry entry) {
    Entry& place = entries_[next_];
    next_ = (next_ + 1) % Size;
    return place = std::move(entry);
  }

 private:
  std::array<Entry, Size> entries_{};
  std::size_t next_ = 0;
};

}  // namespace fanfare
