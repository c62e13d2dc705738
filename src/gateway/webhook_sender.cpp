#include "gateway/webhook_sender.h"

#include <utility>

#include <fmt/format.h>

#include "gateway/webhook_plan.h"

namespace fanfare::gateway {

// One webhook, and what is on its way to it.
struct WebhookSender::Line {
  queue::Webhook webhook;
  /// As it was sent first, until it is taken or put aside: what comes meanwhile has attempts of its
  /// own.
  std::vector<queue::Event> batch;
  queue::EventId looked_at = 0;
  std::vector<queue::WebhookDeadLetter> aside;  ///< Not on the disk yet.
  bool unsaved = false;  ///< How far it is could not be written; nothing is sent until it is.
  bool busy = false;     ///< A request or a write of it is under way.
  bool removed = false;
};

WebhookSender::WebhookSender(boost::asio::io_context& io, Services& services,
                             WebhookOptions options)
    : io_(io), services_(services), options_(std::move(options)), trust_(options_.ca_file) {}

WebhookSender::~WebhookSender() {
  *alive_ = false;
  (void)services_.writer.run([] {});  // Behind all that was posted here.
}

void WebhookSender::load() {
  auto stored = look(services_, [&] { return services_.read.events.webhooks(); });
  if (!stored) return;
  loaded_ = true;
  std::map<std::string, std::shared_ptr<Line>> lines;
  for (queue::Webhook& webhook : *stored) {
    auto& line = lines[webhook.id];
    if (const auto at = lines_.find(webhook.id); at != lines_.end()) line = at->second;
    if (!line) line = std::make_shared<Line>();
    if (!line->busy && !line->unsaved) line->webhook = std::move(webhook);
  }
  for (const auto& [id, line] : lines_) line->removed = !lines.contains(id);
  lines_ = std::move(lines);
}

void WebhookSender::news() {
  if (!loaded_) load();
  if (lines_.empty()) return;
  auto last = look(services_, [&] { return services_.read.events.last(); });
  if (last) last_ = *last;
  for (const auto& [id, line] : lines_) serve(line);
}

void WebhookSender::serve(const std::shared_ptr<Line>& line) {
  queue::Webhook& webhook = line->webhook;
  if (!loaded_ || line->busy || line->removed) return;
  if (line->unsaved) return save(line);
  if (!webhook.enabled || webhook.cursor >= last_) return;
  if (webhook.retry_at && *webhook.retry_at > services_.clock()) return;
  if (line->batch.empty()) {
    auto events = look(services_, [&] {
      return services_.read.events.behind(webhook.cursor, webhook.choice, options_.batch,
                                          &line->looked_at);
    });
    if (!events) return;
    line->batch = *std::move(events);
  }
  if (line->batch.empty()) {
    webhook.cursor = line->looked_at;
    return save(line);
  }
  line->busy = true;
  post(webhook, line->batch, [this, line, alive = alive_](const WebhookAnswer& answer) {
    if (*alive) on_answer(line, answer);
  });
}

void WebhookSender::post(const queue::Webhook& webhook, const std::vector<queue::Event>& events,
                         std::move_only_function<void(WebhookAnswer)> done) {
  std::string body = webhook_body(events);
  const http2::Headers headers{
      {"content-type", "application/json"},
      {"user-agent", "fanfare"},
      {"fanfare-webhook", webhook.id},
      {"fanfare-signature", webhook_signature(webhook.secret, services_.clock(), body)}};
  post_webhook(io_, trust_, webhook.url, headers, std::move(body), options_.timeout,
               std::move(done));
}

void WebhookSender::on_answer(const std::shared_ptr<Line>& line, const WebhookAnswer& answer) {
  queue::Webhook& webhook = line->webhook;
  const SystemTime now = services_.clock();
  const bool taken = answer.status >= 200 && answer.status < 300;
  if (taken) {
    webhook.last_error.clear();
  } else {
    webhook.last_error = answer.status == 0 ? answer.error : fmt::format("HTTP {}", answer.status);
    if (++webhook.failures < webhook_attempts) {
      webhook.retry_at = now + webhook_wait(webhook.failures, answer.retry_after, random_);
      return save(line);
    }
  }
  for (queue::Event& event : std::exchange(line->batch, {})) {
    if (taken) continue;
    line->aside.push_back({.id = 0,
                           .webhook = webhook.id,
                           .event = std::move(event),
                           .at = now,
                           .attempts = webhook.failures,
                           .error = webhook.last_error});
  }
  webhook.cursor = line->looked_at;
  webhook.failures = 0;
  webhook.retry_at.reset();
  save(line);
}

// The store has the last word: a webhook that was removed or changed meanwhile stays so.
void WebhookSender::save(const std::shared_ptr<Line>& line) {
  line->busy = true;
  services_.writer.post(
      [this, webhook = line->webhook, aside = line->aside] {
        auto stored = services_.write.events.webhook(webhook.id);
        if (!stored) return;
        stored->cursor = webhook.cursor;
        stored->failures = webhook.failures;
        stored->retry_at = webhook.retry_at;
        stored->last_error = webhook.last_error;
        services_.write.events.put_webhook(*stored);
        for (const auto& letter : aside) services_.write.events.add_dead_letter(letter);
      },
      [this, line, alive = alive_](const Result<void>& result) {
        services_.to_http([this, line, alive, ok = result.has_value()] {
          line->busy = false;
          line->unsaved = !ok;
          if (!ok) return;  // Again at the next news.
          line->aside.clear();
          if (*alive) serve(line);
        });
      });
}

void WebhookSender::send_again(const queue::Webhook& webhook, const queue::Event& event,
                               std::move_only_function<void(WebhookAnswer)> done) {
  post(webhook, {event}, [alive = alive_, done = std::move(done)](WebhookAnswer answer) mutable {
    if (*alive) done(std::move(answer));
  });
}

std::map<std::string, std::uint64_t> WebhookSender::lag() const {
  std::map<std::string, std::uint64_t> all;
  for (const auto& [id, line] : lines_) {
    all[id] = static_cast<std::uint64_t>(std::max<queue::EventId>(0, last_ - line->webhook.cursor));
  }
  return all;
}

}  // namespace fanfare::gateway
