// Projects, breakers, API keys and the audit log; and what tells whether the gateway is well.
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "gateway/api_page.h"
#include "gateway/operations.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

json::object to_json(const queue::ApiKey& key) {
  json::object out{{"id", key.id},
                   {"name", key.name},
                   {"projects", json::array(key.projects.begin(), key.projects.end())},
                   {"requests_per_second", key.requests_per_second},
                   {"created", format_rfc3339(key.created)}};
  json::array scopes;
  for (const queue::Scope scope : key.scopes) scopes.emplace_back(to_string(scope));
  out["scopes"] = std::move(scopes);
  if (key.expires) out["expires"] = format_rfc3339(*key.expires);
  if (key.revoked) out["revoked"] = format_rfc3339(*key.revoked);
  return out;
}

json::object to_json(Project& project) {
  const Deliverer::Stats stats = project.deliverer().stats();
  json::array breakers;
  for (const BreakerState& breaker : stats.breakers) {
    const auto wait = std::chrono::duration_cast<std::chrono::seconds>(
        breaker.next_probe - std::chrono::steady_clock::now());
    breakers.push_back(json::object{{"scope", breaker.scope},
                                    {"rule", breaker.rule},
                                    {"status", breaker.status},
                                    {"probing", breaker.probing},
                                    {"probes", breaker.probes},
                                    {"next_probe_in_s", std::max<std::int64_t>(0, wait.count())},
                                    {"remedy", breaker.remedy}});
  }
  return {{"id", project.id()},
          {"credentials", project.credentials()},
          {"messages_per_minute", project.client().messages_per_minute},
          {"in_hand", stats.in_hand},
          {"breakers", std::move(breakers)}};
}

class AdminOperations {
 public:
  AdminOperations(Services& services, std::function<void()> forget_keys)
      : services_(services), forget_keys_(std::move(forget_keys)) {}

  void projects(const Call& call, Respond respond) {
    json::array all;
    for (const auto& project : services_.projects.all()) {
      if (call.caller.may_use(project->id())) all.push_back(to_json(*project));
    }
    respond(answer(200, json::object{{"projects", std::move(all)}}));
  }

  void project(const Call& call, Respond respond) {
    auto found = services_.projects.find(call.part("project"));
    if (!found) return respond(refuse(no_project(call)));
    respond(answer(200, to_json(*found)));
  }

  void ask_breakers(const Call& call, Respond respond) {
    auto found = services_.projects.find(call.part("project"));
    if (!found) return respond(refuse(no_project(call)));
    on_store(services_, std::move(respond), services_.audit(call, "breakers.ask", found->id(), {}),
             [found] {
               found->deliverer().ask_breakers_now();
               return answer(202, to_json(*found));
             });
  }

  void keys(const Call&, Respond respond) {
    auto found = look(services_, [&] { return services_.read.keys.all(); });
    if (!found) return respond(refuse(found.error()));
    json::array all;
    for (const queue::ApiKey& key : *found) all.push_back(to_json(key));
    respond(answer(200, json::object{{"keys", std::move(all)}}));
  }

