// All operations of the API, put together.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "gateway/campaign_runner.h"
#include "gateway/message_operations.h"
#include "gateway/metrics.h"
#include "gateway/services.h"
#include "gateway/webhook_sender.h"

namespace fanfare::gateway {

/// What operations need besides the services.
struct OperationParts {
  Acceptor& acceptor;
  Answers& answers;
  CampaignRunner& campaigns;
  WebhookSender& webhooks;
  std::function<void()> forget_keys;
  std::function<MetricsSnapshot()> metrics;
  std::function<const std::map<std::string, queue::Books>&()> books;
  std::function<bool()> is_ready;
  std::string default_project;  ///< Of gorush's form, which names none; empty: it must.
};

void add_operations(Operations& operations, Services& services, const OperationParts& parts);

[[nodiscard]] std::vector<Operation> device_operations(Services& services);
[[nodiscard]] std::vector<Operation> brake_operations(Services& services);
[[nodiscard]] std::vector<Operation> topic_operations(Services& services);
[[nodiscard]] std::vector<Operation> campaign_operations(Services& services,
                                                         CampaignRunner& campaigns,
                                                         Acceptor& acceptor);
[[nodiscard]] std::vector<Operation> event_operations(Services& services, WebhookSender& webhooks,
                                                      bool allow_plain_http);
[[nodiscard]] std::vector<Operation> admin_operations(Services& services,
                                                      std::function<void()> forget_keys);
[[nodiscard]] std::vector<Operation> health_operations(const OperationParts& parts);

struct NewCampaign {
  queue::CampaignRecord campaign;
  std::string idempotency_key = {};  ///< The same one gives the same campaign; empty: none.
  std::string fingerprint = {};      ///< As in queue::Submission.
};
/// Checks its audience, stores it and answers `status`.
void create_campaign(Services& services, CampaignRunner& campaigns, const Call& call,
                     NewCampaign asked, int status, Respond respond);

/// {"campaign": …} of one; a submission to an audience becomes such a campaign.
[[nodiscard]] boost::json::object to_json(const queue::CampaignRecord& campaign);

// What several of them read and answer -----------------------------------------------------------

[[nodiscard]] Refusal not_found(std::string message, std::string remedy = {});
/// A query's number, at most `max`; `otherwise` when it is not given.
[[nodiscard]] std::expected<std::uint64_t, Refusal> read_number(const Call& call,
                                                                std::string_view name,
                                                                std::uint64_t otherwise,
                                                                std::uint64_t max);
/// A query's number; `otherwise` when it is not given or not one.
[[nodiscard]] std::uint64_t query_number(const Call& call, std::string_view name,
                                         std::uint64_t otherwise, std::uint64_t max);
[[nodiscard]] std::string query_text(const Call& call, std::string_view name);
/// Stands for a registration or a user where people read: the first 12 digits of its SHA-256, with
/// a key of this process.
[[nodiscard]] std::string short_hash(std::string_view text);

/// Runs `change` on the registry's thread and answers on the HTTP thread with what it gives.
void on_registry(Services& services, Respond respond,
                 std::move_only_function<http2::Response(registry::Registry&)> work);
/// What was done to devices: the answer, and what is stored before it is given.
struct DeviceDeed {
  http2::Response response;
  bool done = false;  ///< Else nothing was changed, and there is nothing to be written down.
  std::vector<queue::Event> events = {};
};
/// The same for an administrative deed. The devices are in another file than the audit log, so a
/// crash between the two leaves a deed without its entry: the devices' own history still has it.
void on_registry(Services& services, Respond respond, Note note,
                 std::move_only_function<DeviceDeed(registry::Registry&)> work);
/// Runs `write` in a transaction of the store, then answers with what `then` gives.
void on_store(Services& services, Respond respond, std::move_only_function<void()> write,
              std::move_only_function<http2::Response()> then);

}  // namespace fanfare::gateway
