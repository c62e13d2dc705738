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
//               +---------|------+-----+
//                         |      +-> due     a retry whose time has come, till there are means
//                         +-> held           platform or project blocked: kept, not sent
//
// From ready or due an attempt starts only when its target may get one more (target_limits.h); else
// the delivery waits, too. A retry also needs means (retry_budget.h), so that an outage does not
// double the load; first attempts do not wait behind those that lack them. Both are counted by the
// loop alone: two loops for one device or one project do not know of each other.
//
// Rules: FCM's Retry-After is a floor in its scope; without it the first wait after 500, 502,
// 503, 504 or an unknown outcome is 10 s and more with jitter, after 429 60 s (FCM: "scale-fcm",
// "ErrorCode"; the numbers are in retry_wait.h). `unsent` goes again at once, but a host that can't
// be reached at all is waited for like a failing service. Nothing is sent after its deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "client/delivery.h"
#include "client/retry_budget.h"
#include "client/target_limits.h"

namespace fanfare::client {

/// What to do when neither success nor failure is known (FCM does not deduplicate).
enum class OnUnknown : std::uint8_t {
  retry,  ///< At least once: it may be shown twice.
  drop,   ///< At most once: it may be lost.
};

struct RetryOptions {
  /// Attempts that FCM answered, or may have. `unsent` counts only where it had to be waited for:
  /// after `unsent_at_once` in a row.
  int max_attempts = 5;
  /// From submit; the delivery is given up when its next attempt would start later.
  std::chrono::milliseconds give_up_after{std::chrono::hours(1)};
  std::chrono::milliseconds backoff{10'000};       ///< Floor of the first wait.
  std::chrono::milliseconds backoff_max{600'000};  ///< Cap of a wait that FCM did not ask for.
  std::chrono::milliseconds quota_wait{60'000};    ///< After a 429 that names no time.
  int unsent_at_once = 20;  ///< So often in a row an unsent message goes again without a wait.
  std::chrono::milliseconds unsent_backoff{1'000};  ///< Floor of the first wait after those.
  OnUnknown on_unknown = OnUnknown::retry;
  /// Attempts under way at once: starts at the first, grows by one for each accepted message up
  /// to the second, so that a blocked project is noticed within the first few hundred.
  std::size_t first_window = 100;
  std::size_t max_window = 1'000;
  /// Attempts refused for a platform credential before devices of unknown platform are held too.
  std::size_t unknown_platform_refusals = 50;
  RetryBudgetOptions retry_budget = {};
  TargetLimitOptions target_limits = {};
};

/// A delivery waits for its next attempt, which is then a retry. Waiting for means or for the limit
/// of a target is no event: nothing has been tried.
struct Waiting {
  DeliveryId id = 0;
  int attempts = 0;
  SteadyTime due{};  ///< No attempt starts earlier; it may start later.
  Attempt attempt;
};

/// A scope is blocked; its deliveries are kept and not sent.
struct Hold {
  enum class Scope : std::uint8_t { project, platform };
  Scope scope = Scope::project;
  std::string platform;  ///< Of a platform hold; empty: those of unknown platform.
  Attempt attempt;       ///< The answer that caused it.
};

struct LoopEvents {
  /// Ended. Their last attempt's verdict stands even where we gave up.
  std::vector<DeliveryPtr> finals;
  std::vector<Waiting> waiting;
  /// Kept because their scope is held. They have no further events.
  std::vector<DeliveryPtr> held;
  std::vector<Hold> holds;

  void clear() noexcept;  ///< Keeps its memory.
};

class RetryLoop {
 public:
  RetryLoop(const RetryOptions& options, Random random);

  void submit(DeliveryPtr delivery, SteadyTime now);

  /// A delivery handed out by take_sends came back, its attempt made.
  void on_attempt(DeliveryPtr delivery, SteadyTime now);

  /// Moves the deliveries to be sent now to the end of `out`: due, not held, within the window, the
  /// budget and their targets' limits.
  void take_sends(SteadyTime now, std::vector<DeliveryPtr>& out);

  /// Moves what happened since the last call to the end of the lists in `out`.
  void take_events(LoopEvents& out);

  /// Takes no more sends; everything not on the wire becomes Held. Attempts under way end as
  /// usual, except that what would wait is held.
  void stop();

  /// Moves everything that can't start before `time` to the end of `out`: not on the wire, and
  /// waiting, or ready while the project pauses. Each has `not_before` set to when it could have
  /// started. For a driver that keeps what waits long somewhere else.
  void take_idle(SteadyTime time, std::vector<DeliveryPtr>& out);

  /// Forgets that the platform is held; what is submitted for it from now on is sent.
  void release_platform(const std::string& platform);

  /// Begins anew once a hold is empty: with nothing held, and a window of `first_window`. What it
  /// knows of its targets' limits, its budget and the project's pause stays.
  void start_over(std::size_t first_window);

  /// When take_sends may have more to give, or to end, without a further event; nullopt: never.
  [[nodiscard]] std::optional<SteadyTime> next_due() const;

  [[nodiscard]] std::size_t sending() const noexcept;  ///< Attempts under way.
  [[nodiscard]] std::size_t ready() const noexcept;    ///< Could go now, window and limits aside.
  [[nodiscard]] std::size_t waiting() const noexcept;  ///< For their due time, or for means.
  [[nodiscard]] std::size_t window() const noexcept;
  [[nodiscard]] bool project_held() const noexcept;
  [[nodiscard]] std::uint64_t retries() const noexcept;  ///< Attempts beyond each first.

 private:
  void end_as_final(DeliveryPtr delivery);
  void end_as_held(DeliveryPtr delivery);
  void retry(DeliveryPtr delivery, SteadyTime now);
  void resend(DeliveryPtr delivery, SteadyTime now);
  void pause_project(const Attempt& attempt, SteadyTime now);
  void hold_project(DeliveryPtr delivery);
  void hold_platform(DeliveryPtr delivery);
  void note_retry_answered(Delivery& delivery, SteadyTime now);
  void pause_target(const Delivery& delivery, SteadyTime now);
  void give_up(DeliveryPtr delivery, std::string_view reason);
  void give_up_what_the_pause_outlasts();
  void give_up_late_retries(SteadyTime now);
  void wait_until(SteadyTime due, DeliveryPtr delivery);
  void line_up(DeliveryPtr delivery);
  [[nodiscard]] DeliveryPtr next_to_start(SteadyTime now);
  [[nodiscard]] DeliveryPtr admit(DeliveryPtr delivery, SteadyTime now);
  template <class Match, class End>
  void end_idle(Match match, End end);
  [[nodiscard]] bool is_held(const Delivery& delivery) const;
  [[nodiscard]] bool may_try_again(const Delivery& delivery) const noexcept;
  [[nodiscard]] bool starts_too_late(const Delivery& delivery, SteadyTime start) const noexcept;

  RetryOptions options_;
  Random random_;
  RetryBudget budget_;
  TargetLimits limits_;
  // A delivery is in exactly one place: in ready_, in due_retries_, in due_, or out on the wire
  // (counted).
  std::deque<DeliveryPtr> ready_;               // First attempts, and what came back unsent.
  std::deque<DeliveryPtr> due_retries_;         // The one that has been due longest first.
  std::multimap<SteadyTime, DeliveryPtr> due_;  // What is not due yet.
  bool retrys_turn_ = false;
  SteadyTime sweep_at_ = SteadyTime::max();  // When one of due_retries_ may be too late.
  SteadyTime swept_at_{};
  std::size_t sending_ = 0;
  SteadyTime paused_until_{};  // Of the project; in the past: not paused.
  std::optional<Attempt> paused_by_;
  SteadyTime first_deadline_ = SteadyTime::max();  // None that is not on the wire is earlier.
  std::set<std::string, std::less<>> held_platforms_;
  std::size_t refused_unknown_platform_ = 0;
  std::size_t unsent_in_row_ = 0;  // Of all deliveries together.
  LoopEvents events_;
  std::size_t window_;
  std::uint64_t retries_ = 0;
  bool project_held_ = false;
  bool stopped_ = false;
};

}  // namespace fanfare::client
