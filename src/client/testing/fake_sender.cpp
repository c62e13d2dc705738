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
    for (auto& [number, pending] : std::exchange(*pending_, {})) {
      pending(attempt(VerdictKind::unknown_outcome));
    }
  }

  void send(std::shared_ptr<const fcm::EncodedMessage> /*message*/, const Target& target,
            Handler on_attempt) override {
    const int number = next_++;
    pending_->emplace(number, std::move(on_attempt));
    auto answer = fcm_.answer(target);
    if (!answer) return;
    boost::asio::post(io_, [pending = pending_, number, answer = std::move(*answer)]() mutable {
      auto node = pending->extract(number);
      if (!node.empty()) node.mapped()(std::move(answer));
    });
  }

 private:
  using Pending = std::map<int, Handler>;
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
