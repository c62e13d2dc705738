#include "emulator/world.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <fmt/format.h>

#include "emulator/noise.h"
#include "emulator/path.h"
#include "emulator/schema.h"
#include "emulator/url.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::string_view admin_prefix = "/_emulator/";
constexpr std::size_t max_json_depth = 100;

/// Uniform in [0, 1).
double unit(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

std::string_view bearer_of(const http2::Request& request) {
  const auto value = http2::find_header(request.headers, "authorization");
  constexpr std::string_view scheme = "Bearer ";
  // Schemes are case-insensitive (RFC 9110, 11.1).
  if (value.size() <= scheme.size()) return {};
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = value[i] >= 'A' && value[i] <= 'Z' ? static_cast<char>(value[i] + 32) : value[i];
    const char wanted = i == 0 ? 'b' : scheme[i];
    if (c != wanted) return {};
  }
  return value.substr(scheme.size());
}

}  // namespace

World::World(WorldOptions options)
    : project_(std::move(options.project)),
      project_number_(std::move(options.project_number)),
      any_project_(options.any_project),
      require_auth_(options.require_auth),
      faults_(options.faults),
      random_(options.faults.seed),
      devices_(std::move(options.devices)),
      tokens_(std::move(options.tokens)),
      identities_(std::move(options.identities)),
      ring_(options.kept_messages) {}

bool World::is_administrative(const http2::Request& request) {
  return request.path.starts_with(admin_prefix);
}

std::chrono::milliseconds World::next_delay() {
  if (faults_.latency_jitter == 0ms) return faults_.latency;
  return faults_.latency + random_.between(0ms, faults_.latency_jitter);
}

void World::arrived(std::size_t connections) {
  ++in_flight_;
  connections_ = connections;
  books_.max_in_flight = std::max(books_.max_in_flight, in_flight_);
  books_.max_connections = std::max(books_.max_connections, connections_);
}

void World::answered() {
  --in_flight_;
}

void World::lost() {
  --in_flight_;
  ++books_.lost;
}

Plan World::answer(http2::Request request, SystemTime now) {
  const std::string target = request.path;  // Paths are short; the request itself may be moved.
  const auto path = split(target);
  if (path.path.starts_with(admin_prefix)) return {administer(request, path)};
  if (request.method == "POST" && path.send_project()) {
    const auto answer = send(request, path, now);
    books_.sends.add(kind_of(answer));
    return finish(answer, path, now);
  }
  if (auto response = answer_token_request(request, path, now)) {
    books_.tokens.add(std::to_string(response->status));
    return {*std::move(response)};
  }
  if (const auto answer = answer_neighbour(request, path, now)) {
    books_.neighbours.add(kind_of(*answer));
    return finish(*answer, path, now);
  }
  const auto answer = html_not_found(path.path);
  books_.others.add(kind_of(answer));
  return finish(answer, path, now);
}

Plan World::finish(const Answer& answer, const Path& path, SystemTime now) {
  if (answer.cut) return {{}, true};
  const bool pretty = path.parameter("prettyPrint").value_or("true") != "false";
  return {render(answer, pretty, date_of(now))};
}

Answer World::send(http2::Request& request, const Path& path, SystemTime now) {
  const auto project = *path.send_project();
  if (auto fault = check_front_end(path)) return *std::move(fault);
  if (auto fault = check_bearer(request, path, now)) return *std::move(fault);
  if (auto fault = check_project(project)) return *std::move(fault);
  if (auto fault = check_service(now)) return *std::move(fault);
  if (auto fault = check_quota(now)) return *std::move(fault);
  auto answer = judge_body(request, project, now);
  spend_quota(answer);
  return answer;
}

std::optional<Answer> World::check_front_end(const Path& path) const {
  if (faults_.fault == Fault::html_404) return html_not_found(path.path);
  if (faults_.fault == Fault::html_502) return html_bad_gateway();
  return std::nullopt;
}

std::optional<Answer> World::check_bearer(const http2::Request& request, const Path& path,
                                          SystemTime now, Need need) {
  if (faults_.fault == Fault::unauthenticated) return invalid_credentials();
  if (!require_auth_) return std::nullopt;
  auto token = bearer_of(request);
  if (token.empty()) token = path.parameter("access_token").value_or("");
  // As with Firebase's own emulators; only where nobody could take it for a secret.
  if (token == "owner" && request.scheme == "http") return std::nullopt;
  switch (tokens_ ? tokens_->judge(token, now, need)
                  : (token.empty() ? TokenState::missing : TokenState::invalid)) {
    case TokenState::good:
      return std::nullopt;
    case TokenState::missing:
      return missing_credentials();
    case TokenState::invalid:
      return invalid_credentials();
    case TokenState::expired:
      return expired_credentials();
    case TokenState::scope_insufficient:
      return scope_insufficient();
  }
  return invalid_credentials();
}

