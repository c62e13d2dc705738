#include "fanfare/client.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "client/client_parts.h"
#include "client/outbox.h"
#include "client/target_stream.h"
#include "fcm/encoded_message.h"

namespace fanfare {

struct Client::Impl {
  explicit Impl(client::ClientParts chosen)
      : parts(std::move(chosen)), lanes(client::make_lanes(parts.make_sender, parts.lanes)) {
    for (const auto& lane : lanes) {
      outboxes.push_back(
          std::make_unique<client::Outbox>(*lane, parts.retry, Random::from_system()));
    }
  }

  // The lanes' threads end while the outboxes are still there to take the last results.
  ~Impl() {
    for (const auto& outbox : outboxes) outbox->close();
    lanes.clear();
  }

  // All messages to one target take the same lane, whose loop knows what it has got.
  client::Outbox& outbox_of(const Target& target) {
    return *outboxes[std::hash<std::string_view>{}(target.value) % outboxes.size()];
  }

  [[nodiscard]] std::shared_ptr<const fcm::EncodedMessage> encode(const Message& message) const {
    return std::make_shared<const fcm::EncodedMessage>(message, parts.validate_only);
  }

  client::ClientParts parts;
  client::Lanes lanes;
  std::vector<std::unique_ptr<client::Outbox>> outboxes;  // One on each lane.
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

void Client::send(const Message& message, Target target, Callback on_outcome, Priority priority) {
  client::Outbox& outbox = impl_->outbox_of(target);
  outbox.send(impl_->encode(message), std::move(target), std::move(on_outcome), priority);
}

std::future<Outcome> Client::send_async(const Message& message, Target target) {
  auto promise = std::make_shared<std::promise<Outcome>>();
  auto future = promise->get_future();
  send(message, std::move(target),
       [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
  return future;
}

Outcome Client::send(const Message& message, Target target) {
  return send_async(message, std::move(target)).get();
}

void Client::send_each(const Message& message, const std::function<bool(Target&)>& next,
                       const std::function<void(const Outcome&)>& on_outcome, Priority priority) {
  client::LanePort port(impl_->lanes, impl_->encode(message), priority);
  client::send_to_each(port, impl_->parts.retry, Random::from_system(), next, on_outcome);
}

void Client::send_each(const Message& message, const std::function<std::optional<Target>()>& next,
                       const std::function<void(const Outcome&)>& on_outcome, Priority priority) {
  send_each(message, client::filling(next), on_outcome, priority);
}

const std::string& Client::project() const noexcept {
  return impl_->parts.project;
}

namespace client {

Client ClientMaker::make(ClientParts parts) {
  return Client(std::make_unique<Client::Impl>(std::move(parts)));
}

RetryOptions retry_options_of(const ClientOptions& options) {
  RetryOptions retry;
  retry.max_attempts = options.max_attempts;
  retry.give_up_after = options.give_up_after;
  retry.retry_budget = {.share = options.retry_share, .per_second = options.retries_per_second};
  retry.target_limits = {.device_per_minute = options.device_messages_per_minute,
                         .device_per_hour = options.device_messages_per_hour,
                         .topic_per_minute = options.topic_messages_per_minute};
  retry.on_unknown = options.retry_unknown ? OnUnknown::retry : OnUnknown::drop;
  // The pool below has sent an unsent message again already, on other connections and with pauses
  // between. A caller who waits for a host that can't be reached should hear soon.
  retry.unsent_at_once = 3;
  // A quarter more than the connections carry at once, so that none runs dry between two turns.
  retry.max_window = std::max<std::size_t>(1, options.connections) * 125;
  return retry;
}

}  // namespace client
}  // namespace fanfare
