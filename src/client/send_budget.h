// SendBudget: how fast one project may send. All lanes of the project ask the same budget.
//
// **Never more than the limit in any 60 seconds, ends included.** FCM counts messages in windows
// of a minute that begin when it likes ("throttling-and-quotas"), so the promise is about all of
// them. And FCM asks to begin slowly and to spread a minute's quota instead of front-loading it
// ("scale-fcm"). docs/protocol.md, "Quotas and rates".
//
// The generic cell rate algorithm: `next` is when the next message would be due at a perfectly
// even pace; one may go up to a tolerance of 0.3 s ahead of it, which lets a sender that wakes up
// late catch up, and makes grants of many messages possible. n messages in a window W satisfy
// (n - 1) * interval <= W + tolerance, from which the constructor computes the interval.
//
// **Who goes first.** The less urgent may go ahead of the pace by less (bulk by half of the
// tolerance, normal by three quarters), so that even when bulk takes all it gets, an urgent message
// finds room at once: as many as 0.1 s of the limit, and then each one that the pace allows. What
// is less urgent keeps a trickle: normal a twentieth of the rate, bulk a fiftieth. In addition,
// while somebody more urgent has asked in the last 10 seconds, bulk leaves a tenth of the rate
// unused and normal a twentieth (`reserve`), so that neither the quota nor the connections are full
// when the next urgent message comes. When nobody has, the rate is all theirs. Under 500 messages a
// minute 0.1 s is less than one message: then an urgent one waits for its turn, but is the next.
//
// **Slower.** A 429 of the project halves the rate, a latency that has grown lowers it by a fifth,
// each comes back evenly within a minute (AIMD). A Retry-After of the project stops everybody.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "fanfare/priority.h"

#include "base/time_text.h"
#include "client/latency_watch.h"
#include "client/steady_time.h"

namespace fanfare::client {

struct BudgetOptions {
  std::uint64_t messages_per_minute = 600'000;  ///< FCM's default quota; 0: no pacing.
  /// From the slow start (1 % of the rate, at least 100 a second) to the full rate, at first and
  /// after a minute's silence; 0: full rate at once.
  std::chrono::milliseconds ramp{60'000};
  /// Of the rate, what bulk leaves to the more urgent; normal leaves half of it. 0 to 0.9.
  double reserve = 0.10;
  /// FCM asks to stay away from 2 minutes before and after :00, :15, :30 and :45. True: there bulk
  /// only fills up a tenth of the rate, and comes back over a minute. Others are not touched.
  bool avoid_quarter_hours = false;
  /// For the quarter hours; not called without them. From any thread.
  std::function<SystemTime()> wall_clock = std::chrono::system_clock::now;
};

/// How long `messages` take at this pace, when nothing else holds them up; zero without pacing.
[[nodiscard]] std::chrono::seconds time_to_send(const BudgetOptions& options,
                                                std::uint64_t messages) noexcept;

/// What may go now.
struct Grant {
  std::size_t count = 0;             ///< So many messages, which are counted as sent.
  std::chrono::nanoseconds wait{0};  ///< When it is fewer than wanted: ask again after so long.
  // For give_back.
  std::chrono::nanoseconds step{0};
  std::uint64_t granted_so_far = 0;
};

/// A share of the rate that was cut and comes back evenly.
class RecoveringShare {
 public:
  [[nodiscard]] double at(SteadyTime now) const noexcept;
  void cut(SteadyTime now, double factor, double least) noexcept;
  /// What is still missing comes back only after `until`.
  void hold(SteadyTime now, SteadyTime until) noexcept;

 private:
  double share_ = 1;
  SteadyTime since_{};
};

/// Time is an argument; where a thread's is older than another's, the newer one counts. All members
/// may be called from any thread.
class SendBudget {
 public:
  explicit SendBudget(const BudgetOptions& options);

