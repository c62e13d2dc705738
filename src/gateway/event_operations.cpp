// Events behind a cursor, and webhooks.
#include <charconv>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "gateway/operations.h"
#include "gateway/webhook_plan.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;
using queue::Webhook;

json::object to_json(const queue::Event& event) {
  boost::system::error_code ignored;
  return {{"id", event.id},
          {"type", event.type},
          {"at", format_rfc3339(event.at)},
          {"project", event.project},
          {"data", json::parse(event.data.empty() ? "{}" : event.data, ignored)}};
}

// Without its secret, which is shown once.
json::object to_json(const Webhook& webhook) {
  json::object out{{"id", webhook.id},
                   {"url", webhook.url},
                   {"types", json::array(webhook.choice.types.begin(), webhook.choice.types.end())},
                   {"project", webhook.choice.project},
                   {"enabled", webhook.enabled},
                   {"created", format_rfc3339(webhook.created)},
                   {"cursor", webhook.cursor},
                   {"failures", webhook.failures}};
  if (webhook.retry_at) out["retry_at"] = format_rfc3339(*webhook.retry_at);
  if (!webhook.last_error.empty()) out["last_error"] = webhook.last_error;
  return out;
}

Refusal no_webhook(const std::string& id) {
  return not_found(fmt::format("there is no webhook '{}'", id));
}

class EventOperations {
 public:
  EventOperations(Services& services, WebhookSender& webhooks, bool allow_plain_http)
      : services_(services), webhooks_(webhooks), allow_plain_http_(allow_plain_http) {}

  void events(const Call& call, Respond respond) const {
    queue::EventChoice choice;
    choice.project = query_text(call, "project");
    if (const std::string type = query_text(call, "type"); !type.empty()) choice.types = {type};
    if (!call.caller.may_use(choice.project)) {
      return respond(refuse(Refusal{.code = 403,
                                    .status = "PERMISSION_DENIED",
                                    .message = "the API key is bound to projects",
                                    .remedy = "name one of them: ?project=ID"}));
    }
    // A cursor that can't be read would else begin anew, and everything be told twice.
    const auto after = read_number(call, "after", 0, ~0ULL >> 1);
    if (!after) return respond(refuse(after.error()));
    const auto limit = read_number(call, "limit", 100, 1'000);
    if (!limit) return respond(refuse(limit.error()));
    auto looked_at = static_cast<queue::EventId>(*after);
    auto found = look(services_, [&] {
      return services_.read.events.behind(looked_at, choice, *limit, &looked_at);
    });
    if (!found) return respond(refuse(found.error()));
    json::array all;
    for (const queue::Event& event : *found) all.push_back(to_json(event));
    respond(answer(200, json::object{{"events", std::move(all)}, {"after", looked_at}}));
  }

  void list(const Call&, Respond respond) const {
    auto found = look(services_, [&] { return services_.read.events.webhooks(); });
    if (!found) return respond(refuse(found.error()));
    json::array all;
    for (const Webhook& webhook : *found) all.push_back(to_json(webhook));
    respond(answer(200, json::object{{"webhooks", std::move(all)}}));
  }

  void create(const Call& call, Respond respond) {
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    Fields fields(*body);
    const auto webhook = std::make_shared<Webhook>();
    webhook->url = fields.required_text("url", 2048);
    webhook->choice.types = fields.texts("types", 50);
    webhook->choice.project = fields.text("project", 256);
    webhook->created = services_.clock();
    const bool from_now = !fields.flag("from_beginning");
    if (auto refusal = fields.refusal()) return respond(refuse(*refusal));
    if (auto sound = check_webhook_url(webhook->url, allow_plain_http_); !sound) {
      return respond(refuse(sound.error()));
    }
    on_store(
        services_, std::move(respond),
        [this, webhook, from_now,
         note = services_.audit(call, "webhook.create", webhook->choice.project, webhook->url)] {
          webhook->id = "wh-" + queue::random_letters(12);
          webhook->secret = queue::random_letters(40);
          webhook->cursor = from_now ? services_.write.events.last() : 0;
          services_.write.events.put_webhook(*webhook);
          note();
        },
        [this, webhook] {
          webhooks_.reload();
          json::object out = to_json(*webhook);
          out["secret"] = webhook->secret;
          return answer(201, out);
        });
  }

  void remove(const Call& call, Respond respond) {
    const auto removed = std::make_shared<bool>();
    on_store(
        services_, std::move(respond),
        [this, removed, id = call.part("webhook"),
         note = services_.audit(call, "webhook.remove", {}, call.part("webhook"))] {
          *removed = services_.write.events.remove_webhook(id);
          if (*removed) note();
        },
        [this, removed, id = call.part("webhook")] {
          webhooks_.reload();
          return *removed ? no_content() : refuse(no_webhook(id));
        });
  }

  void dead_letters(const Call& call, Respond respond) const {
    const auto after = static_cast<std::int64_t>(query_number(call, "after", 0, ~0ULL >> 1));
    auto found = look(services_, [&] {
      return services_.read.events.dead_letters(call.part("webhook"), after, 100);
    });
    if (!found) return respond(refuse(found.error()));
    json::array all;
    for (const auto& letter : *found) {
      all.push_back(json::object{{"id", letter.id},
                                 {"event", to_json(letter.event)},
                                 {"at", format_rfc3339(letter.at)},
                                 {"attempts", letter.attempts},
                                 {"error", letter.error}});
    }
    respond(answer(200, json::object{{"dead_letters", std::move(all)}}));
  }

  void replay(const Call& call, Respond respond) {
    const std::string& id = call.part("webhook");
    const std::string& text = call.part("letter");
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number <= 0) {
      return respond(refuse(not_found(fmt::format("there is no dead letter {}", text))));
    }
    auto webhook = look(services_, [&] { return services_.read.events.webhook(id); });
    auto letters =
        look(services_, [&] { return services_.read.events.dead_letters(id, number - 1, 1); });
    if (!webhook || !letters) return respond(refuse(webhook ? letters.error() : webhook.error()));
    if (!*webhook) return respond(refuse(no_webhook(id)));
    if (letters->empty() || letters->front().id != number) {
      return respond(refuse(not_found(fmt::format("there is no dead letter {}", text))));
    }
    webhooks_.send_again(
        **webhook, letters->front().event,
        [this, id, number, note = services_.audit(call, "webhook.replay", {}, id),
         respond = std::move(respond)](const WebhookAnswer& said) mutable {
          if (said.status < 200 || said.status >= 300) {
            return respond(refuse(Refusal{
                .code = 502,
                .status = "UNAVAILABLE",
                .message = said.status == 0 ? said.error
                                            : fmt::format("it answered HTTP {}", said.status)}));
          }
          on_store(
              services_, std::move(respond),
              [this, id, number, note = std::move(note)] {
                services_.write.events.remove_dead_letter(id, number);
                note();
              },
              [] { return no_content(); });
        });
  }

