#include "cli/topic_leaver.h"

#include <memory>

#include "cli/api_options.h"

namespace fanfare::cli {

using registry::Receiver;

namespace {

// FCM knows nothing of it, so it has no topics either.
bool unknown_to_fcm(const Verdict& verdict) {
  return verdict.rule == "instance.unknown" || verdict.rule == "instance.invalid" ||
         verdict.action == Action::retire_device;
}

}  // namespace

Result<TopicApis> open_topic_apis(Context& context) {
  auto instances = InstanceId::open(instance_id_options(context));
  if (!instances) return std::unexpected(instances.error());
  log_warnings(context, instances->warnings());
  auto batches = Topics::open(instance_id_options(context), TopicApi::instance_id);
  if (!batches) return std::unexpected(batches.error());
  auto singles = Topics::open(client_options(context), TopicApi::v1);
  if (!singles) return std::unexpected(singles.error());
  // A function may be copied; what is open may not.
  const auto tokens = std::make_shared<InstanceId>(std::move(*instances));
  const auto of_tokens = std::make_shared<Topics>(std::move(*batches));
  const auto of_fids = std::make_shared<Topics>(std::move(*singles));
  return TopicApis{
      .describe_tokens = [tokens](const auto& next,
                                  const auto& done) { tokens->describe_each(next, done); },
      .topics_of_fid = [of_fids](const Target& fid) { return of_fids->list(fid); },
      .unsubscribe =
          [=](TargetKind kind, const std::string& topic, const auto& next, const auto& done) {
            Topics& api = kind == TargetKind::fid ? *of_fids : *of_tokens;
            api.unsubscribe_each(topic, next, done);
          }};
}

std::vector<Receiver> TopicLeaver::leave(std::span<const Receiver> receivers) {
  tokens_of_.clear();
  fids_of_.clear();
  kept_.clear();
  ask_tokens(receivers);
  ask_fids(receivers);
  for (const auto& [topic, members] : tokens_of_) unsubscribe(TargetKind::token, topic, members);
  for (const auto& [topic, members] : fids_of_) unsubscribe(TargetKind::fid, topic, members);
  std::vector<Receiver> free;
  // What was asked when the project was blocked is not known for certain.
  if (blocked_) return free;
  for (const Receiver& receiver : receivers) {
    if (!kept_.contains(receiver.registration.value)) free.push_back(receiver);
  }
  return free;
}

void TopicLeaver::ask_tokens(std::span<const Receiver> receivers) {
  auto at = receivers.begin();
  apis_.describe_tokens(
      [&]() -> std::optional<std::string> {
        while (at != receivers.end() && at->registration.kind != TargetKind::token) ++at;
        if (blocked_ || at == receivers.end()) return std::nullopt;
        return (at++)->registration.value;
      },
      [&](const Outcome& outcome, const InstanceInfo& info) {
        if (!outcome.accepted()) return note_failure(outcome);
        for (const auto& [topic, since] : info.topics) tokens_of_[topic].push_back(outcome.target);
      });
}

void TopicLeaver::ask_fids(std::span<const Receiver> receivers) {
  for (const Receiver& receiver : receivers) {
    if (blocked_ || receiver.registration.kind != TargetKind::fid) continue;
    const auto topics = apis_.topics_of_fid(receiver.registration);
    if (!topics) {
      note_failure(topics.error());
      continue;
    }
    for (const auto& [topic, since] : *topics) fids_of_[topic].push_back(receiver.registration);
  }
}

void TopicLeaver::unsubscribe(TargetKind kind, const std::string& topic,
                              const std::vector<Target>& members) {
  auto at = members.begin();
  apis_.unsubscribe(
      kind, topic,
      [&]() -> std::optional<Target> {
        if (blocked_ || at == members.end()) return std::nullopt;
        return *at++;
      },
      [&](const Outcome& outcome) {
        if (outcome.accepted()) {
          ++left_;
        } else {
          note_failure(outcome);
        }
      });
}

void TopicLeaver::note_failure(const Outcome& outcome) {
  if (unknown_to_fcm(outcome.verdict)) return;
  if (blocks(outcome.verdict)) blocked_ = outcome;
  const bool first = kept_.insert(outcome.target.value).second;
  if (first) ++failed_by_rule_[std::string(outcome.verdict.rule)];
}

}  // namespace fanfare::cli