std::optional<Answer> World::check_project(std::string_view project) const {
  if (faults_.fault == Fault::project_not_found) return bare_not_found();
  if (faults_.fault == Fault::api_disabled) return api_disabled(project_number_);
  if (faults_.fault == Fault::iam) return permission_denied(project);
  if (any_project_ || project == project_ || project == project_number_) return std::nullopt;
  return faults_.foreign_project_404 ? bare_not_found() : permission_denied(project);
}

std::optional<Answer> World::check_service(SystemTime now) {
  const bool down = faults_.fault == Fault::service_503 ||
                    (faults_.error_503_share > 0 && unit(random_.next()) < faults_.error_503_share);
  if (down) return wait_as_told(unavailable(), now);
  return std::nullopt;
}

std::optional<Answer> World::check_quota(SystemTime now) {
  constexpr std::uint64_t default_limit = 600'000;
  const auto limit = faults_.quota_per_minute.value_or(default_limit);
  if (faults_.fault == Fault::quota_429) {
    return wait_as_told(project_quota(project_number_, limit), now);
  }
  if (!faults_.quota_per_minute) return std::nullopt;
  if (!window_start_ || now - *window_start_ >= 60s || now < *window_start_ - 60s) {
    window_start_ = now;
    window_spent_ = 0;
  }
  if (window_spent_ < limit) return std::nullopt;
  return wait_as_told(project_quota(project_number_, limit), now);
}

// Client errors count against the quota as acceptances do, a 429 does not (FCM docs, "Throttling
// and quotas").
void World::spend_quota(const Answer& answer) {
  const bool client_error = answer.status >= 400 && answer.status < 500 && answer.status != 429;
  if (answer.status == 200 || client_error) ++window_spent_;
}

Answer World::judge_body(http2::Request& request, std::string_view project, SystemTime now) {
  json::monotonic_resource memory;
  json::parse_options options;
  options.max_depth = max_json_depth;
  json::parser parser({}, options);
  parser.reset(&memory);
  boost::system::error_code error;
  const auto read = parser.write_some(request.body, error);
  if (error || read < request.body.size()) return malformed_json(request.body, read);

  const auto body = parser.release();
  if (const auto faults = find_schema_faults(body); !faults.empty()) return schema_faults(faults);
  const auto* message = find_member(body.get_object(), "message");
  const auto* dry = find_member(body.get_object(), "validate_only");
  const json::object nothing;
  const auto& content = message != nullptr ? message->get_object() : nothing;
  const Intent intent{dry != nullptr && dry->get_bool(), is_empty_but_target(content)};
  if (auto fault = find_fault(content, faults_.size_limit_bytes)) return *std::move(fault);
  if (faults_.fault == Fault::payload_invalid) {
    return invalid_field("message.webpush.headers.TTL", "TTL must be a non-negative integer.");
  }
  if (faults_.fault == Fault::bare_invalid_argument ||
      (faults_.fault == Fault::bare_payload_invalid && !intent.is_probe())) {
    return bare_invalid_argument();
  }
  const auto target = target_of(content);
  auto answer = deliver(target, intent, project, now);
  if (answer.status == 200 && !intent.dry_run) {
    keep(answer, content, target, std::move(request.body), now);
  }
  return answer;
}

Answer World::deliver(const Target& target, Intent intent, std::string_view project,
                      SystemTime now) {
  const auto group = group_of(target);
  if (group && groups_.members_of(*group).empty()) return unregistered();
  if (!group && (target.field == "token" || target.field == "fid")) {
    if (auto refusal = judge_device(target, intent)) {
      // The device's own answers name their wait; a flaky one is back after a second.
      if (refusal->status == 503 || refusal->status == 429) {
        return with_retry_after(*std::move(refusal), 1s, faults_.retry_after_as_date, now);
      }
      return *std::move(refusal);
    }
  }
  if (intent.dry_run) {
    ++books_.dry_runs;
  } else if (group) {
    ++books_.accepted;
  } else {
    count_acceptance(target);
  }
  return accepted(next_name(target, project, now));
}

