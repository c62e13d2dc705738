#include "emulator/subscriptions.h"

namespace fanfare::emulator {

Subscribed Subscriptions::add(const std::string& registration, std::string_view topic,
                              SystemTime now) {
  const auto& old = topics_of(registration);
  if (old.contains(topic)) return Subscribed::already;
  if (old.size() >= max_topics) return Subscribed::too_many_topics;
  if (count_ >= max_count) return Subscribed::full;
  const auto owner = by_registration_.try_emplace(registration).first;
  owner->second.emplace(topic, now);
  by_topic_[std::string(topic)].insert(owner->first);
  ++count_;
  return Subscribed::added;
}

bool Subscriptions::remove(const std::string& registration, std::string_view topic) {
  const auto owner = by_registration_.find(registration);
  if (owner == by_registration_.end()) return false;
  const auto one = owner->second.find(topic);
  if (one == owner->second.end()) return false;
  owner->second.erase(one);
  const auto subscribers = by_topic_.find(topic);
  subscribers->second.erase(owner->first);
  if (subscribers->second.empty()) by_topic_.erase(subscribers);
  if (owner->second.empty()) by_registration_.erase(owner);
  --count_;
  return true;
}

std::optional<SystemTime> Subscriptions::since(const std::string& registration,
                                               std::string_view topic) const {
  const auto& topics = topics_of(registration);
  const auto one = topics.find(topic);
  if (one == topics.end()) return std::nullopt;
  return one->second;
}

const Subscriptions::Topics& Subscriptions::topics_of(const std::string& registration) const {
  static const Topics none;
  const auto owner = by_registration_.find(registration);
  return owner == by_registration_.end() ? none : owner->second;
}

void Subscriptions::for_each_subscriber(
    std::string_view topic, const std::function<void(const std::string&)>& visit) const {
  const auto subscribers = by_topic_.find(topic);
  if (subscribers == by_topic_.end()) return;
  for (const auto registration : subscribers->second) visit(std::string(registration));
}

void Subscriptions::for_each(
    const std::function<void(const std::string&, const Topics&)>& visit) const {
  for (const auto& [registration, topics] : by_registration_) visit(registration, topics);
}

}  // namespace fanfare::emulator
