#include "fanfare/device_groups.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/api_calls.h"
#include "fcm/group_calls.h"

namespace fanfare {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

struct DeviceGroups::Impl {
  client::ApiCalls calls;
  std::string sender_id;

  Reply<std::string> ask(std::string method, std::string path, std::string body) {
    const auto outcome = calls.one(
        {.fill =
             [&](const std::string&, const Target&, http2::Request& request) {
               request.method = method;
               request.path = path;
               request.body = body;
               request.headers.insert(request.headers.begin(), {"project_id", sender_id});
               client::add_access_token_auth(request);
             },
         .judge = [](const Answer& answer, TargetKind) { return fcm::judge_group(answer); }});
    if (!outcome.accepted()) return std::unexpected(outcome);
    return fcm::parse_group_key(outcome.answer.body).value_or("");
  }

  Reply<std::string> change(fcm::GroupDeed deed, const std::string& name, const std::string& key,
                            const std::vector<std::string>& tokens) {
    return ask("POST", std::string(fcm::group_path()), fcm::group_body(deed, name, key, tokens));
  }
};

Result<DeviceGroups> DeviceGroups::open(const ClientOptions& options,
                                        const std::string& sender_id) {
  if (!is_number(sender_id)) {
    return fail(Error::Kind::usage, fmt::format("\"{}\" is no sender id", sender_id),
                "it is the project's number: Firebase console, Project settings, Cloud Messaging");
  }
  auto calls = client::ApiCalls::open(options, client::fcm_api);
  if (!calls) return std::unexpected(calls.error());
  return DeviceGroups(std::make_unique<Impl>(Impl{*std::move(calls), sender_id}));
}

DeviceGroups::DeviceGroups(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeviceGroups::DeviceGroups(DeviceGroups&&) noexcept = default;
DeviceGroups& DeviceGroups::operator=(DeviceGroups&&) noexcept = default;
DeviceGroups::~DeviceGroups() = default;

Reply<std::string> DeviceGroups::create(const std::string& name,
                                        const std::vector<std::string>& tokens) {
  return impl_->change(fcm::GroupDeed::create, name, "", tokens);
}

Reply<std::string> DeviceGroups::add(const std::string& name, const std::string& key,
                                     const std::vector<std::string>& tokens) {
  return impl_->change(fcm::GroupDeed::add, name, key, tokens);
}

Reply<std::string> DeviceGroups::remove(const std::string& name, const std::string& key,
                                        const std::vector<std::string>& tokens) {
  return impl_->change(fcm::GroupDeed::remove, name, key, tokens);
}

Reply<std::string> DeviceGroups::find(const std::string& name) {
  return impl_->ask("GET", fcm::group_key_path(name), "");
}

const std::vector<std::string>& DeviceGroups::warnings() const noexcept {
  return impl_->calls.warnings();
}

}  // namespace fanfare
