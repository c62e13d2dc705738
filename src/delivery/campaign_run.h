// CampaignRun: walks a stored campaign from its cursor to its end.
//
//   registry --receivers--> RetryLoop --attempts--> AttemptPort (FCM)
//      ^                        |
//      +---- one transaction ---+  results, retirements, retries and the cursor
//
// At most a window of attempts is under way and a batch of results not recorded at any moment. That
// bounds the memory, and it bounds what a crash repeats.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/attempt_port.h"
#include "client/retry_loop.h"
#include "delivery/cursor.h"
#include "delivery/deaths.h"
#include "delivery/prober.h"
#include "delivery/report.h"
#include "registry/registry.h"

namespace fanfare::delivery {

/// What a run came to. The books: audience == accepted + retired + failed + unknown + held.
struct Summary {
  registry::CampaignCounts counts;
  std::uint64_t held = 0;  ///< Not final: blocked, interrupted or past the deadline.
  std::chrono::milliseconds duration{0};
  std::vector<client::Hold> holds;       ///< Scopes that are blocked, with the answer that says so.
  std::optional<Verdict> message_fault;  ///< The message is wrong for everyone.
  std::vector<registry::BrakeState> brakes;  ///< Of this project, on at the end.
  bool interrupted = false;
  bool deadline_passed = false;
};

/// 0 all accepted; 1 some failed; 3 blocked; 4 interrupted.
[[nodiscard]] int exit_status(const Summary& summary) noexcept;

/// The brake was pulled while a campaign ran.
struct BrakeAlarm {
  std::string project;
  registry::BrakePull pull;
};

struct RunOptions {
  client::RetryOptions retry;
  std::function<SystemTime()> clock;  ///< For what is stored; waits use the port's clock.
  Random random{0};
  Report* report = nullptr;                      ///< Null: none.
  std::optional<SystemTime> deadline;            ///< Nothing is sent after it.
  const std::atomic<bool>* interrupt = nullptr;  ///< Set from outside, with port.interrupt().
  /// Called after each batch: receivers that are final, and the counts.
  std::function<void(std::uint64_t done, const registry::CampaignCounts&)> on_progress;
  /// Called when the brake is pulled, once it is stored: the place for a log line, a metric, a
  /// webhook. May block, and holds up the campaign as long.
  std::function<void(const BrakeAlarm&)> on_brake;
  /// Called for each device that a verdict has retired or made suspect, once that is stored.
  OnChange on_change;
  registry::BrakeLimits brake;
  std::size_t chunk = 500;        ///< Receivers read at once.
  std::size_t max_batch = 1'000;  ///< Results of one transaction, about.
  /// They wait so long for others to share it.
  std::chrono::milliseconds record_within{50};
  std::size_t max_waiting = 5'000;  ///< Retries waiting before no further receivers are taken.
  /// So many refusals that name nobody and convict no device, with nothing accepted: then the
  /// message is at fault.
  std::uint64_t suspect_limit = 50;
  std::uint64_t probe_budget = 1'000;  ///< Most probes of the campaign, see prober.h; 0: none.
};

class CampaignRun {
 public:
  /// `campaign` is stored (it has an id); `resumed`: it was begun by an earlier run.
  CampaignRun(registry::Registry& registry, registry::Campaign campaign, client::AttemptPort& port,
              RunOptions options, bool resumed);

  /// Blocks until the campaign is finished, blocked or interrupted. A storage error ends it at
  /// once; everything recorded before stays, and the campaign can be resumed.
  [[nodiscard]] Result<Summary> run();

 private:
  /// A refusal that names nobody.
  struct Suspicion {
    client::Attempt attempt;
    int attempts = 0;
  };
  /// A receiver that is in the loop's hands, or unproven.
  struct Open {
    registry::Receiver receiver;
    bool settled = false;  ///< In the cursor; its retry row stands for it.
    std::unique_ptr<Suspicion> suspicion = nullptr;  ///< A probe is under way, or was.
  };
  using OpenAt = std::unordered_map<DeviceId, Open>::iterator;
  using OpenNode = std::unordered_map<DeviceId, Open>::node_type;

