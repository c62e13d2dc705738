// Deliverer: one project's messages from the store to FCM. A thread of its own drives the retry
// loop over the project's lanes, and sees to it that memory holds a window of messages, never the
// backlog:
//
//   store --lease--> in hand --RetryLoop, lanes--> answer --+--> registry, then the end in the
//   store
//     ^                |                                    |
//     +---postpone-----+<--waits long, blocked, stopping----+
//
// A message is in hand from its lease until its end, or its return, is on the disk.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "client/lane.h"
#include "client/retry_loop.h"
#include "gateway/breakers.h"
#include "gateway/commit_thread.h"
#include "gateway/device_recorder.h"
#include "gateway/histogram.h"
#include "gateway/payload_breaker.h"
#include "queue/events.h"
#include "queue/messages.h"

namespace fanfare::gateway {

struct DelivererOptions {
  std::string project;
  client::RetryOptions retry;
  BreakerOptions breakers = {};
  registry::BrakeLimits brake = {};
  std::size_t window = 1'500;  ///< Messages in hand, at most.
  /// A longer wait is spent in the store.
  std::chrono::milliseconds keep_in_hand{10'000};
  /// Results wait so long for others to share a transaction of the registry.
  std::chrono::milliseconds record_within{10};
  std::function<SystemTime()> clock = std::chrono::system_clock::now;
};

struct DelivererHooks {
  /// On the writer's thread: the last answer to a message that was accepted with `once`, when its
  /// end is on the disk.
  std::function<void(queue::MessageId, const Answer&, const Verdict&)> on_answer;
  /// On the deliverer's thread: something a person should know.
  std::function<void(const std::string&)> on_warning;
};

class Deliverer {
 public:
  /// The lanes, the writer and its store's `messages` outlive it.
  Deliverer(const client::Lanes& lanes, registry::Registry registry, CommitThread& writer,
            queue::Messages& messages, queue::Events& events, DelivererOptions options,
            DelivererHooks hooks);
  ~Deliverer();  ///< Closes.
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;

  // On the writer's thread, inside a transaction: ----------------------------------------------
  /// Room for `count` messages that are leased as they are accepted. False: they must wait in the
  /// store, which the deliverer will ask.
  [[nodiscard]] bool reserve(Priority priority, std::size_t count);
  void release(std::size_t count);  ///< Of those reserved, so many do not come.
  // On the writer's thread, once that is on the disk: ------------------------------------------
  void hand(std::vector<queue::Leased> messages);
  /// Something waits in the store that was not there before.
  void look();

  // From any thread: ---------------------------------------------------------------------------
  /// Whether a message that is sent once would be sent: nothing is blocked, or it would be the
  /// probe.
  [[nodiscard]] bool takes_once() const noexcept;
  /// Takes nothing more, gives back what is not under way, and ends when the rest has come back.
  void stop();
  /// Ends at once. What is in hand stays leased, and is due again when the store is next opened.
  void abandon();
  [[nodiscard]] bool stopped() const noexcept { return ended_.load(); }
  /// Waits for the end that stop() or abandon() has begun; stops if neither has. Never from the
  /// writer's thread; after it neither the writer nor its store is used any more, whoever still
  /// holds this.
  void close();
  void ask_breakers_now();

  struct Stats {
    std::map<std::string, std::uint64_t, std::less<>> by_rule;  ///< Final verdicts.
    Histogram seconds;  ///< From acceptance to FCM's acceptance.
    std::uint64_t retries = 0;
    std::size_t in_hand = 0;
    std::vector<BreakerState> breakers;
    std::vector<registry::BrakeState> brakes;
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct InHand {
    queue::Leased message;
    std::optional<registry::Receiver> device = {};
    bool ended = false;  ///< Its end, or its return, is on its way to the disk.
    /// A refusal that names nobody; a probe is under way to find out whose fault it is.
    std::optional<client::Attempt> suspicion = {};
  };
  using Hand = std::unordered_map<queue::MessageId, InHand>;
  struct Inbox {
    std::vector<queue::Leased> leased;
    bool lease_answered = false;
    bool all_leased = false;  ///< By the answered lease: nothing that is due is left.
    std::optional<SystemTime> next_due = {};  ///< Then: when there will be.
    std::vector<queue::MessageId> recorded;
    std::vector<queue::Ending> endings_failed;
    std::vector<queue::Postponed> returns_failed;
    std::vector<queue::Event> news_failed;
    std::vector<std::pair<queue::MessageId, client::Attempt>> answers_failed;
    bool look = false;
    bool ask_breakers = false;
  };

