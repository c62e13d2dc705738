// WebhookSender: tells webhooks what happened. Each has a cursor in the store: in order, at least
// once; what is not taken after 12 attempts is put aside so that what is behind it goes on.
//
// On the HTTP thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/services.h"
#include "gateway/webhook_post.h"
#include "queue/events.h"

namespace fanfare::gateway {

struct WebhookOptions {
  bool allow_plain_http = false;
  std::string ca_file = {};
  std::chrono::milliseconds timeout{10'000};
  std::size_t batch = 100;  ///< Events of one request.
};

class WebhookSender {
 public:
  WebhookSender(boost::asio::io_context& io, Services& services, WebhookOptions options);
  ~WebhookSender();
  WebhookSender(const WebhookSender&) = delete;
  WebhookSender& operator=(const WebhookSender&) = delete;

  /// There may be events, or somebody's time has come. Often.
  void news();
  /// A webhook was added, changed or removed.
  void reload() { loaded_ = false; }
  /// One event again, to one webhook, outside of its order; true once it was taken.
  void send_again(const queue::Webhook& webhook, const queue::Event& event,
                  std::move_only_function<void(WebhookAnswer)> done);

  /// Events behind each webhook's cursor.
  [[nodiscard]] std::map<std::string, std::uint64_t> lag() const;
  [[nodiscard]] bool allows_plain_http() const noexcept { return options_.allow_plain_http; }

 private:
  struct Line;
  void load();
  void serve(const std::shared_ptr<Line>& line);
  void on_answer(const std::shared_ptr<Line>& line, const WebhookAnswer& answer);
  void save(const std::shared_ptr<Line>& line);
  void post(const queue::Webhook& webhook, const std::vector<queue::Event>& events,
            std::move_only_function<void(WebhookAnswer)> done);

  boost::asio::io_context& io_;
  Services& services_;
  WebhookOptions options_;
  WebhookTrust trust_;
  Random random_ = Random::from_system();
  bool loaded_ = false;
  queue::EventId last_ = 0;
  std::map<std::string, std::shared_ptr<Line>> lines_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace fanfare::gateway
