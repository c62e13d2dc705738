#include "fanfare/topics.h"

#include <algorithm>
#include <utility>

#include "client/api_calls.h"
#include "client/instance_info.h"
#include "client/topic_batches.h"
#include "fcm/instance_calls.h"
#include "fcm/topic_calls.h"

namespace fanfare {
namespace {

using fcm::TopicDeed;

// 3,000 a second for a project (FCM: "topic-messaging"); beyond it answers RESOURCE_EXHAUSTED.
constexpr std::uint64_t changes_per_minute = 180'000;
ClientOptions paced(ClientOptions options) {
  const auto rate = options.messages_per_minute;
  options.messages_per_minute = rate == 0 ? 0 : std::min(rate, changes_per_minute);
  options.ramp = std::chrono::milliseconds(0);
  return options;
}

client::OtherCall v1_change(TopicDeed deed, const std::string& topic) {
  return {.fill =
              [=](const std::string& project, const Target& target, http2::Request& request) {
                request.method = deed == TopicDeed::subscribe ? "POST" : "DELETE";
                request.path = fcm::topic_path(deed, project, target.value, topic);
                if (deed == TopicDeed::subscribe) request.body = "{}";
              },
          .judge = fcm::judge_topic};
}

client::OtherCall v1_page(const std::string& page_token) {
  return {.fill =
              [=](const std::string& project, const Target& target, http2::Request& request) {
                request.method = "GET";
                request.path = fcm::subscriptions_path(project, target.value, page_token);
              },
          .judge = fcm::judge_subscriptions};
}

client::OtherCall iid_batch(TopicDeed deed, const std::string& topic) {
  return {.fill =
              [=](const std::string&, const Target& batch, http2::Request& request) {
                request.path = fcm::iid_batch_path(deed);
                request.body = fcm::iid_batch_body(topic, client::tokens_of(batch));
                client::add_access_token_auth(request);
              },
          .judge = fcm::judge_topic};
}

}  // namespace

struct Topics::Impl {
  client::ApiCalls calls;
  TopicApi api;

  void change_each(TopicDeed deed, const std::string& topic, const Next& next,
                   const OnOutcome& on_outcome) {
    if (api == TopicApi::v1) return calls.each(v1_change(deed, topic), next, on_outcome);
    client::change_in_batches(
        {.each = [&](const Next& batches,
                     const OnOutcome& done) { calls.each(iid_batch(deed, topic), batches, done); },
         .pause = [&](std::chrono::milliseconds span) { calls.pause(span); }},
        calls.retry(), next, on_outcome);
  }

  Outcome change_one(TopicDeed deed, const std::string& topic, const Target& registration) {
    std::optional<Target> only(registration);
    Outcome ended;
    change_each(
        deed, topic, [&] { return std::exchange(only, std::nullopt); },
        [&](const Outcome& outcome) { ended = outcome; });
    return ended;
  }
};

Result<Topics> Topics::open(const ClientOptions& options, TopicApi api) {
  auto calls = client::ApiCalls::open(
      paced(options), api == TopicApi::v1 ? client::fcm_api : client::instance_id_api);
  if (!calls) return std::unexpected(calls.error());
  return Topics(std::make_unique<Impl>(Impl{*std::move(calls), api}));
}

Topics::Topics(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Topics::Topics(Topics&&) noexcept = default;
Topics& Topics::operator=(Topics&&) noexcept = default;
Topics::~Topics() = default;

void Topics::subscribe_each(const std::string& topic, const Next& next,
                            const OnOutcome& on_outcome) {
  impl_->change_each(TopicDeed::subscribe, topic, next, on_outcome);
}

void Topics::unsubscribe_each(const std::string& topic, const Next& next,
                              const OnOutcome& on_outcome) {
  impl_->change_each(TopicDeed::unsubscribe, topic, next, on_outcome);
}

Outcome Topics::subscribe(const std::string& topic, const Target& registration) {
  return impl_->change_one(TopicDeed::subscribe, topic, registration);
}

Outcome Topics::unsubscribe(const std::string& topic, const Target& registration) {
  return impl_->change_one(TopicDeed::unsubscribe, topic, registration);
}

Reply<std::vector<Subscription>> Topics::list(const Target& registration) {
  if (impl_->api == TopicApi::instance_id) {
    auto outcome = impl_->calls.one(client::instance_info_call(), registration);
    if (!outcome.accepted()) return std::unexpected(std::move(outcome));
    return fcm::parse_instance(outcome.answer.body).value_or(InstanceInfo{}).topics;
  }
  std::vector<Subscription> all;
  std::string page_token;
  do {
    auto outcome = impl_->calls.one(v1_page(page_token), registration);
    if (!outcome.accepted()) return std::unexpected(std::move(outcome));
    auto page = fcm::parse_subscriptions(outcome.answer.body).value_or(fcm::SubscriptionPage{});
    std::ranges::move(page.subscriptions, std::back_inserter(all));
    if (page.next_page == page_token) break;  // The last one, or a server that goes in circles.
    page_token = std::move(page.next_page);
  } while (!page_token.empty());
  return all;
}

const std::vector<std::string>& Topics::warnings() const noexcept {
  return impl_->calls.warnings();
}

}  // namespace fanfare
