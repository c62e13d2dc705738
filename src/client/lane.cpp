#include "client/lane.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <mutex>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <semaphore.h>

#include "client/unsent_attempt.h"
#include "fcm/probe.h"

namespace fanfare::client {

namespace asio = boost::asio;

namespace {

// A bounded piece of it: while answers come one by one, something is always ready, and the sender
// must be asked all the same whether it wants to rest.
void run_what_is_ready(asio::io_context& io) {
  constexpr int most = 32;  // A read from each connection, and what follows from them.
  for (int i = 0; i < most && io.poll_one() > 0; ++i) {
  }
}

}  // namespace

Lane::Lane(SenderFactory make_sender)
    : io_(std::make_unique<asio::io_context>(1)),
      thread_([this, make = std::move(make_sender)] { run(make); }) {}

Lane::~Lane() {
  io_->stop();
  thread_.join();
}

void Lane::run(const SenderFactory& make_sender) {
  const auto work = asio::make_work_guard(*io_);
  sender_ = make_sender(*io_);
  while (io_->run_one() > 0) {
    run_what_is_ready(*io_);
    if (const auto rest = sender_->rest(); rest.count() > 0) std::this_thread::sleep_for(rest);
  }
  sender_.reset();
  // What was posted before the stop, and what the sender's end has set off.
  io_->restart();
  io_->poll();
}

void Lane::post(Task task) {
  asio::post(*io_, [this, task = std::move(task)]() mutable { task(sender_.get()); });
}

asio::io_context& Lane::io() noexcept {
  return *io_;
}

Lanes make_lanes(const SenderFactory& make_sender, std::size_t count) {
  Lanes lanes;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, count); ++i) {
    lanes.push_back(std::make_unique<Lane>(make_sender));
  }
  return lanes;
}

// The attempts of one port that have come back: filled on the lanes' threads, emptied on the
// driver's. The wake-up is a semaphore and no condition variable, because sem_post is the one that
// POSIX allows in a signal handler.
class LanePort::Results {
 public:
  Results() { sem_init(&wake_, 0, 0); }
  ~Results() { sem_destroy(&wake_); }
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;

  // A lane's thread. Leaves `fresh` empty.
  void add(std::vector<DeliveryPtr>& fresh) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      if (!closed_) {
        first = done_.empty();
        done_.insert(done_.end(), std::move_iterator(fresh.begin()),
                     std::move_iterator(fresh.end()));
      }
    }
    fresh.clear();
    if (first) sem_post(&wake_);
  }

  // Driver's thread.
  bool take(std::vector<DeliveryPtr>& out) {
    const std::lock_guard lock(mutex_);
    if (done_.empty()) return false;
    // Wake-ups for what is taken here. interrupt() is not lost with them: its flag is looked at
    // before each sleep.
    while (sem_trywait(&wake_) == 0) {
    }
    out.insert(out.end(), std::move_iterator(done_.begin()), std::move_iterator(done_.end()));
    done_.clear();
    return true;
  }

  // The port is gone. What comes back from here on is dropped: it refers to this by its sink.
  void close() {
    std::vector<DeliveryPtr> dropped;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(done_);
  }

  bool take_interrupt() noexcept { return interrupted_.exchange(false); }

  void interrupt() noexcept {
    interrupted_.store(true);
    sem_post(&wake_);
  }

  // May return early, for a signal or a wake-up that is out of date. steady_clock is
  // CLOCK_MONOTONIC in libstdc++.
  void sleep_until(SteadyTime until) noexcept {
    const auto since_boot = until.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
    const std::chrono::nanoseconds rest = since_boot - seconds;
    const timespec at{.tv_sec = seconds.count(), .tv_nsec = rest.count()};
    sem_clockwait(&wake_, CLOCK_MONOTONIC, &at);
  }

 private:
  std::mutex mutex_;
  std::vector<DeliveryPtr> done_;  // Guarded by mutex_.
  bool closed_ = false;            // Guarded by mutex_.
  std::atomic<bool> interrupted_ = false;
  sem_t wake_{};
};

// One port's way to one lane and back. It lives as long as a delivery is on it.
class LanePort::Mailbox final : public AttemptSink, public std::enable_shared_from_this<Mailbox> {
 public:
  Mailbox(Lane& lane, std::shared_ptr<Results> results)
      : lane_(lane), results_(std::move(results)) {}

