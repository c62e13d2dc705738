// Topics and device groups over HTTP: asked of FCM, which alone knows them.
#include <algorithm>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "fcm/checks.h"
#include "fcm/group_calls.h"
#include "fcm/rules.h"
#include "fcm/topic_calls.h"
#include "gateway/operations.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;
using fcm::GroupDeed;
using fcm::TopicDeed;

constexpr std::size_t most_registrations = 1'000;

Refusal not_now(std::string message) {
  return {.code = 503,
          .status = "UNAVAILABLE",
          .message = std::move(message),
          .remedy = "ask again later",
          .retry_after_s = 5};
}

json::object registration_of(const Target& target) {
  return {{to_string(target.kind), target.value}};
}

// Why FCM did not do it, as far as the caller can mend it or must wait.
Refusal refusal_of(const Outcome& outcome) {
  const Verdict& verdict = outcome.verdict;
  Refusal refusal{.message = fmt::format("FCM refused it ({}): {}", verdict.rule, verdict.text),
                  .remedy = std::string(remedy_for(verdict.rule))};
  if (verdict.rule == "group.exists") {
    refusal.code = 409;
    refusal.status = "ALREADY_EXISTS";
    return refusal;
  }
  if (verdict.rule == "group.not_found" || verdict.action == Action::retire_device) {
    refusal.code = 404;
    refusal.status = "NOT_FOUND";
    return refusal;
  }
  switch (verdict.action) {
    case Action::probe_device:
    case Action::fail_message:
      return refusal;
    case Action::wait_project:
    case Action::wait_target:
      refusal.code = 429;
      refusal.status = "RESOURCE_EXHAUSTED";
      refusal.retry_after_s = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
          verdict.retry_after.value_or(std::chrono::seconds(60)).count(), 1, 3'600));
      return refusal;
    case Action::hold_project:
    case Action::hold_platform:
    case Action::refresh_credential:
      refusal.code = 502;
      refusal.status = "UNAVAILABLE";
      return refusal;
    case Action::retire_device:
    case Action::record:
    case Action::retry:
    case Action::follow_policy:
    case Action::resend:
      break;
  }
  return not_now(
      fmt::format("FCM did not answer for certain ({}): {}", verdict.rule, verdict.text));
}

class TopicChange {
 public:
  http2::Response run(Topics& topics, TopicDeed deed, const std::string& topic,
                      std::vector<Target> registrations) {
    std::ranges::reverse(registrations);
    const auto next = [&]() -> std::optional<Target> {
      if (registrations.empty()) return std::nullopt;
      Target last = std::move(registrations.back());
      registrations.pop_back();
      return last;
    };
    const auto enter = [&](const Outcome& outcome) { note(outcome); };
    if (deed == TopicDeed::subscribe) {
      topics.subscribe_each(topic, next, enter);
    } else {
      topics.unsubscribe_each(topic, next, enter);
    }
    if (changed_ == 0 && blocked_) return refuse(refusal_of(*blocked_));
    return answer(200, json::object{{"changed", changed_},
                                    {"failed", failures_.size()},
                                    {"failures", std::move(failures_)}});
  }

 private:
  void note(const Outcome& outcome) {
    if (outcome.accepted()) {
      ++changed_;
      return;
    }
    const Verdict& verdict = outcome.verdict;
    json::object failure = registration_of(outcome.target);
    failure["verdict"] = to_string(verdict.kind);
    failure["rule"] = verdict.rule;
    failure["status"] = outcome.answer.status;
    failure["text"] = verdict.text;
    failures_.push_back(std::move(failure));
    const bool of_the_device = verdict.fault_domain == FaultDomain::device;
    if (!of_the_device) blocked_ = outcome;
  }

  std::uint64_t changed_ = 0;
  json::array failures_;
  std::optional<Outcome> blocked_;  // One that says why nothing works, for whatever device.
};

http2::Response key_answer(const std::string& name, const Reply<std::string>& key) {
  if (!key) return refuse(refusal_of(key.error()));
  return answer(200, json::object{{"name", name}, {"notification_key", *key}});
}

class TopicOperations {
 public:
  explicit TopicOperations(Services& services) : services_(services) {}

