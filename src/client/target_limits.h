// TargetLimits: when the next message to one device or topic may go.
//
// FCM takes 240 messages a minute and 5,000 an hour for one Android device and refuses the rest
// with a 429 of that device ("throttling-and-quotas"); a topic has a limit too, whose number is not
// published. A 429's Retry-After is a floor for its own target only. docs/protocol.md, "Quotas and
// rates".
//
// A campaign sends one message to each of millions of devices, a chat many to a few. So there are
// two stages:
//
//   every message --> a counter that its device shares with others by chance
//                         | the counter has come to 30 in one or two minutes
//                         v
//                     a suspect: windows of its own, of 61 s and 61 min
//
// What is promised:
// - A suspect gets never more than its limits in any 60 s and any 3,600 s, ends included. What it
//   got before it was suspected is assumed to be the most it can have been, so in its first hour it
//   may get up to 900 less than the 5,000.
// - Whoever is not a suspect is never delayed, and stays under the limits anyway.
// - Memory: two bytes for each message of a minute, 8 MiB at most, and 5 MiB for 16,384 suspects;
//   from 128 KiB on the former are whole pages of 2 MiB. When there are as many suspects that have
//   got something in the last hour, others are not limited any more: FCM's own answer is. Limits
//   under 16 a minute or 300 an hour make a suspect of everybody.
// - A device with several registrations counts for each: nobody can tell that it is one. Tokens of
//   one length that agree in their first and their last 32 bytes count as one; none such are known.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "fanfare/target.h"

#include "base/huge_pages.h"
#include "client/steady_time.h"

namespace fanfare::client {

struct TargetLimitOptions {
  std::uint16_t device_per_minute = 240;  ///< For each registration, FCM's number; 0: no limit.
  std::uint16_t device_per_hour = 5'000;  ///< The same.
  std::uint16_t topic_per_minute = 0;     ///< For each topic and each condition; 0: no limit.
};

/// Counts in `Width * 60`, for which it looks back over 61 parts of `Width` seconds.
template <int Width>
class SlidingCount {
 public:
  void add(SteadyTime now, std::size_t count) noexcept;
  /// When there is room below `limit`, which is above 0; `now`, if at once.
  [[nodiscard]] SteadyTime room_at(SteadyTime now, std::size_t limit) noexcept;
  [[nodiscard]] bool empty(SteadyTime now) const noexcept;

 private:
  static constexpr std::int64_t parts = 61;
  [[nodiscard]] static std::int64_t number_of(SteadyTime now) noexcept;
  /// Number 0 began with the clock, and those before it are empty.
  [[nodiscard]] std::uint16_t& part(std::int64_t number) noexcept {
    return counts_[static_cast<std::size_t>((number + parts) % parts)];
  }
  void move_to(SteadyTime now) noexcept;

  std::array<std::uint16_t, parts> counts_{};
  std::int64_t latest_ = 0;  ///< Number of the part that holds the latest time.
  std::size_t sum_ = 0;
};

/// Limits for each of any number of keys, which are hashes.
class KeyLimits {
 public:
  KeyLimits(std::uint16_t per_minute, std::uint16_t per_hour);

  /// False: nothing is ever limited or counted.
  [[nodiscard]] bool any() const noexcept { return per_minute_ > 0 || per_hour_ > 0; }
  [[nodiscard]] SteadyTime earliest(std::uint64_t key, SteadyTime now);
  void note_sent(std::uint64_t key, SteadyTime now);
  void prefetch(std::uint64_t key) const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  // Shared by all keys that end alike. Together the last minute or more.
  struct Slot {
    std::uint8_t this_minute = 0;
    std::uint8_t minute_before = 0;
  };
  struct Windows {
    SlidingCount<1> minute;
    SlidingCount<60> hour;
  };

  void turn(SteadyTime now);
  [[nodiscard]] std::size_t count_in_slot(std::uint64_t key);

  std::uint16_t per_minute_;
  std::uint16_t per_hour_;
  std::size_t suspicious_;  ///< Messages of one slot.
  std::int64_t minute_ = 0;
  SteadyTime turns_at_ = SteadyTime::min();  // The end of it.
  // A power of two; grows with the messages of a minute.
  std::vector<Slot, HugePageAllocator<Slot>> slots_;
  std::size_t counted_ = 0;  // In this minute.
  std::unordered_map<std::uint64_t, Windows> suspects_;
};

/// What a target is known by here.
struct TargetKey {
  std::uint64_t hash = 0;
  bool registration = false;
};

/// Time is an argument, and does not go backwards. Not thread-safe.
class TargetLimits {
 public:
  explicit TargetLimits(const TargetLimitOptions& options);

  /// When the next message to it may go; `now`, if at once. Counts nothing.
  [[nodiscard]] SteadyTime earliest(const Target& target, SteadyTime now);

  /// An attempt starts, whether it is the first or not.
  void note_sent(const Target& target, SteadyTime now);

  /// Both in one, and cheaper: an attempt that may start now does, and is counted. The key is from
  /// `expect`, which also asks for the memory that this looks at: some messages ahead is best.
  [[nodiscard]] SteadyTime reserve(TargetKey target, SteadyTime now);
  [[nodiscard]] TargetKey expect(const Target& target) const noexcept;

  /// Nothing goes to it before `until`, which never makes a pause shorter. At most 65,536 targets
  /// at once; what is beyond is forgotten.
  void pause(const Target& target, SteadyTime now, SteadyTime until);

  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  [[nodiscard]] KeyLimits& limits_of(TargetKey target) noexcept;
  [[nodiscard]] SteadyTime paused_until(std::uint64_t key) const;

  KeyLimits devices_;
  KeyLimits topics_;
  std::unordered_map<std::uint64_t, SteadyTime> pauses_;
  SteadyTime swept_at_{};  // The pauses.
};

}  // namespace fanfare::client
