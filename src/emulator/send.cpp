// messages:send, step by step, in the order of World::send. What a fault does at its step is
// answer_of; what is wrong with a device is judge_device.
#include <array>
#include <utility>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <fmt/format.h>

#include "emulator/path.h"
#include "emulator/schema.h"
#include "emulator/world.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t max_json_depth = 100;
constexpr std::uint64_t default_quota = 600'000;

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

bool is_to_device(const Target& target) {
  return target.field == "token" || target.field == "fid";
}

/// What the network does; nothing for a fault that has an answer.
std::optional<http2::Mishap> mishap_of(Fault fault) {
  using http2::Mishap;
  switch (fault) {
    case Fault::refused_stream:
      return Mishap::refuse;
    case Fault::reset_before:
    case Fault::reset_after:
      return Mishap::reset;
    case Fault::cut_before:
    case Fault::cut_after:
    case Fault::oauth_dead:
      return Mishap::cut;
    case Fault::truncated:
      return Mishap::cut_mid_body;
    case Fault::stalled:
      return Mishap::stall_mid_body;
    case Fault::silence:
      return Mishap::silence;
    case Fault::half_close:
      return Mishap::half_close;
    case Fault::slow_reader:
      return Mishap::stop_reading;
    case Fault::goaway_before:
      return Mishap::go_away_before;
    case Fault::goaway_after:
      return Mishap::go_away_after;
    case Fault::goaway_notice:
      return Mishap::go_away_notice;
    case Fault::goaway_max_streams:
      return Mishap::go_away_max_streams;
    case Fault::goaway_pings:
      return Mishap::go_away_pings;
    case Fault::goaway_timeout:
      return Mishap::go_away_timeout;
    default:
      return std::nullopt;
  }
}

}  // namespace

Answer World::send(http2::Request& request, const Path& path, SystemTime now) {
  if (auto fault = check_front_end(path, now)) return *std::move(fault);
  if (auto fault = check_bearer(request, path, now)) return *std::move(fault);
  if (auto fault = check_project(*path.send_project(), path, now)) return *std::move(fault);
  if (auto fault = check_service(path, now)) return *std::move(fault);
  if (auto fault = check_quota(path, now)) return *std::move(fault);
  auto answer = judge_body(request, path, now);
  if (faults().quota_per_minute && counts_for_quota(answer)) {
    quota_windows_.at(quota_owner(path)).count();
  }
  return answer;
}

// --- faults ---

std::optional<Answer> World::fail_at(Step step, const Path& path, SystemTime now) {
  if (const auto fault = plan_.strike(step)) return answer_of(*fault, path, now);
  return std::nullopt;
}

Answer World::answer_of(Fault fault, const Path& path, SystemTime now) {
  const auto texts = faults().texts;
  if (const auto mishap = mishap_of(fault)) return no_answer(fault, *mishap);
  switch (fault) {
    case Fault::project_not_found:
      return bare_not_found();
    case Fault::api_disabled:
      return api_disabled(project_number_);
    case Fault::iam:
      return permission_denied(path.send_project().value_or(project_));
    case Fault::quota_429:
      return wait_as_told(
          project_quota(project_number_, faults().quota_per_minute.value_or(default_quota)), now);
    case Fault::unauthenticated:
      return invalid_credentials();
    case Fault::expired_token:
      return expired_credentials();
    case Fault::scope_insufficient:
      return scope_insufficient();
    case Fault::apns_broken:
      return third_party_auth(texts);
    case Fault::outage_404:
      return unregistered(texts);
    case Fault::device_quota_429:
      return wait_as_told(device_quota(), now);
    case Fault::topic_quota_429:
      return wait_as_told(topic_quota(note_->target), now);
    case Fault::internal_500:
      return internal_error();
    case Fault::html_404:
      return html_not_found(path.path);
    case Fault::html_502:
      return html_bad_gateway();
    case Fault::html_200:
      return html_welcome();
    case Fault::payload_invalid:
      return invalid_field("message.webpush.headers.TTL", "TTL must be a non-negative integer.");
    case Fault::too_large:
      return too_large(texts);
    case Fault::bare_invalid_argument:
    case Fault::bare_payload_invalid:
      return bare_invalid_argument();
    default:  // service_503 and what looks like it.
      return wait_as_told(unavailable(), now);
  }
}

// --- before the message is read ---

std::optional<Answer> World::check_front_end(const Path& path, SystemTime now) {
  return fail_at(Step::front_end, path, now);
}