  void change(const Call& call, Respond respond, TopicDeed deed) const {
    auto project = services_.projects.find(call.part("project"));
    if (!project) return respond(refuse(no_project(call)));
    const std::string& topic = call.part("topic");
    if (const auto findings = check_target({TargetKind::topic, topic}); fcm::has_fault(findings)) {
      return respond(refuse(Refusal{
          .message = findings.front().what, .remedy = findings.front().remedy, .field = "topic"}));
    }
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    Fields fields(*body);
    std::vector<Target> registrations;
    for (auto& token : fields.texts("tokens", most_registrations)) {
      registrations.push_back({TargetKind::token, std::move(token)});
    }
    for (auto& fid : fields.texts("fids", most_registrations)) {
      registrations.push_back({TargetKind::fid, std::move(fid)});
    }
    const auto user = fields.optional_text("user");
    if (registrations.empty() && !user) {
      fields.refuse("tokens", "nobody is named", "give tokens, fids or a user");
    } else if (!registrations.empty() && user) {
      fields.refuse("user", "registrations are named as well", "give one of the two");
    }
    if (auto refusal = fields.refusal()) return respond(refuse(*refusal));
    if (!user) {
      return change(*project, deed, topic, std::move(registrations), std::move(respond));
    }
    services_.devices.post([this, project = std::move(project), deed, topic, user = *user,
                            respond = std::move(respond)](registry::Registry& registry) mutable {
      auto found = registry.devices_of(user, project->id());
      services_.to_http([this, project = std::move(project), deed, topic, found = std::move(found),
                         respond = std::move(respond)]() mutable {
        if (!found) return respond(refuse(found.error()));
        if (found->empty()) return respond(refuse(no_device_of_user()));
        std::vector<Target> of_user;
        for (auto& receiver : *found) of_user.push_back(std::move(receiver.registration));
        change(*project, deed, topic, std::move(of_user), std::move(respond));
      });
    });
  }

  void list(const Call& call, Respond respond) const {
    const std::string kind = query_text(call, "kind");
    if (!kind.empty() && kind != "token" && kind != "fid") {
      return respond(refuse(Refusal{.message = fmt::format("'{}' is no kind", kind),
                                    .remedy = "kind is token or fid",
                                    .field = "kind"}));
    }
    const Target device{kind == "fid" ? TargetKind::fid : TargetKind::token, call.part("device")};
    with_topics(call, std::move(respond), [device](Topics& topics) {
      const auto found = topics.list(device);
      if (!found) return refuse(refusal_of(found.error()));
      json::array all;
      for (const auto& [topic, since] : *found) {
        all.push_back(json::object{{"topic", topic}, {"since", since}});
      }
      json::object out = registration_of(device);
      out["topics"] = std::move(all);
      return answer(200, out);
    });
  }

  void create_group(const Call& call, Respond respond) const {
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    Fields fields(*body);
    const std::string name = fields.required_text("name");
    const std::string sender_id = fields.required_text("sender_id", 32);
    auto tokens = fields.texts("tokens", fcm::max_group_members);
    if (tokens.empty()) fields.refuse("tokens", "a group begins with a device", "name one to 20");
    if (auto refusal = fields.refusal()) return respond(refuse(*refusal));
    with_groups(call, std::move(respond), sender_id,
                [name, tokens = std::move(tokens)](DeviceGroups& groups) {
                  return key_answer(name, groups.create(name, tokens));
                });
  }

  void get_group(const Call& call, Respond respond) const {
    with_groups(call, std::move(respond), query_text(call, "sender_id"),
                [name = call.part("group")](DeviceGroups& groups) {
                  return key_answer(name, groups.find(name));
                });
  }

