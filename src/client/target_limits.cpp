#include "client/target_limits.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <string_view>

#include "base/prefetch.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t first_slots = std::size_t{1} << 12;
constexpr std::size_t most_slots = std::size_t{1} << 22;
constexpr std::size_t most_suspects = 16'384;
constexpr std::size_t most_pauses = 65'536;
constexpr std::chrono::seconds sweep_every = 1s;

// Low enough that what a device may have got unsuspected in an hour leaves it most of the hour's
// limit; high enough that neither chance nor a lively chat makes suspects of many. And a slot
// counts to 255.
std::size_t suspicious_count(std::size_t per_minute, std::size_t per_hour) {
  std::size_t count = std::numeric_limits<std::uint8_t>::max();
  if (per_minute > 0) count = std::min(count, per_minute / 8);
  if (per_hour > 0) count = std::min(count, per_hour / 150);
  return std::max<std::size_t>(1, count);
}

constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;  // Of the golden ratio: its bits look random.

__extension__ using Product = unsigned __int128;

// Both halves of a product: each bit of it depends on bits of both factors.
std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept {
  const Product product = Product{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t with_bytes(std::uint64_t key, const char* bytes) noexcept {
  std::array<std::uint64_t, 4> words{};
  std::memcpy(words.data(), bytes, sizeof words);
  return mixed(words[0] ^ key, words[1] ^ odd) ^ mixed(words[2] ^ ~key, words[3] ^ odd);
}

// A token is hashed by its first 32 bytes, which hold the id of the installation, and its last 32:
// every message pays for this, and all of the usual 163 bytes take three times as long.
std::uint64_t hash_of(const Target& target) noexcept {
  // The same text of two kinds is two keys.
  const std::uint64_t kind = odd * static_cast<std::uint64_t>(target.kind);
  const std::string_view text = target.value;
  if (!is_registration(target.kind) || text.size() < 64) {
    return std::hash<std::string_view>{}(text) + kind;
  }
  const std::uint64_t first = with_bytes(kind + text.size(), text.data());
  const std::uint64_t last = with_bytes(first, text.data() + text.size() - 32);
  return mixed(last, odd);
}

TargetKey key_of(const Target& target) noexcept {
  return {.hash = hash_of(target), .registration = is_registration(target.kind)};
}

template <class Map>
std::size_t bytes_of(const Map& map) {
  // Of a node: its value, the next, and what malloc adds.
  constexpr std::size_t node = sizeof(typename Map::value_type) + 2 * sizeof(void*);
  return map.size() * node + map.bucket_count() * sizeof(void*);
}

}  // namespace

// --- SlidingCount ---

template <int Width>
std::int64_t SlidingCount<Width>::number_of(SteadyTime now) noexcept {
  using Part = std::chrono::duration<std::int64_t, std::ratio<Width>>;
  return std::chrono::floor<Part>(now.time_since_epoch()).count();
}

// Any closed window of 60 parts' length that ends in the latest part lies within 61 of them.
template <int Width>
void SlidingCount<Width>::move_to(SteadyTime now) noexcept {
  const std::int64_t number = number_of(now);
  for (std::int64_t next = std::max(latest_ + 1, number - parts + 1); next <= number; ++next) {
    sum_ -= part(next);
    part(next) = 0;
  }
  latest_ = std::max(latest_, number);
}

template <int Width>
void SlidingCount<Width>::add(SteadyTime now, std::size_t count) noexcept {
  move_to(now);
  std::uint16_t& latest = part(latest_);
  const std::size_t room = std::numeric_limits<std::uint16_t>::max() - std::size_t{latest};
  const std::size_t added = std::min(count, room);
  latest = static_cast<std::uint16_t>(latest + added);
  sum_ += added;
}

template <int Width>
SteadyTime SlidingCount<Width>::room_at(SteadyTime now, std::size_t limit) noexcept {
  move_to(now);
  std::size_t left = sum_;
  if (left < limit) return now;
  std::int64_t leaves = latest_ - parts + 1;
  while ((left -= part(leaves)) >= limit) ++leaves;
  return SteadyTime(std::chrono::seconds(Width) * (leaves + parts));
}

template <int Width>
bool SlidingCount<Width>::empty(SteadyTime now) const noexcept {
  return sum_ == 0 || number_of(now) - latest_ >= parts;
}

// --- KeyLimits ---

KeyLimits::KeyLimits(std::uint16_t per_minute, std::uint16_t per_hour)
    : per_minute_(per_minute),
      per_hour_(per_hour),
      suspicious_(suspicious_count(per_minute, per_hour)) {}

SteadyTime KeyLimits::earliest(std::uint64_t key, SteadyTime now) {
  if (suspects_.empty()) return now;
  turn(now);
  const auto found = suspects_.find(key);
  if (found == suspects_.end()) return now;
  SteadyTime time = now;
  if (per_minute_ > 0) time = std::max(time, found->second.minute.room_at(now, per_minute_));
  if (per_hour_ > 0) time = std::max(time, found->second.hour.room_at(now, per_hour_));
  return time;
}

// A suspect is not counted in its slot any more, or it would drag all into suspicion with whom it
// shares it.
void KeyLimits::note_sent(std::uint64_t key, SteadyTime now) {
  if (!any()) return;
  turn(now);
  if (!suspects_.empty()) {
    if (const auto found = suspects_.find(key); found != suspects_.end()) {
      found->second.minute.add(now, 1);
      found->second.hour.add(now, 1);
      return;
    }
  }
  const std::size_t count = count_in_slot(key);
  if (count < suspicious_ || suspects_.size() >= most_suspects) return;
  Windows& windows = suspects_[key];
  windows.minute.add(now, count);
  // Until now there was less than the suspicious in any two minutes of the 61 that an hour touches.
  windows.hour.add(now, 31 * (suspicious_ - 1) + 1);
}

std::size_t KeyLimits::count_in_slot(std::uint64_t key) {
  if (slots_.empty()) slots_.resize(first_slots);
  if (++counted_ > slots_.size() && slots_.size() < most_slots) {
    // Two slots in place of one: each may have had all that was in it.
    const std::size_t half = slots_.size();
    slots_.resize(2 * half);
    std::copy_n(slots_.begin(), half, slots_.begin() + static_cast<std::ptrdiff_t>(half));
  }
  Slot& slot = slots_[key & (slots_.size() - 1)];
  if (slot.this_minute < std::numeric_limits<std::uint8_t>::max()) ++slot.this_minute;
  return std::size_t{slot.this_minute} + slot.minute_before;
}

void KeyLimits::prefetch(std::uint64_t key) const noexcept {
  if (!slots_.empty()) fanfare::prefetch(&slots_[key & (slots_.size() - 1)], sizeof(Slot));
}

void KeyLimits::turn(SteadyTime now) {
  if (now < turns_at_) return;
  const auto began = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch());
  turns_at_ = SteadyTime(began + 1min);
  const auto minute = began.count();
  if (minute <= minute_) return;
  const bool next = minute == minute_ + 1;
  minute_ = minute;
  counted_ = 0;
  for (Slot& slot : slots_) {
    slot.minute_before = next ? slot.this_minute : std::uint8_t{0};
    slot.this_minute = 0;
  }
  std::erase_if(suspects_, [now](const auto& suspect) { return suspect.second.hour.empty(now); });
}

