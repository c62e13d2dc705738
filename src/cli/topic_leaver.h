// Leaving topics: a device that is retired no longer gets what is sent to it, but stays subscribed
// to its topics. So before it goes FCM is asked for them, and it is unsubscribed from each.
#pragma once

#include <cstdint>
#include <functional>
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

/// What is asked of FCM. All take a stream or one, and return when all is answered.
struct TopicApis {
  using NextToken = std::function<std::optional<std::string>()>;
  using OnDescribed = std::function<void(const Outcome&, const InstanceInfo&)>;

  std::function<void(const NextToken&, const OnDescribed&)> describe_tokens;
  std::function<Reply<std::vector<Subscription>>(const Target&)> topics_of_fid;
  /// Tokens only, or FIDs only.
  std::function<void(TargetKind, const std::string& topic, const Topics::Next&,
                     const Topics::OnOutcome&)>
      unsubscribe;
};

/// With the credentials and endpoints of the global options. Tokens are asked about and
/// unsubscribed over the Instance ID API, FIDs over the v1 API.
[[nodiscard]] Result<TopicApis> open_topic_apis(Context& context);

class TopicLeaver {
 public:
  explicit TopicLeaver(TopicApis apis) : apis_(std::move(apis)) {}

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
  void ask_tokens(std::span<const registry::Receiver> receivers);
  void ask_fids(std::span<const registry::Receiver> receivers);
  void unsubscribe(TargetKind kind, const std::string& topic, const std::vector<Target>& members);
  void note_failure(const Outcome& outcome);

  TopicApis apis_;
  std::map<std::string, std::vector<Target>> tokens_of_;  // By topic, of the present call.
  std::map<std::string, std::vector<Target>> fids_of_;
  std::set<std::string> kept_;  // Registrations that failed, of the present call.
  std::uint64_t left_ = 0;
  std::map<std::string, std::uint64_t> failed_by_rule_;
  std::optional<Outcome> blocked_;
};

}  // namespace fanfare::cli