  /// Asks for `wanted` messages; ask for all that could go at once, so that they go together. The
  /// wait of a short grant is at least a millisecond: waking up for each message of a fast campaign
  /// would cost more than sending it. Lanes that are short of grants at the same time share evenly.
  [[nodiscard]] Grant reserve(SteadyTime now, Priority priority, std::size_t wanted);

  /// Of that grant `unsent` messages are not going to be sent. Soon: room that others' messages
  /// or the time have taken meanwhile is not given again.
  void give_back(const Grant& grant, std::size_t unsent);

  /// FCM said that the project is over its quota. The calls of the next 5 seconds are echoes of the
  /// same excess, from the requests that were under way, and do nothing.
  void on_throttled(SteadyTime now);

  /// `answers` came, after `mean` each. Tell it for every batch of answers that a lane has read.
  void on_latency(SteadyTime now, std::uint64_t answers, std::chrono::nanoseconds mean);

  /// Retry-After of the project: no message goes before `until`. Pauses only ever get longer.
  void pause_until(SteadyTime now, SteadyTime until);

  /// The present rate as a share of the limit, above 0, up to 1: the slow start and what was cut.
  [[nodiscard]] double rate_share(SteadyTime now) const;

  /// How many have been sent so far: granted and not given back.
  [[nodiscard]] std::uint64_t sent() const;

 private:
  using Nanoseconds = std::chrono::duration<double, std::nano>;
  template <class T>
  using EachPriority = std::array<T, priority_count>;

  /// One even pace, and how far along it those have come who share it.
  struct Line {
    SteadyTime next{};
    /// How many may go now.
    [[nodiscard]] std::size_t room(SteadyTime now, std::chrono::nanoseconds ahead,
                                   Nanoseconds step) const noexcept;
    void advance(SteadyTime now, std::size_t count, Nanoseconds step) noexcept;
  };

  /// Those of one priority who ask for more than there is. Each comes back after a millisecond, and
  /// whoever happened to be first would always take everything.
  struct Crowd {
    SteadyTime since{};  ///< Of the present millisecond.
    std::size_t count = 0;
    std::size_t before = 0;  ///< In the millisecond before.
    /// One more asks: among how many, itself included, must be shared what there is.
    [[nodiscard]] std::size_t enter(SteadyTime now) noexcept;
  };

  [[nodiscard]] double share_now(SteadyTime now) const;
  [[nodiscard]] double ramp_share(SteadyTime now) const;
  [[nodiscard]] double share_of(Priority priority, SteadyTime now) const;
  [[nodiscard]] bool asked_lately(Priority priority, SteadyTime now) const;
  [[nodiscard]] std::size_t room(SteadyTime now, Priority priority, Nanoseconds step) const;
  void take(SteadyTime now, Priority priority, std::size_t count, Nanoseconds step);
  [[nodiscard]] SteadyTime opens(Priority priority) const;

  const BudgetOptions options_;
  const double first_share_;    ///< Of the full rate, where the ramp begins.
  const Nanoseconds interval_;  ///< Between two messages at the full rate.

  mutable std::mutex mutex_;  // Guards all below.
  SteadyTime latest_now_{};
  SteadyTime paused_until_{};
  std::optional<SteadyTime> granted_at_;  // The latest.
  std::uint64_t granted_ = 0;
  std::uint64_t sent_ = 0;
  SteadyTime ramp_start_{};
  RecoveringShare throttle_;
  std::optional<SteadyTime> throttled_at_;
  LatencyWatch watch_;
  RecoveringShare latency_;

  // Everybody's messages advance all three lines. That of urgent is the limit itself; one must find
  // room there and on one's own, which is slower while it has to leave a reserve.
  EachPriority<Line> lines_;
  EachPriority<Line> trickles_;  // Each advanced by its own messages only.
  EachPriority<std::optional<SteadyTime>> asked_at_;
  EachPriority<Crowd> crowds_;
};

}  // namespace fanfare::client
