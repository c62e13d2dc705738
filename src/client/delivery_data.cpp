#include "fanfare/delivery_data.h"

#include <utility>

#include "client/api_calls.h"
#include "fcm/delivery_data.h"

namespace fanfare {

struct DeliveryData::Impl {
  client::ApiCalls calls;

  Outcome ask(const std::string& app_id, const std::string& page_token) {
    return calls.one({.fill =
                          [&](const std::string& project, const Target&, http2::Request& request) {
                            request.method = "GET";
                            request.path = fcm::delivery_data_path(project, app_id, page_token);
                          },
                      .judge = [](const Answer& answer,
                                  TargetKind) { return fcm::judge_delivery_data(answer); }});
  }
};

Result<DeliveryData> DeliveryData::open(const ClientOptions& options) {
  auto calls = client::ApiCalls::open(options, client::delivery_data_api);
  if (!calls) return std::unexpected(calls.error());
  return DeliveryData(std::make_unique<Impl>(Impl{*std::move(calls)}));
}

DeliveryData::DeliveryData(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeliveryData::DeliveryData(DeliveryData&&) noexcept = default;
DeliveryData& DeliveryData::operator=(DeliveryData&&) noexcept = default;
DeliveryData::~DeliveryData() = default;

Reply<void> DeliveryData::each_day(const std::string& app_id,
                                   const std::function<void(const DeliveryDay&)>& on_day) {
  std::string page_token;
  do {
    auto outcome = impl_->ask(app_id, page_token);
    if (!outcome.accepted()) return std::unexpected(std::move(outcome));
    auto page = fcm::parse_delivery_page(outcome.answer.body).value_or(fcm::DeliveryPage{});
    for (const DeliveryDay& day : page.days) on_day(day);
    if (page.next_page == page_token) break;  // The last one, or a server that goes in circles.
    page_token = std::move(page.next_page);
  } while (!page_token.empty());
  return {};
}

const std::vector<std::string>& DeliveryData::warnings() const noexcept {
  return impl_->calls.warnings();
}

}  // namespace fanfare
