#include "client/api_calls.h"

#include "client/client_parts.h"
#include "client/lane.h"
#include "client/target_stream.h"

namespace fanfare::client {

struct ApiCalls::Impl {
  explicit Impl(const ClientParts& chosen) : parts(chosen), lane(parts.make_sender) {}

  ClientParts parts;
  Lane lane;
};

Result<ApiCalls> ApiCalls::open(const ClientOptions& options, OtherCall call) {
  const auto parts = network_parts(options, std::move(call));
  if (!parts) return std::unexpected(parts.error());
  auto impl = std::make_unique<Impl>(*parts);
  if (const auto made = parts->sender_made.get(); !made) return std::unexpected(made.error());
  return ApiCalls(std::move(impl));
}

ApiCalls::ApiCalls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiCalls::ApiCalls(ApiCalls&&) noexcept = default;
ApiCalls& ApiCalls::operator=(ApiCalls&&) noexcept = default;
ApiCalls::~ApiCalls() = default;

void ApiCalls::each(const std::function<std::optional<Target>()>& next,
                    const std::function<void(const Outcome&)>& on_outcome) {
  LanePort port(impl_->lane, nullptr);
  send_to_each(port, impl_->parts.retry, Random::from_system(), next, on_outcome);
}

const std::string& ApiCalls::project() const noexcept {
  return impl_->parts.project;
}

const std::vector<std::string>& ApiCalls::warnings() const noexcept {
  return impl_->parts.warnings;
}

}  // namespace fanfare::client
