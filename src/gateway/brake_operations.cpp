// The brake over HTTP: looked at, released, confirmed.
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "gateway/operations.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;
using registry::Registry;

json::object to_json(const registry::BrakeState& brake) {
  json::object out{{"platform", brake.platform},
                   {"rule", brake.rule},
                   {"since", format_rfc3339(brake.since)},
                   {"suspects", brake.suspects},
                   {"dead", brake.why.dead},
                   {"answers", brake.why.answers},
                   {"share", brake.why.share},
                   {"limit", brake.why.limit}};
  if (brake.over) out["over"] = format_rfc3339(*brake.over);
  return out;
}

void get(Services& services, const Call& call, Respond respond) {
  on_registry(services, std::move(respond),
              [project = call.part("project")](Registry& registry) -> http2::Response {
                auto brakes = registry.brakes();
                if (!brakes) return refuse(brakes.error());
                json::array all;
                for (const auto& brake : *brakes) {
                  if (brake.project == project) all.push_back(to_json(brake));
                }
                return answer(200, json::object{{"brakes", std::move(all)}});
              });
}

using Word = Result<std::uint64_t> (Registry::*)(SystemTime, const registry::BrakeChoice&);

void say(Services& services, const Call& call, Respond respond, Word word, const char* action) {
  registry::BrakeChoice choice;
  choice.project = call.part("project");
  if (!call.request.body.empty()) {
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    Fields fields(*body);
    choice.platform = fields.optional_text("platform", 64);
    choice.rule = fields.optional_text("rule", 128);
    if (auto refusal = fields.refusal()) return respond(refuse(*refusal));
  }
  auto note = services.audit(call, action, call.part("project"), choice.rule.value_or("all"));
  on_registry(services, std::move(respond), std::move(note),
              [word, choice, clock = services.clock](Registry& registry) -> DeviceDeed {
                auto changed = (registry.*word)(clock(), choice);
                if (!changed) return {refuse(changed.error())};
                return {.response = answer(200, json::object{{"devices", *changed}}), .done = true};
              });
}

}  // namespace

std::vector<Operation> brake_operations(Services& services) {
  using queue::Scope;
  const auto word = [&services](Word said, const char* action) {
    return [&services, said, action](const Call& call, Respond respond) {
      say(services, call, std::move(respond), said, action);
    };
  };
  return {
      {"getBrake", "GET", "/v1/projects/{project}/brake", Scope::read,
       [&services](const Call& call, Respond respond) { get(services, call, std::move(respond)); }},
      {"releaseBrake", "POST", "/v1/projects/{project}/brake:release", Scope::admin,
       word(&Registry::release_brakes, "brake.release")},
      {"confirmBrake", "POST", "/v1/projects/{project}/brake:confirm", Scope::admin,
       word(&Registry::confirm_brakes, "brake.confirm")},
  };
}

}  // namespace fanfare::gateway
