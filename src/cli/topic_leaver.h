// Leaving topics: a device that is retired no longer gets what is sent to it, but stays subscribed
// to its topics. So before it goes FCM is asked for them, and it is unsubscribed from each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "fanfare/instance_id.h"
#include "fanfare/topics.h"

#include "cli/app.h"
#include "registry/registry.h"

namespace fanfare::cli {

class TopicLeaver {
 public:
  /// With the credentials and endpoints of the global options. Tokens are asked about and
  /// unsubscribed over the Instance ID API, FIDs over the v1 API.
  [[nodiscard]] static Result<TopicLeaver> open(Context& context);

  /// Those of `receivers` that have no topic any more. The others failed, or the project is
  /// blocked: then nothing more is asked.
  [[nodiscard]] std::vector<registry::Receiver> leave(
      std::span<const registry::Receiver> receivers);

  [[nodiscard]] std::uint64_t left() const noexcept { return left_; }  ///< Subscriptions ended.
  /// How many devices failed, by rule.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& failed() const noexcept {
    return failed_by_rule_;
  }
  /// What stands in the way of all, and at which device it was met; nullopt: nothing.
  [[nodiscard]] const std::optional<Outcome>& blocked() const noexcept { return blocked_; }

 private:
  TopicLeaver(InstanceId instances, Topics batches, Topics singles)
      : instances_(std::move(instances)),
        batches_(std::move(batches)),
        singles_(std::move(singles)) {}

  void ask_tokens(std::span<const registry::Receiver> receivers);
  void ask_fids(std::span<const registry::Receiver> receivers);
  void unsubscribe(Topics& api, const std::string& topic, const std::vector<Target>& members);
  void note_failure(const Outcome& outcome);

  InstanceId instances_;
  Topics batches_;
  Topics singles_;
  std::map<std::string, std::vector<Target>> tokens_of_;  // By topic, of the present call.
  std::map<std::string, std::vector<Target>> fids_of_;
  std::set<std::string> kept_;  // Registrations that failed, of the present call.
  std::uint64_t left_ = 0;
  std::map<std::string, std::uint64_t> failed_by_rule_;
  std::optional<Outcome> blocked_;
};

}  // namespace fanfare::cli