std::optional<Answer> World::judge_device(const Target& target, Intent intent) {
  const auto field = target.field == "fid" ? "message.fid" : "message.token";
  const auto device = devices_.find(target.value);
  if (!device && !looks_like_registration(target.value)) return bad_registration(field);
  if (device && device->health == Health::malformed) {
    if (device->index != DeviceBook::uncounted) ++devices_.counts(device->index).requests;
    return bad_registration(field);
  }
  DeviceCounts unlisted;
  auto& counts =
      device && device->index != DeviceBook::uncounted ? devices_.counts(device->index) : unlisted;
  ++counts.requests;
  if (!device || is_in_outage(target.value)) return unregistered();
  return judge_health(*device, counts, intent);
}

std::optional<Answer> World::judge_health(const Device& device, DeviceCounts& counts,
                                          Intent intent) {
  if (is_flaky(device.health) && counts.failed_once == 0) {
    counts.failed_once = 1;
    if (device.health == Health::flaky_503) return unavailable();
    if (device.health == Health::flaky_429) return device_quota();
    return cut_connection();
  }
  if (device.health == Health::unregistered) return unregistered();
  if (device.health == Health::wrong_sender) return sender_mismatch();
  if (device.health == Health::suspect_dead) return bare_invalid_argument();
  if (device.health == Health::payload_refused && !intent.is_probe()) {
    return bare_invalid_argument();
  }
  // A dry run does not reach APNs: a device disabled there passes.
  if (intent.dry_run) return std::nullopt;
  if (faults_.fault == Fault::apns_broken && device.platform == Platform::ios) {
    return third_party_auth();
  }
  if (device.health == Health::apns_disabled) return apns_disabled();
  if (device.health == Health::apns_disabled_404) return apns_unregistered();
  return std::nullopt;
}

void World::count_acceptance(const Target& target) {
  ++books_.accepted;
  if (target.field != "token" && target.field != "fid") return;
  const auto device = devices_.find(target.value);
  if (!device || device->index == DeviceBook::uncounted) return;
  auto& counts = devices_.counts(device->index);
  ++counts.accepted;
  if (counts.accepted == 2) ++books_.duplicates;
  if (counts.accepted >= 2) ++books_.second_sends;
}

bool World::is_in_outage(std::string_view registration) const {
  if (faults_.fault != Fault::outage_404) return false;
  // By a hash, so that the outage hits the same devices on every machine.
  return unit(Random(stable_hash(registration) ^ faults_.seed).next()) < faults_.outage_share;
}

// "0:1500415314455276%31bd1c9631bd1c96" for a device, a bare number for a topic.
std::string World::next_name(const Target& target, std::string_view project, SystemTime now) {
  const auto microseconds =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  const auto number = next_message_++;
  if (target.field == "topic" || target.field == "condition") {
    // Nineteen digits and one of a kind: the time in milliseconds, then the number.
    return fmt::format("projects/{}/messages/{}{:06}", project, microseconds / 1'000,
                       number % 1'000'000);
  }
  return fmt::format("projects/{}/messages/0:{}%{:016x}", project, microseconds,
                     Random(number).next());
}

Answer World::wait_as_told(Answer answer, SystemTime now) const {
  if (!faults_.retry_after) return answer;
  return with_retry_after(std::move(answer), *faults_.retry_after, faults_.retry_after_as_date,
                          now);
}

std::string_view World::date_of(SystemTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (date_.empty() || second != date_for_) {
    date_for_ = second;
    date_ = format_http_date(second);
  }
  return date_;
}

// --- path.h ---

World::Path World::split(std::string_view path) {
  const auto mark = path.find('?');
  if (mark == std::string_view::npos) return {path, {}};
  return {path.substr(0, mark), path.substr(mark + 1)};
}

std::optional<std::string_view> World::Path::parameter(std::string_view name) const {
  auto rest = query;
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return pair.substr(equals + 1);
    }
  }
  return std::nullopt;
}

std::uint64_t World::Path::number(std::string_view name, std::uint64_t otherwise) const {
  const auto text = parameter(name).value_or("");
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && !text.empty() && end == text.data() + text.size() ? value
                                                                                   : otherwise;
}

std::optional<std::string> World::Path::send_project() const {
  constexpr std::string_view before = "/v1/projects/";
  constexpr std::string_view after = "/messages:send";
  if (!path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  if (path.size() <= before.size() + after.size()) return std::nullopt;
  const auto project = path.substr(before.size(), path.size() - before.size() - after.size());
  if (!is_project_name(project)) return std::nullopt;
  return std::string(project);
}

}  // namespace fanfare::emulator