std::size_t KeyLimits::memory_bytes() const noexcept {
  return slots_.capacity() * sizeof(Slot) + bytes_of(suspects_);
}

// --- TargetLimits ---

TargetLimits::TargetLimits(const TargetLimitOptions& options)
    : devices_(options.device_per_minute, options.device_per_hour),
      topics_(options.topic_per_minute, 0) {}

SteadyTime TargetLimits::earliest(const Target& target, SteadyTime now) {
  const TargetKey key = key_of(target);
  return std::max(limits_of(key).earliest(key.hash, now), paused_until(key.hash));
}

void TargetLimits::note_sent(const Target& target, SteadyTime now) {
  const TargetKey key = key_of(target);
  limits_of(key).note_sent(key.hash, now);
}

TargetKey TargetLimits::expect(const Target& target) const noexcept {
  const TargetKey key = key_of(target);
  (key.registration ? devices_ : topics_).prefetch(key.hash);
  return key;
}

SteadyTime TargetLimits::reserve(TargetKey target, SteadyTime now) {
  KeyLimits& limits = limits_of(target);
  if (!limits.any() && pauses_.empty()) return now;
  const SteadyTime time = std::max(limits.earliest(target.hash, now), paused_until(target.hash));
  if (time <= now) limits.note_sent(target.hash, now);
  return time;
}

SteadyTime TargetLimits::paused_until(std::uint64_t key) const {
  if (pauses_.empty()) return SteadyTime::min();
  const auto paused = pauses_.find(key);
  return paused == pauses_.end() ? SteadyTime::min() : paused->second;
}

void TargetLimits::pause(const Target& target, SteadyTime now, SteadyTime until) {
  if (until <= now) return;
  if (pauses_.size() >= most_pauses && now - swept_at_ >= sweep_every) {
    swept_at_ = now;
    std::erase_if(pauses_, [now](const auto& pause) { return pause.second <= now; });
  }
  const std::uint64_t key = hash_of(target);
  if (pauses_.size() >= most_pauses && !pauses_.contains(key)) return;
  SteadyTime& paused = pauses_[key];
  paused = std::max(paused, until);
}

std::size_t TargetLimits::memory_bytes() const noexcept {
  return devices_.memory_bytes() + topics_.memory_bytes() + bytes_of(pauses_);
}

KeyLimits& TargetLimits::limits_of(TargetKey target) noexcept {
  return target.registration ? devices_ : topics_;
}

}  // namespace fanfare::client