 private:
  Services& services_;
  WebhookSender& webhooks_;
  bool allow_plain_http_;
};

}  // namespace

std::vector<Operation> event_operations(Services& services, WebhookSender& webhooks,
                                        bool allow_plain_http) {
  const auto self = std::make_shared<EventOperations>(services, webhooks, allow_plain_http);
  const auto to = [self](void (EventOperations::*member)(const Call&, Respond)) -> Handler {
    return [self, member](const Call& call, Respond respond) {
      (*self.*member)(call, std::move(respond));
    };
  };
  const auto to_const = [self](void (EventOperations::*member)(const Call&, Respond)
                                   const) -> Handler {
    return [self, member](const Call& call, Respond respond) {
      (*self.*member)(call, std::move(respond));
    };
  };
  using queue::Scope;
  return {
      {"listEvents", "GET", "/v1/events", Scope::read, to_const(&EventOperations::events), true},
      {"listWebhooks", "GET", "/v1/webhooks", Scope::admin, to_const(&EventOperations::list)},
      {"createWebhook", "POST", "/v1/webhooks", Scope::admin, to(&EventOperations::create)},
      {"removeWebhook", "DELETE", "/v1/webhooks/{webhook}", Scope::admin,
       to(&EventOperations::remove)},
      {"listWebhookDeadLetters", "GET", "/v1/webhooks/{webhook}/dead-letters", Scope::admin,
       to_const(&EventOperations::dead_letters)},
      {"replayWebhookDeadLetter", "POST", "/v1/webhooks/{webhook}/dead-letters/{letter}:replay",
       Scope::admin, to(&EventOperations::replay)},
  };
}

}  // namespace fanfare::gateway
