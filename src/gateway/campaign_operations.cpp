#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "gateway/operations.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;
using queue::CampaignRecord;
using queue::CampaignState;

Refusal no_campaign(const std::string& id) {
  return not_found(fmt::format("there is no campaign '{}' in this project", id));
}

class CampaignOperations {
 public:
  CampaignOperations(Services& services, CampaignRunner& campaigns, Acceptor& acceptor)
      : services_(services), campaigns_(campaigns), acceptor_(acceptor) {}

  void create(const Call& call, Respond respond) {
    const std::string& project = call.part("project");
    if (!services_.projects.find(project)) {
      return respond(refuse(not_found(fmt::format("there is no project '{}'", project))));
    }
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    auto campaign = read(*body, project);
    if (!campaign) return respond(refuse(campaign.error()));
    NewCampaign asked{.campaign = *std::move(campaign)};
    asked.idempotency_key = http2::find_header(call.request.headers, "idempotency-key");
    if (asked.idempotency_key.size() > 256) {
      return respond(refuse(Refusal{.message = "the idempotency key is longer than 256 bytes",
                                    .remedy = "use a UUID",
                                    .field = "idempotency_key"}));
    }
    asked.fingerprint = call.request.body;
    create_campaign(services_, campaigns_, call, std::move(asked), 201, std::move(respond));
  }

  void preflight(const Call& call, Respond respond) {
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    auto campaign = read(*body, call.part("project"));
    if (!campaign) return respond(refuse(campaign.error()));
    on_registry(services_, std::move(respond),
                [campaign = *std::move(campaign),
                 clock = services_.clock](registry::Registry& registry) -> http2::Response {
                  auto audience =
                      registry.make_audience(campaign.audience, 0, campaign.project, clock());
                  if (!audience) return refuse(audience.error());
                  return answer(200, json::object{{"audience_count", audience->count},
                                                  {"audience", audience->filter},
                                                  {"message_bytes", campaign.message.size()}});
                });
  }

  void list(const Call& call, Respond respond) const {
    const std::uint64_t limit = query_number(call, "limit", 50, 500);
    const auto before = queue::parse_campaign_id(query_text(call, "before")).value_or(0);
    auto found = look(services_, [&] {
      return services_.read.campaigns.list(call.part("project"), before, limit);
    });
    if (!found) return respond(refuse(found.error()));
    json::array all;
    for (const CampaignRecord& each : *found) all.push_back(to_json(each));
    respond(answer(200, json::object{{"campaigns", std::move(all)}}));
  }

  void get(const Call& call, Respond respond) const {
    auto found = of(call);
    respond(found ? answer(200, to_json(*found)) : refuse(found.error()));
  }