  /// What is asked of the store.
  struct Lease {
    std::vector<queue::Leased> messages = {};
    std::size_t counted = 0;  ///< Of them, in in_hand_count_: none of what a failure cut short.
    bool all = false;         ///< Nothing that is due is left.
    std::optional<SystemTime> next_due = {};
  };

  void run();
  void turn();
  void take_inbox();
  void submit(queue::Leased message);
  void start(InHand& in_hand);
  [[nodiscard]] bool refused_unsent(InHand& in_hand);
  void ask_store();
  [[nodiscard]] bool is_blocked() const noexcept;
  void note_blocked() noexcept;
  void lease(std::size_t most);
  void take_lease(std::size_t most, Lease& lease);
  void send();
  void wait();
  void note_events();
  void note_final(client::DeliveryPtr result);
  [[nodiscard]] bool probes(InHand& in_hand, const client::Delivery& result);
  void conclude_probe(InHand& in_hand, client::Delivery& result) const;
  void note_held(client::DeliveryPtr held);
  void give_back(InHand& in_hand, SystemTime due, const client::Delivery& idle);
  void give_back_idle(SteadyTime later_than);
  void end(InHand& in_hand, queue::Ending ending);
  void record();
  void post_endings();
  void tell_breaker_changes();
  void publish_stats();
  [[nodiscard]] std::size_t room(Priority priority) const noexcept;
  [[nodiscard]] std::shared_ptr<const fcm::EncodedMessage> encode(const queue::Leased& message);
  [[nodiscard]] SystemTime to_system(SteadyTime time) const;

  const DelivererOptions options_;
  const DelivererHooks hooks_;
  CommitThread& writer_;
  queue::Messages& messages_;
  queue::Events& events_;
  client::LanePort port_;

  // Shared.
  std::atomic<std::size_t> in_hand_count_ = 0;  // Reserved ones included.
  std::atomic<bool> direct_ = true;             // Nothing waits in the store that should go first.
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> abandoned_ = false;
  std::atomic<bool> ended_ = false;
  std::atomic<bool> blocked_ = false;                  // A breaker is open, or the loop is held.
  std::atomic<SteadyTime> next_probe_ = SteadyTime{};  // While blocked_.
  mutable std::mutex mutex_;                           // Guards the next two.
  Inbox inbox_;
  Stats stats_;

  // The deliverer's thread only.
  DeviceRecorder recorder_;
  client::RetryLoop loop_;
  client::DeliveryStock stock_;
  Breakers breakers_;
  PayloadBreaker payload_breaker_;
  Hand hand_;
  client::LoopEvents loop_events_;
  std::vector<client::DeliveryPtr> sends_;
  std::vector<client::DeliveryPtr> done_;
  std::vector<queue::Ending> endings_;
  std::vector<queue::Postponed> returns_;
  std::vector<queue::Event> news_;
  std::vector<std::pair<queue::MessageId, client::Attempt>> answers_;
  std::optional<client::Attempt> blocked_by_;
  std::optional<SteadyTime> dirty_since_;
  std::optional<SteadyTime> record_again_at_;
  bool lease_under_way_ = false;
  bool more_in_store_ = true;
  SteadyTime look_at_{};
  std::shared_ptr<const std::string> encoded_text_;
  bool encoded_validate_only_ = false;
  std::shared_ptr<const fcm::EncodedMessage> encoded_;
  Stats fresh_;
  SteadyTime published_at_{};
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace fanfare::gateway
