#include "gateway/side_calls.h"

#include <chrono>
#include <memory>

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_waiting = 64;

// Somebody waits for the answer, and may ask again.
ClientOptions within_reach(ClientOptions options) {
  options.lanes = 1;
  options.connections = 2;
  options.max_attempts = 3;
  options.request_timeout = 10s;
  options.give_up_after = 20s;
  return options;
}

}  // namespace

SideClients::SideClients(ClientOptions options) : options_(std::move(options)) {}

Result<Topics*> SideClients::topics() {
  if (!topics_) {
    auto opened = Topics::open(options_);
    if (!opened) return std::unexpected(std::move(opened).error());
    topics_ = *std::move(opened);
  }
  return &*topics_;
}

Result<DeviceGroups*> SideClients::groups(const std::string& sender_id) {
  if (!groups_ || groups_->first != sender_id) {
    auto opened = DeviceGroups::open(options_, sender_id);
    if (!opened) return std::unexpected(std::move(opened).error());
    groups_.emplace(sender_id, *std::move(opened));
  }
  return &groups_->second;
}

SideCalls::SideCalls(const ClientOptions& client) : thread_(SideClients(within_reach(client))) {}

SideCalls::~SideCalls() {
  closing_ = true;
}

bool SideCalls::post(Work work) {
  if (thread_.waiting() >= most_waiting) return false;
  thread_.post([this, work = std::move(work)](SideClients& clients) mutable {
    work(closing_ ? nullptr : &clients);
  });
  return true;
}

}  // namespace fanfare::gateway
