#include "fanfare/preflight.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "fanfare/check.h"

#include "client/api_calls.h"
#include "client/preflight_lines.h"
#include "fcm/encoded_message.h"

namespace fanfare {
namespace {

using State = PreflightLine::State;

// Exists nowhere, and needs not to: a dry run to a topic asks after no subscriber.
constexpr const char* stand_in_topic = "fanfare-preflight";

// One attempt, and a person waits for it.
ClientOptions impatient(ClientOptions options) {
  options.max_attempts = 1;
  options.ramp = std::chrono::milliseconds(0);
  options.connections = 1;
  options.give_up_after = std::chrono::seconds(30);
  return options;
}

client::OtherCall dry_run(const Message& message) {
  return {.fill =
              [body = fcm::EncodedMessage(message, true)](
                  const std::string& project, const Target& target, http2::Request& request) {
                request.path = fmt::format("/v1/projects/{}/messages:send", project);
                body.append_body(target, request.body);
              },
          .judge = judge};
}

void add_credentials(std::vector<PreflightLine>& lines, const client::ApiCalls& calls) {
  const auto add = [&](State state, std::string what) {
    lines.push_back({.check = "credentials",
                     .state = state,
                     .what = std::move(what),
                     .remedy = {},
                     .rule = {}});
  };
  if (calls.credentials().empty()) {
    add(State::passed,
        fmt::format("none are needed at this endpoint; project {}", calls.project()));
  } else {
    add(State::passed, fmt::format("{}, project {}", calls.credentials(), calls.project()));
  }
  for (const auto& warning : calls.warnings()) add(State::warned, warning);
}

void add_message_checks(std::vector<PreflightLine>& lines, const Message& message,
                        const std::optional<Target>& target,
                        const std::vector<std::string>& ignored_rules) {
  auto findings = target ? check_message(message, target) : check_message(message);
  std::erase_if(findings, [&](const Finding& finding) {
    return std::ranges::find(ignored_rules, finding.rule) != ignored_rules.end();
  });
  for (const Finding& finding : findings) {
    lines.push_back({.check = "message",
                     .state = finding.severity == Severity::fault ? State::failed : State::warned,
                     .what = fmt::format("{}: {}", finding.path, finding.what),
                     .remedy = finding.remedy,
                     .rule = finding.rule});
  }
  if (!findings.empty()) return;
  lines.push_back({.check = "message",
                   .state = State::passed,
                   .what = fmt::format("nothing wrong or doubtful in it; {} bytes for Android",
                                       estimate_size(message).android_bytes),
                   .remedy = {},
                   .rule = {}});
}

bool fits_devices_only(const Message& message) {
  return estimate_size(message).android_bytes > payload_limit_bytes(TargetKind::topic);
}

bool failed(const std::vector<PreflightLine>& lines) {
  return std::ranges::any_of(lines, [](const auto& line) { return line.state == State::failed; });
}

void add_skipped(std::vector<PreflightLine>& lines, std::initializer_list<std::string_view> checks,
                 const char* what) {
  for (const auto check : checks) {
    lines.push_back(
        {.check = check, .state = State::skipped, .what = what, .remedy = {}, .rule = {}});
  }
}

}  // namespace

std::string_view to_string(PreflightLine::State state) noexcept {
  switch (state) {
    case State::passed:
      return "passed";
    case State::warned:
      return "warned";
    case State::failed:
      return "failed";
    case State::skipped:
      return "skipped";
  }
  return "";
}

std::vector<PreflightLine> preflight(const ClientOptions& options,
                                     const std::optional<Message>& message,
                                     const std::optional<Target>& target,
                                     const std::vector<std::string>& ignored_rules) {
  const Target stand_in{TargetKind::topic, stand_in_topic};
  std::vector<PreflightLine> lines;
  auto calls = client::ApiCalls::open(impatient(options), client::fcm_api);
  bool reached = false;
  if (calls) {
    add_credentials(lines, *calls);
    const auto empty = calls->one(dry_run(Message{}), stand_in);
    const auto access = client::access_lines(empty, !calls->credentials().empty());
    lines.insert(lines.end(), access.begin(), access.end());
    reached = !failed(lines);
  } else {
    lines.push_back({.check = "credentials",
                     .state = State::failed,
                     .what = calls.error().what,
                     .remedy = calls.error().remedy,
                     .rule = {}});
    add_skipped(lines, {"network", "oauth", "clock", "api", "iam"}, "not known: not tried");
  }
  if (!message) return lines;
  const auto before = lines.size();
  add_message_checks(lines, *message, target, ignored_rules);
  const bool sound = !failed({lines.begin() + static_cast<std::ptrdiff_t>(before), lines.end()});
  if (!reached || !sound) {
    add_skipped(lines, {"dry_run"}, "not tried: it would only repeat what failed above");
  } else if (!target && fits_devices_only(*message)) {
    add_skipped(lines, {"dry_run"}, "not tried: too large for a topic, and no device was named");
  } else {
    auto outcome = calls->one(dry_run(*message), target.value_or(stand_in));
    if (target && outcome.verdict.fault_domain == FaultDomain::device &&
        !fits_devices_only(*message)) {
      outcome = calls->one(dry_run(*message), stand_in);  // That device can't stand for others.
    }
    lines.push_back(client::dry_run_line(outcome));
  }
  return lines;
}

}  // namespace fanfare
