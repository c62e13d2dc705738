// Outbox: the single sends of a Client. Takes messages from any thread, drives one RetryLoop on
// the lane's thread, and hands each outcome to its callback there.
//
// A held project must not silence a client that lives for months: once the project is held and
// nothing is on the wire, the loop starts over, so that a later send makes an attempt of its own
// and finds out whether the fault was mended. It then begins with a window of one: while the
// project stays blocked it is asked by one message at a time. What is known of the targets' limits
// outlives a hold.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "fanfare/client.h"

#include "base/random.h"
#include "client/lane.h"
#include "client/retry_loop.h"

namespace fanfare::client {

class Outbox final : private AttemptSink {
 public:
  using Callback = Client::Callback;

  /// The lane is closed before the outbox is destroyed, and after its close().
  Outbox(Lane& lane, const RetryOptions& options, Random random);
  ~Outbox() override;

  /// From any thread; `on_outcome` is called exactly once, on the lane's thread.
  void send(std::shared_ptr<const fcm::EncodedMessage> message, Target target, Callback on_outcome,
            Priority priority = Priority::normal);

  /// Ends what is not on the wire; attempts under way end as usual or with the lane, and nothing
  /// is sent again. From any thread.
  void close();

 private:
  struct Letter {
    std::shared_ptr<const fcm::EncodedMessage> message;
    Target target;
    Callback on_outcome;
    Priority priority = Priority::normal;
  };

  void turn_soon();
  void turn(Sender* sender);
  void accept_inbox(SteadyTime now);
  void send_due(Sender& sender, SteadyTime now);
  void report();
  void report_one(DeliveryPtr delivery);
  void on_attempt(DeliveryPtr delivery) override;
  void renew_after_hold();
  void arm_timer(SteadyTime now);
  void shut();

  Lane& lane_;

  std::mutex mutex_;
  std::vector<Letter> inbox_;  // Guarded by mutex_.
  bool turn_posted_ = false;   // Guarded by mutex_.
  bool closed_ = false;        // Guarded by mutex_.

  // The lane's thread only.
  RetryLoop loop_;
  std::unordered_map<DeliveryId, Callback> letters_;  // Who waits for those of loop_.
  DeliveryId next_id_ = 1;
  std::optional<Attempt> blocked_by_;
  // Gone before the lane is: it belongs to the lane's event loop.
  std::optional<boost::asio::steady_timer> timer_;
  std::vector<DeliveryPtr> sends_;
  LoopEvents events_;
};

}  // namespace fanfare::client
