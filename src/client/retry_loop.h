// RetryLoop: the one place that decides whether and when a message is sent again. A machine
// without threads, sockets or a clock of its own: events and the time go in, sends and events
// come out. The public Client and the campaigns of delivery/ both drive it.
//
// The life of a delivery, here and everywhere:
//
//   submit -> ready -> sending -> final      accepted, device_…, message_invalid, given up
//               ^         |
//               |         +-> waiting        retry at a time: backoff, Retry-After, quota
//               |         |      |
//               +---------|------+
//                         +-> held           platform or project blocked: kept, not sent
//
// Rules: FCM's Retry-After is a floor in its scope; without it the first wait after 500, 502,
// 503, 504 or an unknown outcome is 10 s and more with jitter, after 429 60 s (FCM: "scale-fcm",
// "ErrorCode"). `unsent` goes again at once. Nothing is sent after its deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "client/sender.h"

namespace fanfare::client {

using SteadyTime = std::chrono::steady_clock::time_point;
/// Chosen by the owner, unique among what is not final; handed back in sends and events.
using DeliveryId = std::uint64_t;

/// What to do when neither success nor failure is known (FCM does not deduplicate).
enum class OnUnknown : std::uint8_t {
  retry,  ///< At least once: it may be shown twice.
  drop,   ///< At most once: it may be lost.
};

struct RetryOptions {
  int max_attempts = 5;  ///< Attempts that FCM answered, or may have; `unsent` does not count.
  /// From submit; the delivery is given up when its next attempt would start later.
  std::chrono::milliseconds give_up_after{std::chrono::hours(1)};
  std::chrono::milliseconds backoff{10'000};       ///< Floor of the first wait.
  std::chrono::milliseconds backoff_max{600'000};  ///< Cap of a wait that FCM did not ask for.
  std::chrono::milliseconds quota_wait{60'000};    ///< After a 429 that names no time.
  OnUnknown on_unknown = OnUnknown::retry;
  /// Attempts under way at once: starts at the first, grows by one for each accepted message up
  /// to the second, so that a blocked project is noticed within the first few hundred.
  std::size_t first_window = 100;
  std::size_t max_window = 1'000;
  /// Attempts refused for a platform credential before devices of unknown platform are held too.
  std::size_t unknown_platform_refusals = 50;
};

/// One message to one target, as far as the loop must know it.
struct Delivery {
  DeliveryId id = 0;
  Target target;
  std::string platform;  ///< "android", "ios", "web", or empty: unknown. Scope of a platform hold.
  int attempts = 0;      ///< Made earlier (a resumed retry).
  std::optional<SteadyTime> not_before;  ///< A resumed retry's due time.
};

/// How a delivery ended. `attempt` is the last one; its verdict stands even where we gave up.
struct Final {
  DeliveryId id = 0;
  Target target;
  int attempts = 0;
  Attempt attempt;
};

/// A delivery waits for its next attempt.
struct Waiting {
  DeliveryId id = 0;
  Target target;
  std::string platform;
  int attempts = 0;
  SteadyTime due{};
  Attempt attempt;
};

/// A scope is blocked; its deliveries are kept and not sent.
struct Hold {
  enum class Scope : std::uint8_t { project, platform };
  Scope scope = Scope::project;
  std::string platform;  ///< Of a platform hold; empty: those of unknown platform.
  Attempt attempt;       ///< The answer that caused it.
};

/// A delivery that is kept because its scope is held. It has no further events.
struct Held {
  DeliveryId id = 0;
  Target target;
  int attempts = 0;
  std::optional<Attempt> attempt;  ///< Its own latest answer; absent when it was never sent.
};

struct LoopEvents {
  std::vector<Final> finals;
  std::vector<Waiting> waiting;
  std::vector<Held> held;
  std::vector<Hold> holds;
};

class RetryLoop {
 public:
  RetryLoop(const RetryOptions& options, Random random);

  void submit(Delivery delivery, SteadyTime now);

  /// An attempt handed out by take_sends came back.
  void on_attempt(DeliveryId id, Attempt attempt, SteadyTime now);

  /// Moves the deliveries to be sent now to the end of `out`: due, not held, within the window.
  void take_sends(SteadyTime now, std::vector<Delivery>& out);

  /// Moves what happened since the last call to the end of the lists in `out`.
  void take_events(LoopEvents& out);

  /// Takes no more sends; everything not on the wire becomes Held. Attempts under way end as
  /// usual, except that what would wait is held.
  void stop();

  /// When take_sends may have more to give without a further event; nullopt: never.
  [[nodiscard]] std::optional<SteadyTime> next_due() const;

  [[nodiscard]] std::size_t sending() const noexcept;  ///< Attempts under way.
  [[nodiscard]] std::size_t ready() const noexcept;    ///< Could go now, window aside.
  [[nodiscard]] std::size_t waiting() const noexcept;  ///< For their due time.
  [[nodiscard]] std::size_t window() const noexcept;
  [[nodiscard]] bool project_held() const noexcept;
  [[nodiscard]] std::uint64_t retries() const noexcept;  ///< Attempts beyond each first.

 private:
  struct Entry {
    Delivery delivery;
    SteadyTime submitted{};
    std::optional<Attempt> latest;
  };
  struct Due {
    SteadyTime at{};
    DeliveryId id = 0;
    bool operator>(const Due& other) const noexcept { return at > other.at; }
  };

  void finish(Entry& entry, Attempt attempt);
  void wait(Entry& entry, Attempt attempt, SteadyTime due);
  void hold(Entry& entry, std::optional<Attempt> attempt);
  void hold_platform(const Entry& entry, const Attempt& attempt);
  void hold_all_not_sending();
  [[nodiscard]] bool is_held(const Delivery& delivery) const;
  [[nodiscard]] std::chrono::milliseconds delay_for(const Verdict& verdict, int attempts);
  void retry_or_give_up(Entry& entry, Attempt attempt, SteadyTime now);

  RetryOptions options_;
  Random random_;
  std::unordered_map<DeliveryId, Entry> entries_;
  std::deque<DeliveryId> ready_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::map<std::string, Attempt, std::less<>> held_platforms_;
  std::size_t refused_unknown_platform_ = 0;
  std::optional<SteadyTime> project_paused_until_;
  LoopEvents events_;
  std::size_t sending_ = 0;
  std::size_t window_;
  std::uint64_t retries_ = 0;
  bool project_held_ = false;
  bool stopped_ = false;
};

}  // namespace fanfare::client
