// Lane: one thread with its own event loop and the Sender that lives on it; lanes share nothing
// but what their senders were given (a project's rate).
// LanePort: the way to some lanes for a RetryLoop that is driven on another thread.
//
//   driver's thread                        lanes' threads
//   start(batch)  ── one post a lane ────>  sender.send(…) for each
//   wait()        <── one wake-up per batch ──  on_attempt
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "client/attempt_port.h"
#include "client/sender.h"

namespace boost::asio {
class io_context;
}

namespace fanfare::client {

/// Makes a lane's sender; called once, on the lane's thread.
using SenderFactory = std::function<std::unique_ptr<Sender>(boost::asio::io_context&)>;

class Lane {
 public:
  /// What runs on the lane's thread. `sender` is null once the lane is closing: then whatever
  /// the task would have sent ends as unsent.
  using Task = std::move_only_function<void(Sender* sender)>;

  explicit Lane(SenderFactory make_sender);

  /// Destroys the sender, which ends each attempt under way (exactly once, as always), runs what
  /// was posted before, and joins the thread. Waits for no answer. Never from the lane's thread.
  ~Lane();

  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Runs `task` on the lane's thread, in the order of the calls. From any thread.
  void post(Task task);

  /// For timers of those who live on the lane's thread.
  [[nodiscard]] boost::asio::io_context& io() noexcept;

 private:
  void run(const SenderFactory& make_sender);

  std::unique_ptr<boost::asio::io_context> io_;
  std::unique_ptr<Sender> sender_;  // Made, used and destroyed on thread_.
  std::thread thread_;
};

using Lanes = std::vector<std::unique_ptr<Lane>>;
/// `count` lanes, at least one, each with a sender of its own.
[[nodiscard]] Lanes make_lanes(const SenderFactory& make_sender, std::size_t count);

/// Attempts for one message (and probes for its targets), each made on the lane that has the fewest
/// of this port's under way. The port may be dropped with attempts under way: their results go
/// nowhere. The lanes may be closed before the port: then all that was started has ended and waits
/// to be collected, and start() must not be called any more.
class LanePort final : public AttemptPort {
 public:
  LanePort(const Lanes& lanes, std::shared_ptr<const fcm::EncodedMessage> message,
           Priority priority = Priority::bulk);
  LanePort(Lane& lane, std::shared_ptr<const fcm::EncodedMessage> message,
           Priority priority = Priority::bulk);
  /// For deliveries that bring their own message and priority.
  explicit LanePort(const Lanes& lanes);
  ~LanePort() override;

  void start(std::vector<DeliveryPtr>& deliveries) override;
  void wait(SteadyTime until, std::vector<DeliveryPtr>& out) override;
  SteadyTime now() override;
  void interrupt() override;

 private:
  class Results;
  class Mailbox;
  struct Way {
    std::shared_ptr<Mailbox> mailbox;
    std::size_t under_way = 0;
  };
  void add_way(Lane& lane);

  std::shared_ptr<const fcm::EncodedMessage> message_;
  std::shared_ptr<const fcm::EncodedMessage> probe_;
  Priority priority_;
  std::shared_ptr<Results> results_;
  std::vector<Way> ways_;  // One to each lane.
};

}  // namespace fanfare::client