  // Whom it failed, through no fault of the device's.
  void dead_letters(const Call& call, Respond respond) const {
    auto found = of(call);
    if (!found) return respond(refuse(found.error()));
    const auto after = static_cast<registry::DeviceId>(query_number(call, "after", 0, ~0ULL >> 1));
    const auto limit = query_number(call, "limit", 100, 1'000);
    on_registry(services_, std::move(respond),
                [after, limit,
                 walk = found->registry_campaign](registry::Registry& registry) -> http2::Response {
                  auto failed = registry.failed_of(walk, after, limit);
                  if (!failed) return refuse(failed.error());
                  json::array letters;
                  for (const auto& each : *failed) {
                    letters.push_back(
                        json::object{{to_string(each.registration.kind), each.registration.value},
                                     {"platform", each.platform},
                                     {"rule", each.rule}});
                  }
                  json::object out{{"dead_letters", std::move(letters)}};
                  if (!failed->empty()) out["after"] = failed->back().id;
                  return answer(200, out);
                });
  }

  // The next of them become messages of the campaign's text. A crash between that and forgetting
  // them finds the same ones again, and their key.
  void replay(const Call& call, Respond respond) {
    auto found = of(call);
    if (!found) return respond(refuse(found.error()));
    auto project = services_.projects.find(found->project);
    if (!project) {
      return respond(refuse(not_found(fmt::format("there is no project '{}'", found->project))));
    }
    if (const auto refusal = acceptor_.refusal()) return respond(refuse(*refusal));
    Note written = services_.audit(call, "campaign.replay", found->project,
                                   queue::format_campaign_id(found->id));
    services_.devices.post([this, campaign = *std::move(found), project = std::move(project),
                            note = std::move(written),
                            respond = std::move(respond)](registry::Registry& registry) mutable {
      auto failed = registry.failed_of(campaign.registry_campaign, 0, replayed_at_once);
      services_.to_http([this, campaign = std::move(campaign), project = std::move(project),
                         note = std::move(note), failed = std::move(failed),
                         respond = std::move(respond)]() mutable {
        if (!failed) return respond(refuse(failed.error()));
        if (failed->empty()) {
          return respond(answer(202, json::object{{"count", 0}, {"left", 0}}));
        }
        accept(campaign, std::move(project), *failed, std::move(note), std::move(respond));
      });
    });
  }

  void steer(const Call& call, Respond respond, CampaignRunner::Deed deed, std::string_view name) {
    auto found = of(call);
    if (!found) return respond(refuse(found.error()));
    auto note = services_.audit(call, name, found->project, queue::format_campaign_id(found->id));
    campaigns_.steer(found->id, deed, std::move(note),
                     [respond = std::move(respond)](const Result<CampaignRecord>& steered) mutable {
                       respond(steered ? answer(202, to_json(*steered)) : refused(steered.error()));
                     });
  }

 private:
  [[nodiscard]] std::expected<CampaignRecord, Refusal> of(const Call& call) const {
    const std::string& text = call.part("campaign");
    const auto id = queue::parse_campaign_id(text);
    if (!id) return std::unexpected(no_campaign(text));
    auto found = campaigns_.find(*id);
    if (!found) {
      return std::unexpected(
          Refusal{.code = 503, .status = "UNAVAILABLE", .message = found.error().what});
    }
    if (!*found || (*found)->project != call.part("project")) {
      return std::unexpected(no_campaign(text));
    }
    return **std::move(found);
  }

  [[nodiscard]] std::expected<CampaignRecord, Refusal> read(const json::object& body,
                                                            const std::string& project) const {
    Fields fields(body);
    CampaignRecord campaign;
    campaign.project = project;
    campaign.created = services_.clock();
    campaign.name = fields.text("name", 256);
    campaign.audience = fields.text("audience", 8192);
    campaign.validate_only = fields.flag("validate_only");
    campaign.start_at = fields.time("start_at");
    campaign.expires_at = fields.time("expires_at");
    campaign.messages_per_minute = fields.number("messages_per_minute", 100'000'000).value_or(0);
    const bool draft = fields.flag("draft");
    const json::object* message = fields.object("message");
    campaign.labels = read_labels(fields);
    if (message == nullptr) fields.refuse("message", "there is no message", "give FCM's Message");
    if (campaign.expires_at &&
        *campaign.expires_at <= campaign.start_at.value_or(campaign.created)) {
      fields.refuse("expires_at", "it expires before it may start", "choose a later time");
    }
    if (auto refusal = fields.refusal()) return std::unexpected(*refusal);
    auto parsed = read_fcm_message(json::value(*message), {}, "message");
    if (!parsed) return std::unexpected(parsed.error());
    if (parsed->target) {
      return std::unexpected(Refusal{.message = "a campaign's message names no target",
                                     .remedy = "say whom it goes to in audience",
                                     .field = "message"});
    }
    campaign.message = std::move(parsed->written);
    campaign.state = draft               ? CampaignState::draft
                     : campaign.start_at ? CampaignState::scheduled
                                         : CampaignState::running;
    return campaign;
  }

  static constexpr std::size_t replayed_at_once = 1'000;

  void accept(const CampaignRecord& campaign, std::shared_ptr<Project> project,
              const std::vector<registry::Failed>& failed, Note note, Respond respond) {
    queue::Submission submission{.project = campaign.project, .messages = {}};
    submission.message = campaign.message;
    submission.priority = Priority::bulk;
    submission.validate_only = campaign.validate_only;
    submission.labels = campaign.labels;
    submission.expires_at = services_.clock() + services_.limits.submission.default_expiry;
    for (const auto& each : failed) submission.messages.push_back({.target = each.registration});
    const auto first = failed.front().id;
    const auto last = failed.back().id;
    submission.idempotency_key = fmt::format("replay of {} from {} to {}",
                                             queue::format_campaign_id(campaign.id), first, last);
    submission.fingerprint = submission.idempotency_key;
    std::vector<queue::Submission> one;
    one.push_back(std::move(submission));
    services_.writer.post([note = std::move(note)] { note(); }, [](const Result<void>&) {});
    acceptor_.accept(std::move(project), std::move(one),
                     [this, walk = campaign.registry_campaign, last,
                      respond = std::move(respond)](const Result<queue::Receipt>& receipt) mutable {
                       if (!receipt) return respond(refuse(receipt.error()));
                       forget(walk, last, *receipt, std::move(respond));
                     });
  }

  void forget(std::int64_t walk, registry::DeviceId last, const queue::Receipt& receipt,
              Respond respond) {
    on_registry(services_, std::move(respond),
                [walk, last, receipt](registry::Registry& registry) -> http2::Response {
                  const auto left = registry.forget_failed(walk, last);
                  if (!left) return refuse(left.error());
                  return answer(202, json::object{{"id", queue::format_message_id(receipt.first)},
                                                  {"count", receipt.count},
                                                  {"left", *left}});
                });
  }

  static http2::Response refused(const Error& error) {
    if (error.kind != Error::Kind::usage) return refuse(error);
    return refuse(Refusal{.code = 409,
                          .status = "FAILED_PRECONDITION",
                          .message = error.what,
                          .remedy = error.remedy});
  }

  Services& services_;
  CampaignRunner& campaigns_;
  Acceptor& acceptor_;
};

http2::Response created(const CampaignRunner::Added& added, int status) {
  if (added.kind == queue::Receipt::Kind::key_reused) {
    return refuse(Refusal{.code = 409,
                          .status = "ALREADY_EXISTS",
                          .message = "this idempotency key was used for something else",
                          .remedy = "use a new key for a new request",
                          .field = "idempotency_key"});
  }
  json::object body = to_json(added.campaign);
  if (added.kind == queue::Receipt::Kind::repeated) body["repeated"] = true;
  return answer(status, body);
}

// What is left at the pace so far.
std::optional<std::uint64_t> seconds_left(const CampaignRecord& campaign, std::uint64_t final) {
  if (campaign.state != CampaignState::running || !campaign.started || final == 0) {
    return std::nullopt;
  }
  const std::chrono::duration<double> passed = std::chrono::system_clock::now() - *campaign.started;
  const auto rest = campaign.audience_count - std::min(campaign.audience_count, final);
  return static_cast<std::uint64_t>(passed.count() * static_cast<double>(rest) /
                                    static_cast<double>(final));
}

}  // namespace

