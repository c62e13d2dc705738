#include "client/lane.h"

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
  io_->run();
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

// The results of one port: filled on the lane's thread, emptied on the driver's. The wake-up is a
// semaphore and no condition variable, because sem_post is the one that POSIX allows in a signal
// handler.
class LanePort::Results {
 public:
  Results() { sem_init(&wake_, 0, 0); }
  ~Results() { sem_destroy(&wake_); }
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;

  // Lane's thread. Results that end in the same turn of the event loop (one read from a socket
  // may bring a hundred) are handed over together.
  static void add(const std::shared_ptr<Results>& self, asio::io_context& io, AttemptDone done) {
    self->fresh_.push_back(std::move(done));
    if (self->fresh_.size() == 1) asio::post(io, [self] { self->hand_over(); });
  }

  // Driver's thread.
  bool take(std::vector<AttemptDone>& out) {
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
  void hand_over() {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = done_.empty();
      done_.insert(done_.end(), std::move_iterator(fresh_.begin()),
                   std::move_iterator(fresh_.end()));
    }
    fresh_.clear();
    if (first) sem_post(&wake_);
  }

  std::vector<AttemptDone> fresh_;  // Lane's thread only.
  std::mutex mutex_;
  std::vector<AttemptDone> done_;  // Guarded by mutex_.
  std::atomic<bool> interrupted_ = false;
  sem_t wake_{};
};

LanePort::LanePort(Lane& lane, std::shared_ptr<const fcm::EncodedMessage> message)
    : lane_(lane),
      message_(std::move(message)),
      probe_(std::make_shared<const fcm::EncodedMessage>(fcm::probe_message())),
      results_(std::make_shared<Results>()) {}

LanePort::~LanePort() = default;

void LanePort::start(std::span<const Delivery> deliveries) {
  if (deliveries.empty()) return;
  struct Send {
    DeliveryId id = 0;
    Target target;
    std::shared_ptr<const fcm::EncodedMessage> message;
  };
  std::vector<Send> batch;
  batch.reserve(deliveries.size());
  for (const Delivery& delivery : deliveries) {
    batch.push_back({delivery.id, delivery.target, delivery.probe ? probe_ : message_});
  }
  lane_.post([batch = std::move(batch), results = results_, &io = lane_.io()](Sender* sender) {
    for (const Send& each : batch) {
      if (sender == nullptr) {
        Results::add(results, io, {each.id, unsent_attempt(each.target, "the client was closed")});
        continue;
      }
      sender->send(each.message, each.target, [results, &io, id = each.id](Attempt attempt) {
        Results::add(results, io, {id, std::move(attempt)});
      });
    }
  });
}

void LanePort::wait(SteadyTime until, std::vector<AttemptDone>& out) {
  while (!results_->take(out)) {
    if (results_->take_interrupt() || now() >= until) return;
    results_->sleep_until(until);
  }
}

SteadyTime LanePort::now() {
  return std::chrono::steady_clock::now();
}

void LanePort::interrupt() {
  results_->interrupt();
}

}  // namespace fanfare::client