  // Driver's thread: puts one in; all are on their way with the next `go`.
  void put(DeliveryPtr delivery) {
    if (delivery->sink.get() != this) delivery->sink = shared_from_this();
    outgoing_.push_back(std::move(delivery));
  }
  void go() {
    if (outgoing_.empty()) return;
    {
      const std::lock_guard lock(mutex_);
      const bool posted = !inbox_.empty();
      inbox_.insert(inbox_.end(), std::move_iterator(outgoing_.begin()),
                    std::move_iterator(outgoing_.end()));
      outgoing_.clear();
      if (posted) return;
    }
    lane_.post([self = shared_from_this()](Sender* sender) { self->hand_to(sender); });
  }

  // Lane's thread. What ends in the same turn of the event loop (one read from a socket may bring a
  // hundred answers) is handed over together.
  void on_attempt(DeliveryPtr delivery) override {
    fresh_.push_back(std::move(delivery));
    if (fresh_.size() > 1) return;
    boost::asio::post(lane_.io(),
                      [self = shared_from_this()] { self->results_->add(self->fresh_); });
  }

 private:
  void hand_to(Sender* sender) {
    {
      const std::lock_guard lock(mutex_);
      inbox_.swap(sending_);
    }
    for (std::size_t i = 0; i < sending_.size(); ++i) {
      prefetch_ahead(sending_, i);
      DeliveryPtr& delivery = sending_[i];
      if (sender != nullptr) {
        sender->send(std::move(delivery));
      } else {
        delivery->set_attempt(unsent_attempt(delivery->target, "the client was closed"));
        on_attempt(std::move(delivery));
      }
    }
    sending_.clear();
  }

  Lane& lane_;
  std::shared_ptr<Results> results_;
  std::vector<DeliveryPtr> outgoing_;  // Driver's thread only.
  std::mutex mutex_;
  std::vector<DeliveryPtr> inbox_;    // Guarded by mutex_; not empty: hand_to is posted.
  std::vector<DeliveryPtr> sending_;  // Lane's thread only, as is the next.
  std::vector<DeliveryPtr> fresh_;
};

LanePort::LanePort(const Lanes& lanes, std::shared_ptr<const fcm::EncodedMessage> message,
                   Priority priority)
    : message_(std::move(message)),
      probe_(std::make_shared<const fcm::EncodedMessage>(fcm::probe_message())),
      priority_(priority),
      results_(std::make_shared<Results>()) {
  for (const auto& lane : lanes) add_way(*lane);
}

LanePort::LanePort(const Lanes& lanes) : LanePort(lanes, nullptr) {}

LanePort::LanePort(Lane& lane, std::shared_ptr<const fcm::EncodedMessage> message,
                   Priority priority)
    : LanePort(Lanes{}, std::move(message), priority) {
  add_way(lane);
}

LanePort::~LanePort() {
  results_->close();
}

void LanePort::add_way(Lane& lane) {
  ways_.push_back({.mailbox = std::make_shared<Mailbox>(lane, results_)});
}

void LanePort::start(std::vector<DeliveryPtr>& deliveries) {
  for (DeliveryPtr& delivery : deliveries) {
    const auto& message = delivery->probe ? probe_ : message_;
    if (message && delivery->message != message) delivery->message = message;
    if (message_) delivery->priority = priority_;
    const auto way = std::ranges::min_element(ways_, {}, &Way::under_way);
    ++way->under_way;
    delivery->lane = static_cast<std::size_t>(way - ways_.begin());
    way->mailbox->put(std::move(delivery));
  }
  deliveries.clear();
  for (const Way& way : ways_) way.mailbox->go();
}

void LanePort::wait(SteadyTime until, std::vector<DeliveryPtr>& out) {
  const std::size_t before = out.size();
  while (!results_->take(out)) {
    if (results_->take_interrupt() || now() >= until) return;
    results_->sleep_until(until);
  }
  for (std::size_t i = before; i < out.size(); ++i) --ways_[out[i]->lane].under_way;
}

SteadyTime LanePort::now() {
  return std::chrono::steady_clock::now();
}

void LanePort::interrupt() {
  results_->interrupt();
}

}  // namespace fanfare::client
