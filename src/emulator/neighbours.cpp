// What FCM serves beside messages:send, as far as World decides it: who may ask, and which plane
// answers.
#include <utility>

#include "emulator/auth_planes.h"
#include "emulator/iid.h"
#include "emulator/path.h"
#include "emulator/url.h"
#include "emulator/world.h"

namespace fanfare::emulator {

std::optional<Answer> World::answer_neighbour(const http2::Request& request, const Path& path,
                                              SystemTime now) {
  if (const auto named = parse_topic_path(path.path)) {
    return manage_topics(request, *named, path, now);
  }
  if (is_iid_path(path.path)) return manage_instances(request, path, now);
  if (is_group_path(path.path)) return manage_groups(request, path, now);
  if (const auto named = parse_delivery_path(path.path); named && request.method == "GET") {
    return report_deliveries(request, *named, path, now);
  }
  return std::nullopt;
}

Answer World::manage_topics(const http2::Request& request, const TopicPath& named, const Path& path,
                            SystemTime now) {
  if (auto fault = check_front_end(path, now)) return *std::move(fault);
  if (auto fault = check_bearer(request, path, now)) return *std::move(fault);
  if (auto fault = check_project(named.project, path, now)) return *std::move(fault);
  if (auto fault = check_service(path, now)) return *std::move(fault);
  if (request.method != "GET" && !may_subscribe(now)) return subscription_quota();
  return answer_topics(request, named, path.query, standing_of(named.registration), subscriptions_,
                       now);
}

/// So many changes of subscriptions in a second, of the whole project.
bool World::may_subscribe(SystemTime now) {
  const auto limit = faults().subscriptions_per_second;
  return !limit || subscribing_.count(device_time(now), std::chrono::seconds(1), *limit);
}

Answer World::manage_instances(const http2::Request& request, const Path& path, SystemTime now) {
  if (auto fault = check_flat(request, path, now)) return *std::move(fault);
  const InstanceIds ids{subscriptions_, devices_,
                        [this](std::string_view one) { return standing_of(one); }, project_number_,
                        [this, now] { return may_subscribe(now); }};
  return answer_iid(request, path.path, path.query, ids, now);
}

Answer World::manage_groups(const http2::Request& request, const Path& path, SystemTime now) {
  if (auto fault = check_flat(request, path, now)) return *std::move(fault);
  const std::string_view number = any_project_ ? std::string_view{} : project_number_;
  return answer_groups(request, path.query, groups_, number,
                       [this](std::string_view one) { return standing_of(one); });
}

Answer World::report_deliveries(const http2::Request& request, const DeliveryPath& named,
                                const Path& path, SystemTime now) {
  if (auto fault = check_front_end(path, now)) return *std::move(fault);
  // The scope that sends messages is not enough to read about them.
  if (auto fault = check_bearer(request, path, now, Need::cloud_platform)) return *std::move(fault);
  if (auto fault = check_project(named.project, path, now)) return *std::move(fault);
  if (auto fault = check_service(path, now)) return *std::move(fault);
  return list_deliveries(named, path.query, deliveries_);
}

bool World::is_token_request(const http2::Request& request) {
  const std::string_view path = request.path;
  return is_token_path(path) || path == "/v1/token" || path.ends_with(":generateAccessToken") ||
         path.starts_with("/computeMetadata/") ||
         // Clients ask / whether there is a metadata server at all.
         (path == "/" && !http2::find_header(request.headers, "metadata-flavor").empty());
}

std::optional<http2::Response> World::answer_token_request(const http2::Request& request,
                                                           const Path& path, SystemTime now) {
  const MetadataServer server{
      project_, project_number_,
      identities_ ? std::string_view(identities_->client_email) : std::string_view{}};
  if (!is_token_request(request)) return std::nullopt;
  const auto fault = plan_.strike(Step::token).value_or(Fault::none);
  if (fault == Fault::oauth_dead) return http2::Response{};
  if (fault == Fault::oauth_503) return render(html_unavailable(), true, common_headers(now));
  auto* tokens = tokens_ ? &*tokens_ : nullptr;
  if (auto found = answer_metadata(request, path.path, path.query, server, tokens, now)) {
    return found;
  }
  if (request.method != "POST" || !tokens_) return std::nullopt;
  if (is_token_path(path.path)) {
    if (identities_ && query_value(request.body, "grant_type") == "refresh_token") {
      return refresh_token(request.body, *identities_, *tokens_, now, fault);
    }
    return tokens_->exchange(request.body, now, fault);
  }
  if (!identities_) return std::nullopt;
  if (path.path == "/v1/token") {
    return exchange_subject_token(request.body, *identities_, *tokens_, now, fault);
  }
  if (const auto email = parse_impersonation_path(path.path)) {
    return render(impersonate_account(request, *email, path, now), true, common_headers(now));
  }
  return std::nullopt;
}

Answer World::impersonate_account(const http2::Request& request, std::string_view email,
                                  const Path& path, SystemTime now) {
  if (auto fault = check_bearer(request, path, now, Need::cloud_platform)) return *std::move(fault);
  return impersonate(email, request.body, *identities_, *tokens_, now, plan_.struck());
}

// The same doors as for messages, where the errors are flat.
std::optional<Answer> World::check_flat(const http2::Request& request, const Path& path,
                                        SystemTime now) {
  if (auto fault = check_front_end(path, now)) return fault;
  if (auto fault = check_access_token_auth(request)) return fault;
  auto fault = check_bearer(request, path, now);
  // There is no project in these requests; it is the account that may do nothing.
  if (!fault && plan_.is_down(Fault::iam, {})) fault = fail_at(Step::project, path, now);
  if (!fault) {
    const auto down = check_service(path, now);
    if (!down) return std::nullopt;
    return flat_error(down->status, down->status == 500 ? "INTERNAL" : "UNAVAILABLE");
  }
  return flat_error(fault->status, fault->status == 403 ? "PERMISSION_DENIED" : "Unauthorized");
}

Standing World::standing_of(std::string_view registration) {
  const auto standing = devices_.standing(registration);
  const bool lost = standing == Standing::good &&
                    plan_.is_down(Fault::outage_404, {registration, Platform::unknown, {}});
  return lost ? Standing::unregistered : standing;
}

}  // namespace fanfare::emulator