json::object to_json(const CampaignRecord& campaign) {
  const std::uint64_t final = campaign.accepted + campaign.retired + campaign.failed +
                              campaign.unknown + campaign.cancelled;
  json::object by_rule;
  for (const auto& [rule, count] : campaign.by_rule) by_rule[rule] = count;
  json::object out{
      {"id", queue::format_campaign_id(campaign.id)},
      {"project", campaign.project},
      {"name", campaign.name},
      {"state", to_string(campaign.state)},
      {"audience", campaign.audience},
      {"created", format_rfc3339(campaign.created)},
      {"books", json::object{{"audience", campaign.audience_count},
                             {"accepted", campaign.accepted},
                             {"retired", campaign.retired},
                             {"failed", campaign.failed},
                             {"unknown", campaign.unknown},
                             {"cancelled", campaign.cancelled},
                             {"waiting",
                              campaign.audience_count - std::min(campaign.audience_count, final)}}},
      {"by_rule", std::move(by_rule)}};
  boost::system::error_code ignored;
  out["message"] = json::parse(campaign.message, ignored);
  if (campaign.validate_only) out["validate_only"] = true;
  if (campaign.messages_per_minute > 0) out["messages_per_minute"] = campaign.messages_per_minute;
  if (campaign.start_at) out["start_at"] = format_rfc3339(*campaign.start_at);
  if (campaign.expires_at) out["expires_at"] = format_rfc3339(*campaign.expires_at);
  if (campaign.started) out["started"] = format_rfc3339(*campaign.started);
  if (campaign.ended) out["ended"] = format_rfc3339(*campaign.ended);
  if (!campaign.reason.empty()) out["reason"] = campaign.reason;
  if (!campaign.labels.empty()) out["labels"] = json::parse(campaign.labels, ignored);
  if (const auto left = seconds_left(campaign, final)) out["eta_seconds"] = *left;
  return out;
}

