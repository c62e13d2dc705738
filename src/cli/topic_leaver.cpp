#include "cli/topic_leaver.h"

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

Result<TopicLeaver> TopicLeaver::open(Context& context) {
  auto instances = InstanceId::open(instance_id_options(context));
  if (!instances) return std::unexpected(instances.error());
  log_warnings(context, instances->warnings());
  auto batches = Topics::open(instance_id_options(context), TopicApi::instance_id);
  if (!batches) return std::unexpected(batches.error());
  auto singles = Topics::open(client_options(context), TopicApi::v1);
  if (!singles) return std::unexpected(singles.error());
  return TopicLeaver(std::move(*instances), std::move(*batches), std::move(*singles));
}

std::vector<Receiver> TopicLeaver::leave(std::span<const Receiver> receivers) {
  tokens_of_.clear();
  fids_of_.clear();
  kept_.clear();
  ask_tokens(receivers);
  ask_fids(receivers);
  for (const auto& [topic, members] : tokens_of_) unsubscribe(batches_, topic, members);
  for (const auto& [topic, members] : fids_of_) unsubscribe(singles_, topic, members);
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
  instances_.describe_each(
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
    const auto topics = singles_.list(receiver.registration);
    if (!topics) {
      note_failure(topics.error());
      continue;
    }
    for (const auto& [topic, since] : *topics) fids_of_[topic].push_back(receiver.registration);
  }
}

void TopicLeaver::unsubscribe(Topics& api, const std::string& topic,
                              const std::vector<Target>& members) {
  auto at = members.begin();
  api.unsubscribe_each(
      topic,
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
