#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "gateway/operations.h"

namespace fanfare::gateway {

Refusal not_found(std::string message, std::string remedy) {
  return {.code = 404,
          .status = "NOT_FOUND",
          .message = std::move(message),
          .remedy = std::move(remedy)};
}

std::string query_text(const Call& call, std::string_view name) {
  const auto at = call.query.find(name);
  return at == call.query.end() ? std::string() : at->second;
}

std::expected<std::uint64_t, Refusal> read_number(const Call& call, std::string_view name,
                                                  std::uint64_t otherwise, std::uint64_t max) {
  const std::string text = query_text(call, name);
  if (text.empty()) return otherwise;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::unexpected(Refusal{.message = fmt::format("'{}' is no whole number", text),
                                   .remedy = fmt::format("write 0 to {}", max),
                                   .field = std::string(name)});
  }
  return std::min<std::uint64_t>(value, max);
}

std::uint64_t query_number(const Call& call, std::string_view name, std::uint64_t otherwise,
                           std::uint64_t max) {
  return read_number(call, name, otherwise, max).value_or(otherwise);
}

std::string short_hash(std::string_view text) {
  static const std::array<unsigned char, 32> key = [] {
    std::array<unsigned char, 32> made{};
    RAND_bytes(made.data(), static_cast<int>(made.size()));
    return made;
  }();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
  std::string out = "#";
  for (std::size_t i = 0; i < 6; ++i) fmt::format_to(std::back_inserter(out), "{:02x}", digest[i]);
  return out;
}

void on_registry(Services& services, Respond respond,
                 std::move_only_function<http2::Response(registry::Registry&)> work) {
  services.devices.post([&services, respond = std::move(respond),
                         work = std::move(work)](registry::Registry& registry) mutable {
    services.to_http([respond = std::move(respond), response = work(registry)]() mutable {
      respond(std::move(response));
    });
  });
}

void on_registry(Services& services, Respond respond, Note note,
                 std::move_only_function<DeviceDeed(registry::Registry&)> work) {
  services.devices.post([&services, respond = std::move(respond), note = std::move(note),
                         work = std::move(work)](registry::Registry& registry) mutable {
    auto deed = std::make_shared<DeviceDeed>(work(registry));
    if (!deed->done) {
      return services.to_http(
          [respond = std::move(respond), deed]() mutable { respond(std::move(deed->response)); });
    }
    on_store(
        services, std::move(respond),
        [&services, note = std::move(note), deed] {
          note();
          for (const queue::Event& event : deed->events) services.write.events.add(event);
        },
        [deed] { return std::move(deed->response); });
  });
}

void on_store(Services& services, Respond respond, std::move_only_function<void()> write,
              std::move_only_function<http2::Response()> then) {
  services.writer.post(
      std::move(write), [&services, respond = std::move(respond),
                         then = std::move(then)](const Result<void>& result) mutable {
        services.to_http([respond = std::move(respond), then = std::move(then), result]() mutable {
          respond(result ? then() : refuse(result.error()));
        });
      });
}

void add_operations(Operations& operations, Services& services, const OperationParts& parts) {
  const auto to_audience = [&services, &campaigns = parts.campaigns](
                               const Call& call, const std::shared_ptr<Project>& project,
                               ReadSubmission read, Respond respond) {
    if (!call.caller.may(queue::Scope::campaigns)) {
      return respond(
          refuse(Refusal{.code = 403,
                         .status = "PERMISSION_DENIED",
                         .message = "a message to an audience is a campaign, and the API "
                                    "key lacks the scope campaigns",
                         .field = "to"}));
    }
    queue::CampaignRecord campaign;
    campaign.project = project->id();
    campaign.audience = std::move(read.audience);
    campaign.message = std::move(read.submission.message);
    campaign.validate_only = read.submission.validate_only;
    campaign.start_at = read.submission.send_at;
    campaign.expires_at = read.submission.expires_at;
    campaign.labels = std::move(read.submission.labels);
    campaign.created = services.clock();
    campaign.state =
        campaign.start_at ? queue::CampaignState::scheduled : queue::CampaignState::running;
    create_campaign(services, campaigns, call,
                    {.campaign = std::move(campaign),
                     .idempotency_key = std::move(read.submission.idempotency_key),
                     .fingerprint = std::move(read.submission.fingerprint)},
                    202, std::move(respond));
  };
  operations.add(message_operations(services, parts.acceptor, to_audience, parts.books));
  operations.add(
      compatible_operations(services, parts.acceptor, parts.answers, parts.default_project));
  operations.add(device_operations(services));
  operations.add(brake_operations(services));
  operations.add(topic_operations(services));
  operations.add(campaign_operations(services, parts.campaigns, parts.acceptor));
  operations.add(event_operations(services, parts.webhooks, parts.webhooks.allows_plain_http()));
  operations.add(admin_operations(services, parts.forget_keys));
  operations.add(health_operations(parts));
}

}  // namespace fanfare::gateway