  void add_key(const Call& call, Respond respond) {
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    Fields fields(*body);
    const auto key = std::make_shared<queue::ApiKey>();
    key->name = fields.required_text("name", 256);
    for (const std::string& name : fields.texts("scopes", queue::scope_count)) {
      const auto scope = queue::parse_scope(name);
      if (!scope) {
        fields.refuse("scopes", fmt::format("'{}' is no scope", name),
                      "write send, read, devices, campaigns or admin");
      }
      key->scopes.push_back(scope.value_or(queue::Scope::read));
    }
    if (key->scopes.empty()) fields.refuse("scopes", "it may do nothing", "name its scopes");
    key->projects = fields.texts("projects", 1'000);
    if (const auto sound = queue::check_projects(key->projects); !sound) {
      fields.refuse("projects", sound.error().what, sound.error().remedy);
    }
    key->requests_per_second =
        static_cast<std::uint32_t>(fields.number("requests_per_second", 1'000'000).value_or(0));
    key->expires = fields.time("expires");
    if (auto refusal = fields.refusal()) return respond(refuse(*refusal));
    const auto secret = std::make_shared<Secret>();
    on_store(
        services_, std::move(respond),
        [this, key, secret, note = services_.audit(call, "key.create", {}, key->name)] {
          *secret = services_.write.keys.add(*key, services_.clock());
          note();
        },
        [this, key, secret] {
          forget_keys_();
          json::object out = to_json(*key);
          out["key"] = secret->reveal();
          return answer(201, out);
        });
  }

  void revoke_key(const Call& call, Respond respond) {
    const auto revoked = std::make_shared<bool>();
    on_store(
        services_, std::move(respond),
        [this, revoked, id = call.part("key"),
         note = services_.audit(call, "key.revoke", {}, call.part("key"))] {
          *revoked = services_.write.keys.revoke(id, services_.clock());
          if (*revoked) note();
        },
        [this, revoked, id = call.part("key")] {
          forget_keys_();
          return *revoked ? no_content()
                          : refuse(not_found(fmt::format("there is no valid key '{}'", id)));
        });
  }

  void audit(const Call& call, Respond respond) {
    const auto after = static_cast<std::int64_t>(query_number(call, "after", 0, ~0ULL >> 1));
    auto found = look(services_, [&] {
      return services_.read.audit.behind(after, query_number(call, "limit", 100, 1'000));
    });
    if (!found) return respond(refuse(found.error()));
    json::array all;
    for (const queue::AuditEntry& entry : *found) {
      all.push_back(json::object{{"id", entry.id},
                                 {"at", format_rfc3339(entry.at)},
                                 {"actor", entry.actor},
                                 {"action", entry.action},
                                 {"project", entry.project},
                                 {"target", entry.target},
                                 {"request_id", entry.request_id}});
    }
    respond(answer(200, json::object{{"entries", std::move(all)}}));
  }

 private:
  static Refusal no_project(const Call& call) {
    return not_found(fmt::format("there is no project '{}'", call.part("project")),
                     "configure it, or mend the path");
  }

  Services& services_;
  std::function<void()> forget_keys_;
};

http2::Response text(std::string_view type, std::string body) {
  http2::Response response;
  response.status = 200;
  response.headers = {{"content-type", std::string(type)}, {"cache-control", "no-store"}};
  response.body = std::move(body);
  return response;
}

}  // namespace

std::vector<Operation> admin_operations(Services& services, std::function<void()> forget_keys) {
  const auto self = std::make_shared<AdminOperations>(services, std::move(forget_keys));
  const auto to = [self](void (AdminOperations::*member)(const Call&, Respond)) -> Handler {
    return [self, member](const Call& call, Respond respond) {
      (*self.*member)(call, std::move(respond));
    };
  };
  using queue::Scope;
  return {
      {"listProjects", "GET", "/v1/projects", Scope::read, to(&AdminOperations::projects), true},
      {"getProject", "GET", "/v1/projects/{project}", Scope::read, to(&AdminOperations::project)},
      {"askBreakers", "POST", "/v1/projects/{project}/breakers:ask", Scope::admin,
       to(&AdminOperations::ask_breakers)},
      {"listKeys", "GET", "/v1/keys", Scope::admin, to(&AdminOperations::keys)},
      {"createKey", "POST", "/v1/keys", Scope::admin, to(&AdminOperations::add_key)},
      {"revokeKey", "DELETE", "/v1/keys/{key}", Scope::admin, to(&AdminOperations::revoke_key)},
      {"listAudit", "GET", "/v1/audit", Scope::admin, to(&AdminOperations::audit)},
  };
}

std::vector<Operation> health_operations(const OperationParts& parts) {
  return {
      {"livez", "GET", "/livez", std::nullopt,
       [](const Call&, Respond respond) { respond(text("text/plain", "ok\n")); }},
      {"readyz", "GET", "/readyz", std::nullopt,
       [is_ready = parts.is_ready](const Call&, Respond respond) {
         if (is_ready()) return respond(text("text/plain", "ok\n"));
         respond(refuse(Refusal{.code = 503,
                                .status = "UNAVAILABLE",
                                .message = "the gateway is stopping, or can't write its store",
                                .retry_after_s = 5}));
       }},
      {"metrics", "GET", "/metrics", queue::Scope::read,
       [metrics = parts.metrics](const Call&, Respond respond) {
         respond(text("text/plain; version=0.0.4; charset=utf-8", render(metrics())));
       }},
      {"openapi", "GET", "/openapi.json", std::nullopt,
       [](const Call&, Respond respond) {
         respond(text("application/json", std::string(openapi_document)));
       }},
      {"docs", "GET", "/docs", std::nullopt,
       [](const Call&, Respond respond) {
         auto response = text("text/html; charset=utf-8", std::string(api_page));
         response.headers.push_back({"content-security-policy", std::string(api_page_policy)});
         response.headers.push_back({"x-content-type-options", "nosniff"});
         respond(std::move(response));
       }},
  };
}

}  // namespace fanfare::gateway