  [[nodiscard]] Result<void> restore();
  [[nodiscard]] Result<void> feed();
  [[nodiscard]] Result<void> feed_stored_retry(client::SteadyTime now);
  [[nodiscard]] Result<void> feed_receiver(client::SteadyTime now);
  [[nodiscard]] Result<std::optional<registry::RetryRow>> next_stored_retry();
  /// Null at the end. Its strings may be taken.
  [[nodiscard]] Result<registry::Receiver*> next_receiver();
  OpenAt open(registry::Receiver& receiver, bool settled);
  void close(OpenAt at);
  [[nodiscard]] bool may_feed() const;
  [[nodiscard]] bool has_room() const;
  void submit(const registry::Receiver& receiver, client::SteadyTime now, int attempts,
              std::optional<client::SteadyTime> not_before);
  [[nodiscard]] client::DeliveryPtr delivery_to(const registry::Receiver& receiver);
  void start_sends();
  void wait_for_attempts();
  void stop_on_message_fault(const Verdict& verdict);
  void check_stops();
  void stop();
  void note_events();
  void note_final(client::DeliveryPtr result);
  void note_probe(OpenAt at, client::DeliveryPtr result);
  void conclude_probe(OpenAt at, client::DeliveryPtr result);
  void note_witness(const client::Delivery& result);
  void probe(const registry::Receiver& receiver);
  void conclude(OpenAt at, client::DeliveryPtr result);
  void conclude_unproven();
  void ask_witness_if_wanted();
  void note_waiting(const client::Waiting& waiting);
  void note_held(client::DeliveryPtr held);
  void hold_for_unreachable(client::DeliveryPtr result);
  void fail_for_message(const registry::Receiver& receiver, int attempts);
  void settle(Open& open);
  [[nodiscard]] std::size_t batch() const;
  [[nodiscard]] bool is_urgent() const;
  [[nodiscard]] bool must_commit() const;
  [[nodiscard]] Result<void> commit();
  void watch(const registry::Receiver& receiver, const Verdict& verdict);
  [[nodiscard]] Result<void> heed_persons();
  [[nodiscard]] Result<void> pull_brakes(bool ended);
  [[nodiscard]] Result<void> settle_brakes(bool ended);
  [[nodiscard]] Result<void> conclude_brakes();
  [[nodiscard]] Result<void> fail_everyone_left();
  [[nodiscard]] Result<Summary> finish();
  [[nodiscard]] bool drained() const;
  [[nodiscard]] SystemTime to_system(client::SteadyTime time) const;

  registry::Registry& registry_;
  registry::Campaign campaign_;
  client::AttemptPort& port_;
  RunOptions options_;
  client::RetryLoop loop_;
  Cursor cursor_;
  Prober prober_;
  client::DeliveryStock stock_;
  std::vector<client::DeliveryPtr> unproven_;  // Their probes were refused in silence.
  std::unordered_map<DeviceId, Open> open_;
  std::vector<OpenNode> closed_;  // Used again with their memory.
  bool stored_retries_left_;
  DeviceId last_stored_retry_ = 0;
  std::deque<registry::RetryRow> retries_ahead_;
  bool audience_left_ = true;
  DeviceId last_read_ = 0;
  std::vector<registry::Receiver> receivers_ahead_;  // From the next on.
  std::size_t next_ahead_ = 0;
  std::uint64_t retries_before_ = 0;
  std::uint64_t held_count_ = 0;
  bool dirty_ = false;
  bool urgent_ = false;  // Something is not to be done before it is recorded.
  std::optional<client::SteadyTime> dirty_since_;
  std::size_t unrecorded_ = 0;         // Receivers that were settled since the last transaction.
  std::uint64_t deaths_unjudged_ = 0;  // Verdicts of death since then.

  registry::Progress progress_;
  Deaths deaths_;  // Of this batch, when somebody wants to hear of them.
  client::LoopEvents events_;
  std::vector<client::DeliveryPtr> sends_;
  std::vector<client::DeliveryPtr> done_;
  std::string held_lines_;
  std::optional<registry::BrakeWatch> watch_;  // Made by restore().
  std::int64_t last_event_before_ = 0;
  Summary summary_;
  bool stopping_ = false;
};

}  // namespace fanfare::delivery
