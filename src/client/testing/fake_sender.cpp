#include "client/testing/fake_sender.h"

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "client/testing/attempts.h"

namespace fanfare::client::testing {

class FakeSender final : public Sender {
 public:
  FakeSender(ScriptedFcm& fcm, boost::asio::io_context& io) : fcm_(fcm), io_(io) {}

  // Answered or not: what has not ended yet is unknown.
  ~FakeSender() override {
    for (auto& [number, delivery] : std::exchange(*pending_, {})) {
      end(std::move(delivery), attempt(VerdictKind::unknown_outcome));
    }
  }

  void send(DeliveryPtr delivery) override {
    const int number = next_++;
    auto answer = fcm_.answer(delivery->target);
    pending_->emplace(number, std::move(delivery));
    if (!answer) return;
    boost::asio::post(io_, [pending = pending_, number, answer = std::move(*answer)]() mutable {
      auto node = pending->extract(number);
      if (!node.empty()) end(std::move(node.mapped()), std::move(answer));
    });
  }

 private:
  static void end(DeliveryPtr delivery, Attempt with) {
    delivery->set_attempt(std::move(with));
    AttemptSink& sink = *delivery->sink;
    sink.on_attempt(std::move(delivery));
  }

  using Pending = std::map<int, DeliveryPtr>;
  ScriptedFcm& fcm_;
  boost::asio::io_context& io_;
  // Shared with the answers on their way, which may find it empty after the sender's end.
  std::shared_ptr<Pending> pending_ = std::make_shared<Pending>();
  int next_ = 0;
};

SenderFactory ScriptedFcm::factory() {
  return [this](boost::asio::io_context& io) { return std::make_unique<FakeSender>(*this, io); };
}

std::size_t ScriptedFcm::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

int ScriptedFcm::requests_to(const std::string& token) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_token_.find(token);
  return found == by_token_.end() ? 0 : found->second;
}

void ScriptedFcm::wait_for_requests(std::size_t count) const {
  std::unique_lock lock(mutex_);
  begun_.wait(lock, [&] { return requests_ >= count; });
}

std::optional<Attempt> ScriptedFcm::answer(const Target& target) {
  int nth = 0;
  {
    const std::lock_guard lock(mutex_);
    nth = ++by_token_[target.value];
    ++requests_;
  }
  begun_.notify_all();
  return script_(target, nth);
}

}  // namespace fanfare::client::testing
