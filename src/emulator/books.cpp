#include "emulator/books.h"

#include <algorithm>

namespace fanfare::emulator {

boost::json::object Tally::answers() const {
  boost::json::object all;
  for (const auto& [kind, count] : answers_) all[kind] = count;
  return all;
}

void Rate::add(SystemTime now) {
  move_to(std::chrono::floor<Slot>(now.time_since_epoch()).count());
  ++counts_[static_cast<std::size_t>(slot_) % slots];
  ++sum_;
  most_ = std::max(most_, sum_);
}

std::uint64_t Rate::last_minute(SystemTime now) const {
  auto moved = *this;
  moved.move_to(std::chrono::floor<Slot>(now.time_since_epoch()).count());
  return moved.sum_;
}

void Rate::move_to(std::int64_t slot) {
  if (slot <= slot_) return;
  const auto passed = std::min<std::int64_t>(slot - slot_, slots);
  for (std::int64_t i = 1; i <= passed; ++i) {
    auto& old = counts_[static_cast<std::size_t>(slot_ + i) % slots];
    sum_ -= old;
    old = 0;
  }
  slot_ = slot;
}

bool QuotaWindow::is_spent(SystemTime now, std::uint64_t limit) {
  constexpr auto length = std::chrono::seconds(60);
  if (!start_ || now - *start_ >= length || now < *start_ - length) {
    start_ = now;
    spent_ = 0;
  }
  return spent_ >= limit;
}

std::uint64_t QuotaUse::most() const noexcept {
  std::uint64_t most = 0;
  for (const auto& [project, rate] : rates_) most = std::max(most, rate.most());
  return most;
}

boost::json::object QuotaUse::most_by_project() const {
  boost::json::object all;
  for (const auto& [project, rate] : rates_) all[project] = rate.most();
  return all;
}

}  // namespace fanfare::emulator