// A filter that can't be read is refused before anything is stored.
void create_campaign(Services& services, CampaignRunner& campaigns, const Call& call,
                     NewCampaign asked, int status, Respond respond) {
  Note note = services.audit(call, "campaign.create", asked.campaign.project, asked.campaign.name);
  services.devices.post([&services, &campaigns, status, asked = std::move(asked),
                         note = std::move(note),
                         respond = std::move(respond)](registry::Registry& registry) mutable {
    CampaignRecord& campaign = asked.campaign;
    auto audience =
        registry.make_audience(campaign.audience, 0, campaign.project, services.clock());
    if (audience) campaign.audience_count = audience->count;
    services.to_http([&campaigns, status, asked = std::move(asked), note = std::move(note),
                      respond = std::move(respond),
                      fault = audience ? std::nullopt : std::optional(audience.error())]() mutable {
      if (fault) return respond(refuse(*fault));
      queue::Messages::KeyedRequest request{.project = asked.campaign.project,
                                            .key = std::move(asked.idempotency_key),
                                            .fingerprint = std::move(asked.fingerprint)};
      campaigns.add(std::move(asked.campaign), std::move(request), std::move(note),
                    [status, respond = std::move(respond)](
                        const Result<CampaignRunner::Added>& added) mutable {
                      respond(added ? created(*added, status) : refuse(added.error()));
                    });
    });
  });
}

std::vector<Operation> campaign_operations(Services& services, CampaignRunner& campaigns,
                                           Acceptor& acceptor) {
  const auto self = std::make_shared<CampaignOperations>(services, campaigns, acceptor);
  using Deed = CampaignRunner::Deed;
  const auto steer = [self](Deed deed, std::string_view name) {
    return [self, deed, name](const Call& call, Respond respond) {
      self->steer(call, std::move(respond), deed, name);
    };
  };
  using queue::Scope;
  return {
      {"createCampaign", "POST", "/v1/projects/{project}/campaigns", Scope::campaigns,
       [self](const Call& call, Respond respond) { self->create(call, std::move(respond)); }},
      {"preflightCampaign", "POST", "/v1/projects/{project}/campaigns:preflight", Scope::campaigns,
       [self](const Call& call, Respond respond) { self->preflight(call, std::move(respond)); }},
      {"listCampaigns", "GET", "/v1/projects/{project}/campaigns", Scope::read,
       [self](const Call& call, Respond respond) { self->list(call, std::move(respond)); }},
      {"getCampaign", "GET", "/v1/projects/{project}/campaigns/{campaign}", Scope::read,
       [self](const Call& call, Respond respond) { self->get(call, std::move(respond)); }},
      {"listCampaignDeadLetters", "GET", "/v1/projects/{project}/campaigns/{campaign}/dead-letters",
       Scope::read,
       [self](const Call& call, Respond respond) { self->dead_letters(call, std::move(respond)); }},
      {"replayCampaign", "POST", "/v1/projects/{project}/campaigns/{campaign}/dead-letters:replay",
       Scope::campaigns,
       [self](const Call& call, Respond respond) { self->replay(call, std::move(respond)); }},
      {"startCampaign", "POST", "/v1/projects/{project}/campaigns/{campaign}:start",
       Scope::campaigns, steer(Deed::start, "campaign.start")},
      {"pauseCampaign", "POST", "/v1/projects/{project}/campaigns/{campaign}:pause",
       Scope::campaigns, steer(Deed::pause, "campaign.pause")},
      {"resumeCampaign", "POST", "/v1/projects/{project}/campaigns/{campaign}:resume",
       Scope::campaigns, steer(Deed::resume, "campaign.resume")},
      {"cancelCampaign", "POST", "/v1/projects/{project}/campaigns/{campaign}:cancel",
       Scope::campaigns, steer(Deed::cancel, "campaign.cancel")},
  };
}

}  // namespace fanfare::gateway