std::optional<Answer> World::check_bearer(const http2::Request& request, const Path& path,
                                          SystemTime now, Need need) {
  if (auto fault = fail_at(Step::access, path, now)) return fault;
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

std::optional<Answer> World::check_project(std::string_view project, const Path& path,
                                           SystemTime now) {
  if (auto fault = fail_at(Step::project, path, now)) return fault;
  if (any_project_ || project == project_ || project == project_number_) return std::nullopt;
  return faults().foreign_project_404 ? bare_not_found() : permission_denied(project);
}

std::optional<Answer> World::check_service(const Path& path, SystemTime now) {
  if (auto fault = fail_at(Step::service, path, now)) return fault;
  if (plan_.chance(faults().error_503_share)) return wait_as_told(unavailable(), now);
  return std::nullopt;
}

std::string World::quota_owner(const Path& path) const {
  return any_project_ ? path.send_project().value_or(project_) : project_;
}

std::optional<Answer> World::check_quota(const Path& path, SystemTime now) {
  if (auto fault = fail_at(Step::quota, path, now)) return fault;
  const auto limit = faults().quota_per_minute;
  if (!limit) return std::nullopt;
  auto& window = quota_windows_.at(quota_owner(path));
  if (!window.is_spent(device_time(now), *limit)) return std::nullopt;
  return wait_as_told(project_quota(project_number_, *limit), now);
}

// --- the message ---

Answer World::judge_body(http2::Request& request, const Path& path, SystemTime now) {
  // Most messages fit into these and need no memory of the heap.
  std::array<unsigned char, 8'192> tree;
  std::array<unsigned char, 4'096> stack;
  json::monotonic_resource memory(tree.data(), tree.size());
  json::parse_options options;
  options.max_depth = max_json_depth;
  json::parser parser({}, options, stack.data(), stack.size());
  parser.reset(&memory);
  boost::system::error_code error;
  const auto read = parser.write_some(request.body, error);
  if (error || read < request.body.size()) return malformed_json(request.body, read);

  const auto body = parser.release();
  if (const auto found = find_schema_faults(body); !found.empty()) return schema_faults(found);
  const auto* message = find_member(body.get_object(), "message");
  const auto* dry = find_member(body.get_object(), "validate_only");
  const json::object nothing;
  const auto& content = message != nullptr ? message->get_object() : nothing;
  const Intent intent{dry != nullptr && dry->get_bool(), is_empty_but_target(content)};
  const auto target = target_of(content);
  note_->target_field = target.field;
  note_->target = target.value;
  note_->dry_run = intent.dry_run;
  if (auto fault = check_payload(content, intent, path, now)) return *std::move(fault);
  if (plan_.is_aimed()) {
    if (auto fault = check_aim(subject_of(target), path, now)) return *std::move(fault);
  }
  auto answer = deliver(target, intent, path, now);
  if (answer.status != 200) return answer;
  if (!intent.dry_run) keep(answer, content, target, request.body, now);
  return answer;
}

std::optional<Answer> World::check_payload(const json::object& message, Intent intent,
                                           const Path& path, SystemTime now) {
  if (auto fault = find_fault(message, faults().size_limit_bytes, faults().texts)) return fault;
  const auto fault = plan_.strike(Step::message);
  if (!fault || (*fault == Fault::bare_payload_invalid && intent.is_probe())) return std::nullopt;
  return answer_of(*fault, path, now);
}

std::optional<Answer> World::check_aim(const Subject& subject, const Path& path, SystemTime now) {
  for (const auto step :
       {Step::front_end, Step::access, Step::project, Step::service, Step::quota, Step::message}) {
    if (const auto fault = plan_.strike(step, subject)) return answer_of(*fault, path, now);
  }
  return std::nullopt;
}

Subject World::subject_of(const Target& target) {
  if (!is_to_device(target)) {
    return {{}, Platform::unknown, target.field == "topic" ? target.value : std::string_view{}};
  }
  const auto device = devices_.find(target.value);
  return {target.value, device ? device->platform : Platform::unknown, {}};
}

Answer World::deliver(const Target& target, Intent intent, const Path& path, SystemTime now) {
  const auto group = group_of(target);
  if (group && groups_.members_of(*group).empty()) return unregistered(faults().texts);
  if (!group && is_to_device(target)) {
    if (auto refusal = judge_device(target, intent, path, now)) return *std::move(refusal);
  }
  if (!is_to_device(target)) {
    const Subject subject = subject_of(target);
    if (const auto fault = plan_.strike(Step::device, subject)) {
      return answer_of(*fault, path, now);
    }
    if (auto refusal = check_fan_outs(target, now)) return *std::move(refusal);
  }
  if (intent.dry_run) {
    ++books_.dry_runs;
  } else if (group) {
    ++books_.accepted;
  } else {
    count_acceptance(target);
  }
  return accepted(next_name(target, *path.send_project(), intent, now));
}

/// So many at once, each for a while.
std::optional<Answer> World::check_fan_outs(const Target& target, SystemTime now) {
  if (!faults().fan_outs) return std::nullopt;
  const auto present = device_time(now);
  while (!fan_outs_.empty() && fan_outs_.front() <= present) fan_outs_.pop_front();
  if (fan_outs_.size() >= *faults().fan_outs) return wait_as_told(topic_quota(target.value), now);
  if (faults().fan_out > 0ms) fan_outs_.push_back(present + faults().fan_out);
  return std::nullopt;
}

// --- the device ---

std::optional<Answer> World::judge_device(const Target& target, Intent intent, const Path& path,
                                          SystemTime now) {
  const auto field = target.field == "fid" ? "message.fid" : "message.token";
  const auto device = devices_.find(target.value);
  if (!device && !looks_like_registration(target.value)) {
    return bad_registration(field, faults().texts);
  }
  DeviceCounts unlisted;
  auto& counts =
      device && device->index != DeviceBook::uncounted ? devices_.counts(device->index) : unlisted;
  ++counts.requests;
  if (device && device->health == Health::malformed) {
    return bad_registration(field, faults().texts);
  }
  if (!device) return unregistered(faults().texts);
  const Subject subject{target.value, device->platform, {}};
  if (const auto fault = plan_.strike(Step::device, subject)) return answer_of(*fault, path, now);
  if (auto refusal = judge_health(*device, counts, intent)) {
    // The device's own answers name their wait; a flaky one is back after a second.
    if (refusal->status != 503 && refusal->status != 429) return refusal;
    return with_retry_after(*std::move(refusal), 1s, faults().retry_after_as_date, now);
  }
  // A dry run does not reach the device, nor APNs.
  if (intent.dry_run) return std::nullopt;
  if (const auto fault = plan_.strike(Step::apns, subject)) return answer_of(*fault, path, now);
  if (device->health == Health::apns_disabled) return apns_disabled();
  if (device->health == Health::apns_disabled_404) return apns_unregistered();
  return judge_phone(target, *device, now);
}

std::optional<Answer> World::judge_health(const Device& device, DeviceCounts& counts,
                                          Intent intent) {
  if (is_flaky(device.health) && counts.failed_once == 0) {
    counts.failed_once = 1;
    if (device.health == Health::flaky_503) return unavailable();
    if (device.health == Health::flaky_429) return device_quota();
    return cut_connection();
  }
  if (device.health == Health::unregistered) return unregistered(faults().texts);
  if (device.health == Health::wrong_sender) return sender_mismatch();
  if (device.health == Health::suspect_dead) return bare_invalid_argument();
  if (device.health == Health::payload_refused && !intent.is_probe()) {
    return bare_invalid_argument();
  }
  return std::nullopt;
}

/// What the device's own life has against a message: so long away that it is forgotten, or too
/// many messages.
std::optional<Answer> World::judge_phone(const Target& target, const Device& device,
                                         SystemTime now) {
  auto* phone = faults().device.any()
                    ? phones_.find_or_add(std::string(target.value), device.platform)
                    : phones_.find(target.value);
  if (phone == nullptr) return std::nullopt;
  if (Phones::is_forgotten(*phone, device_time(now))) {
    devices_.set_health(device.index, Health::unregistered);
    return unregistered(faults().texts);
  }
  if (Phones::admit(*phone, faults().device, device_time(now))) return std::nullopt;
  return wait_as_told(device_quota(), now);
}

void World::count_acceptance(const Target& target) {
  ++books_.accepted;
  if (!is_to_device(target)) return;
  const auto device = devices_.find(target.value);
  if (!device || device->index == DeviceBook::uncounted) return;
  auto& counts = devices_.counts(device->index);
  ++counts.accepted;
  if (counts.accepted == 2) ++books_.duplicates;
  if (counts.accepted >= 2) ++books_.second_sends;
}

// --- the answer ---

// "0:1500415314455276%31bd1c9631bd1c96" for a device, a bare number for a topic.
std::string World::next_name(const Target& target, std::string_view project, Intent intent,
                             SystemTime now) {
  if (intent.dry_run && faults().fake_message_id) {
    return fmt::format("projects/{}/messages/fake_message_id", project);
  }
  const auto microseconds =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  const auto number = next_message_++;
  if (!is_to_device(target)) {
    // Nineteen digits and one of a kind: the time in milliseconds, then the number.
    return fmt::format("projects/{}/messages/{}{:06}", project, microseconds / 1'000,
                       number % 1'000'000);
  }
  return fmt::format("projects/{}/messages/0:{}%{:016x}", project, microseconds,
                     Random(number).next());
}

/// What a fault makes of an answer when all is done.
Answer World::spoil(Answer answer, const Path& path, SystemTime now) {
  if (answer.mishap) return answer;  // It has failed already; there is nothing left to spoil.
  const Target target{note_->target_field, note_->target};
  const auto fault = plan_.strike(Step::after, subject_of(target));
  if (!fault) return answer;
  auto kind = kind_of(answer);
  if (const auto mishap = mishap_of(*fault)) {
    answer.mishap = mishap;
  } else if (*fault == Fault::delivered_503) {
    if (answer.status == 200) answer = answer_of(*fault, path, now);
  } else if (*fault == Fault::nameless_200 || *fault == Fault::empty_200) {
    if (answer.status != 200) return answer;
    answer.body = {};
    answer.no_body = *fault == Fault::empty_200;
  }
  answer.fault = *fault;
  answer.spoilt = std::move(kind);
  return answer;
}

Answer World::wait_as_told(Answer answer, SystemTime now) const {
  const auto wait = plan_.retry_after();
  if (!wait) return answer;
  return with_retry_after(std::move(answer), *wait, faults().retry_after_as_date, now);
}

}  // namespace fanfare::emulator
