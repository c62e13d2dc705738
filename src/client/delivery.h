// Delivery: one message on its way to one target, with what became of its latest attempt. It is
// made once and handed on, never copied: from the driver to its retry loop, to a lane, to the
// sender, and the same way back. Who holds the DeliveryPtr may change it.
//
//   driver --submit--> RetryLoop --take_sends--> AttemptPort --> Sender
//      ^                |     ^                                    |
//      +---- events ----+     +------------- on_attempt -----------+
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/outcome.h"
#include "fanfare/priority.h"

#include "base/prefetch.h"
#include "client/steady_time.h"
#include "client/target_limits.h"
#include "fcm/encoded_message.h"

namespace fanfare::client {

/// Chosen by the driver, unique among what is not final.
using DeliveryId = std::uint64_t;

/// What one attempt came to: the raw answer, kept as evidence, and what it means.
struct Attempt {
  Answer answer;
  Verdict verdict;
};

class AttemptSink;

/// It grows to the outcome that its sender is told. `attempts` are those made so far; a resumed
/// retry's earlier ones count. Where that many are allowed no more, one more is made all the same:
/// without an answer at hand there is nothing to end with. `answer` and `verdict` are the latest
/// attempt's and have no meaning while `tried` is false. A delivery that ends before its first one
/// (`attempts` is 0) ends with the answer that paused the project, or an unsent one.
struct Delivery : Outcome {
  DeliveryId id = 0;
  std::string platform = {};  ///< "android", "ios", "web", or empty: unknown. Scope of a hold.
  std::optional<SteadyTime> not_before = {};  ///< A resumed retry's due time.
  std::optional<SteadyTime> expires = {};     ///< No attempt starts later, whatever the loop's own.
  int max_attempts = 0;                       ///< Of this one alone; 0: the loop's.
  bool drop_unknown = false;                  ///< An unknown outcome ends it, whatever the loop's.
  Priority priority = Priority::normal;       ///< Of its turn, among the project's messages.
  bool probe = false;  ///< Not the message itself but the empty one of fcm/probe.h.

  std::shared_ptr<const fcm::EncodedMessage> message = {};  ///< Set by who starts an attempt.
  std::shared_ptr<AttemptSink> sink = {};                   ///< Is told of the attempt's end.

  bool tried = false;
  SteadyTime deadline = {};   ///< Set by the loop: no attempt starts later.
  TargetKey target_key = {};  ///< Kept by the loop, for its target's limits.
  int unsent_in_row = 0;      ///< Kept by the loop.
  bool is_retry = false;      ///< Kept by the loop: its attempt took a retry from the budget.
  std::size_t lane = 0;       ///< Kept by the port: where its attempt is made.

  [[nodiscard]] Attempt attempt() const { return {answer, verdict}; }
  void set_attempt(Attempt attempt);
};
using DeliveryPtr = std::unique_ptr<Delivery>;

/// For a walk over `deliveries` that is at `index`.
inline void prefetch_ahead(const std::vector<DeliveryPtr>& deliveries, std::size_t index) noexcept {
  const std::size_t next = index + prefetch_distance;
  if (next < deliveries.size()) prefetch(deliveries[next].get(), sizeof(Delivery));
}

/// Takes attempts that have come to their end, on the sender's thread.
class AttemptSink {
 public:
  virtual ~AttemptSink() = default;
  /// `answer` and `verdict` say what became of it.
  virtual void on_attempt(DeliveryPtr delivery) = 0;
};

/// Deliveries that have ended are used again, with the memory of their strings: a sender of
/// millions then allocates for the few that are open at once. Not thread-safe.
class DeliveryStock {
 public:
  /// As new, but for what `message`, `sink` and the meaningless `answer` and `verdict` hold.
  [[nodiscard]] DeliveryPtr make();
  void give_back(DeliveryPtr delivery) { idle_.push_back(std::move(delivery)); }

 private:
  std::vector<DeliveryPtr> idle_;
};

}  // namespace fanfare::client