  // Without a key FCM is asked for it by the name.
  void change_group(const Call& call, Respond respond, GroupDeed deed) const {
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    Fields fields(*body);
    const std::string sender_id = fields.required_text("sender_id", 32);
    auto key = fields.text("notification_key", 4'096);
    auto tokens = fields.texts("tokens", fcm::max_group_members);
    if (tokens.empty()) fields.refuse("tokens", "nobody is named", "name one to 20");
    if (auto refusal = fields.refusal()) return respond(refuse(*refusal));
    with_groups(call, std::move(respond), sender_id,
                [deed, name = call.part("group"), key = std::move(key),
                 tokens = std::move(tokens)](DeviceGroups& groups) mutable {
                  if (key.empty()) {
                    auto found = groups.find(name);
                    if (!found) return refuse(refusal_of(found.error()));
                    key = *std::move(found);
                  }
                  return key_answer(name, deed == GroupDeed::add
                                              ? groups.add(name, key, tokens)
                                              : groups.remove(name, key, tokens));
                });
  }

 private:
  static Refusal no_project(const Call& call) {
    return not_found(fmt::format("there is no project '{}'", call.part("project")),
                     "configure it, or mend the path");
  }

  static Refusal no_device_of_user() {
    auto refusal = not_found("the user has no device", "register one first");
    refusal.field = "user";
    return refusal;
  }

  void change(Project& project, TopicDeed deed, const std::string& topic,
              std::vector<Target> registrations, Respond respond) const {
    ask(project, std::move(respond),
        [deed, topic, registrations = std::move(registrations)](SideClients& clients) mutable {
          auto topics = clients.topics();
          if (!topics) return refuse(topics.error());
          return TopicChange().run(**topics, deed, topic, std::move(registrations));
        });
  }

  void with_topics(const Call& call, Respond respond,
                   std::move_only_function<http2::Response(Topics&)> work) const {
    auto project = services_.projects.find(call.part("project"));
    if (!project) return respond(refuse(no_project(call)));
    ask(*project, std::move(respond), [work = std::move(work)](SideClients& clients) mutable {
      auto topics = clients.topics();
      return topics ? work(**topics) : refuse(topics.error());
    });
  }

  void with_groups(const Call& call, Respond respond, const std::string& sender_id,
                   std::move_only_function<http2::Response(DeviceGroups&)> work) const {
    auto project = services_.projects.find(call.part("project"));
    if (!project) return respond(refuse(no_project(call)));
    ask(*project, std::move(respond),
        [sender_id, work = std::move(work)](SideClients& clients) mutable {
          auto groups = clients.groups(sender_id);
          return groups ? work(**groups) : refuse(groups.error());
        });
  }

  // The project's sender may be let go of meanwhile: its calls are then answered before it ends.
  void ask(Project& project, Respond respond,
           std::move_only_function<http2::Response(SideClients&)> work) const {
    const auto shared = std::make_shared<Respond>(std::move(respond));
    const bool posted = project.side_calls().post(
        [this, shared, work = std::move(work)](SideClients* clients) mutable {
          auto response =
              clients == nullptr ? refuse(not_now("the project is being closed")) : work(*clients);
          services_.to_http([shared, response = std::move(response)]() mutable {
            (*shared)(std::move(response));
          });
        });
    if (!posted) (*shared)(refuse(not_now("too many calls about topics and groups wait")));
  }

  Services& services_;
};

}  // namespace

std::vector<Operation> topic_operations(Services& services) {
  const auto self = std::make_shared<TopicOperations>(services);
  const auto topic = [self](TopicDeed deed) -> Handler {
    return [self, deed](const Call& call, Respond respond) {
      self->change(call, std::move(respond), deed);
    };
  };
  const auto group = [self](GroupDeed deed) -> Handler {
    return [self, deed](const Call& call, Respond respond) {
      self->change_group(call, std::move(respond), deed);
    };
  };
  const auto to = [self](void (TopicOperations::*member)(const Call&, Respond) const) -> Handler {
    return [self, member](const Call& call, Respond respond) {
      (*self.*member)(call, std::move(respond));
    };
  };
  using queue::Scope;
  return {
      {"subscribe", "POST", "/v1/projects/{project}/topics/{topic}:subscribe", Scope::devices,
       topic(TopicDeed::subscribe)},
      {"unsubscribe", "POST", "/v1/projects/{project}/topics/{topic}:unsubscribe", Scope::devices,
       topic(TopicDeed::unsubscribe)},
      {"listTopics", "GET", "/v1/projects/{project}/devices/{device}/topics", Scope::read,
       to(&TopicOperations::list)},
      {"createGroup", "POST", "/v1/projects/{project}/groups", Scope::devices,
       to(&TopicOperations::create_group)},
      {"getGroup", "GET", "/v1/projects/{project}/groups/{group}", Scope::read,
       to(&TopicOperations::get_group)},
      {"addToGroup", "POST", "/v1/projects/{project}/groups/{group}:add", Scope::devices,
       group(GroupDeed::add)},
      {"removeFromGroup", "POST", "/v1/projects/{project}/groups/{group}:remove", Scope::devices,
       group(GroupDeed::remove)},
  };
}

}  // namespace fanfare::gateway
