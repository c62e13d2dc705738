#include "client/api_calls.h"

#include <utility>

#include "client/client_parts.h"
#include "client/lane.h"
#include "client/target_stream.h"

namespace fanfare::client {

struct ApiCalls::Impl {
  Impl(const ClientParts& chosen, std::shared_ptr<OtherCall> cell)
      : parts(chosen), call(std::move(cell)), lane(parts.make_sender) {
    // They are of messages, and these calls send none.
    parts.retry.target_limits = {.device_per_minute = 0, .device_per_hour = 0};
  }

  ClientParts parts;
  std::shared_ptr<OtherCall> call;  // Changes only while nothing is under way.
  Lane lane;
};

void add_access_token_auth(http2::Request& request) {
  request.headers.insert(request.headers.begin(), {"access_token_auth", "true"});
}

Result<ApiCalls> ApiCalls::open(const ClientOptions& options, const Api& api) {
  auto call = std::make_shared<OtherCall>();
  OtherCall current{
      .fill = [call](const std::string& project, const Target& target,
                     http2::Request& request) { call->fill(project, target, request); },
      .judge = [call](const Answer& answer, TargetKind kind) { return call->judge(answer, kind); }};
  const auto parts = network_parts(options, api, std::move(current));
  if (!parts) return std::unexpected(parts.error());
  auto impl = std::make_unique<Impl>(*parts, std::move(call));
  if (const auto made = parts->sender_made.get(); !made) return std::unexpected(made.error());
  return ApiCalls(std::move(impl));
}

ApiCalls::ApiCalls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiCalls::ApiCalls(ApiCalls&&) noexcept = default;
ApiCalls& ApiCalls::operator=(ApiCalls&&) noexcept = default;
ApiCalls::~ApiCalls() = default;

void ApiCalls::each(OtherCall call, const std::function<std::optional<Target>()>& next,
                    const std::function<void(const Outcome&)>& on_outcome) {
  *impl_->call = std::move(call);
  LanePort port(impl_->lane, nullptr);
  send_to_each(port, impl_->parts.retry, Random::from_system(), filling(next), on_outcome);
}

Outcome ApiCalls::one(OtherCall call, Target target) {
  std::optional<Target> only(std::move(target));
  Outcome ended;
  each(
      std::move(call), [&] { return std::exchange(only, std::nullopt); },
      [&](const Outcome& outcome) { ended = outcome; });
  return ended;
}

void ApiCalls::pause(std::chrono::milliseconds span) {
  LanePort port(impl_->lane, nullptr);
  const SteadyTime until = port.now() + span;
  std::vector<DeliveryPtr> none;
  while (port.now() < until) port.wait(until, none);
}

const std::string& ApiCalls::project() const noexcept {
  return impl_->parts.project;
}

const std::string& ApiCalls::credentials() const noexcept {
  return impl_->parts.credentials;
}

const RetryOptions& ApiCalls::retry() const noexcept {
  return impl_->parts.retry;
}

const std::vector<std::string>& ApiCalls::warnings() const noexcept {
  return impl_->parts.warnings;
}

}  // namespace fanfare::client
