// The devices that have a life of their own: offline and back, uninstalled, replaced. What FCM
// keeps for a device that is away, for how long, and what it drops.
//
// Only devices that somebody registered or did something to are here; every other device is online
// for ever and gets its messages at once.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time_text.h"
#include "emulator/faults.h"
#include "emulator/health.h"
#include "emulator/journal.h"
#include "emulator/show.h"

namespace fanfare::emulator {

/// Counts in windows that start with their first, as Google's quotas do.
class Window {
 public:
  /// One more; false, and not counted, when the window is full.
  [[nodiscard]] bool count(SystemTime now, std::chrono::seconds length, std::uint64_t limit);

 private:
  SystemTime start_;
  std::uint64_t count_ = 0;
};

struct Phone {
  /// A message that FCM keeps for it.
  struct Waiting {
    std::uint64_t delivery = 0;
    SystemTime expires;
    SystemTime not_before;  ///< Its turn, when it is delayed.
    std::string collapse_key;
  };
  Platform platform = Platform::unknown;
  std::string app;
  bool online = true;
  SystemTime last_seen;  ///< When it went offline.
  bool installed = true;
  std::uint32_t still_accepted = 0;  ///< After the app has gone; then it is unregistered.
  std::uint64_t read_up_to = 0;      ///< Deliveries up to this one have been looked at.
  std::deque<Waiting> waiting;

  // For the limits of one device, when they are asked for.
  Window minute;
  Window hour;
  /// Collapsible messages that may still come at once; below zero, so many wait their turn.
  std::optional<double> collapsible_left;
  SystemTime collapsible_at;  ///< When that was so.
};

/// What became of a delivery that waited.
using Settle = std::function<void(std::uint64_t delivery, Outcome outcome)>;

class Phones {
 public:
  /// FCM's numbers (docs, "Throttling and quotas", "Non-collapsible and collapsible messages",
  /// "Lifetime of a message").
  static constexpr std::size_t max_waiting = 100;      ///< Without a collapse key.
  static constexpr std::size_t max_collapse_keys = 4;  ///< Of one device at a time.
  static constexpr std::chrono::days inactive_after{30};
  static constexpr std::chrono::days expired_after{270};  ///< Android only.

  static constexpr std::size_t max_count = 100'000;

  [[nodiscard]] Phone* find(std::string_view registration);
  /// Null when no more are remembered.
  [[nodiscard]] Phone* find_or_add(const std::string& registration, Platform platform);
  [[nodiscard]] bool empty() const noexcept { return phones_.empty(); }
  /// Whether the device may have one more message now, by its limits; counts it.
  [[nodiscard]] static bool admit(Phone& phone, const DeviceLimits& limits, SystemTime now);

  /// An accepted message comes for the device; what becomes of it now. `delivery` is the id it
  /// will have. Earlier messages that it displaces are settled.
  [[nodiscard]] static Outcome take(Phone& phone, const Handling& handling, std::uint64_t delivery,
                                    const DeviceLimits& limits, SystemTime now,
                                    const Settle& settle);

  /// The device is back: it gets what has waited and has not expired.
  static void connect(Phone& phone, SystemTime now, const Settle& settle);
  static void disconnect(Phone& phone, SystemTime now);

  /// Time has passed: what has waited too long expires, what was delayed has its turn.
  void settle_due(SystemTime now, const Settle& settle);

  /// Android only: so long away that FCM forgets the registration for ever.
  [[nodiscard]] static bool is_forgotten(const Phone& phone, SystemTime now) noexcept;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Map = std::unordered_map<std::string, Phone, Hash, std::equal_to<>>;

 public:
  [[nodiscard]] const Map& all() const noexcept { return phones_; }

 private:
  Map phones_;
};

}  // namespace fanfare::emulator
