#include "client/preflight_lines.h"

#include <array>

#include <fmt/format.h>

#include "fcm/rules.h"

namespace fanfare::client {
namespace {

using State = PreflightLine::State;

// The seconds between two answers' making and reading, and of clocks that nobody complains about.
constexpr std::chrono::seconds small_skew{30};
// Google refuses assertions from outside of some minutes ("in a reasonable timeframe").
constexpr std::chrono::seconds large_skew{300};

constexpr std::array stages = {std::string_view("network"), std::string_view("oauth"),
                               std::string_view("api"), std::string_view("iam")};
enum Stage : std::size_t { network, oauth, api, iam, behind };

// Where an outcome came to an end; `behind` all stages when FCM spoke about the message.
Stage stage_of(const Verdict& verdict) {
  const std::string_view rule = verdict.rule;
  if (rule.starts_with("oauth.")) return oauth;
  if (rule == "project.iam" || rule == "project.permission" || rule == "project.scope") return iam;
  if (verdict.action == Action::hold_project && verdict.fault_domain == FaultDomain::project) {
    return api;
  }
  const bool silent =
      verdict.fault_domain == FaultDomain::network || verdict.fault_domain == FaultDomain::service;
  return silent ? network : behind;
}

// FCM is there but has trouble that passes.
bool passes_by_itself(const Verdict& verdict) {
  return verdict.kind == VerdictKind::service_unavailable;
}

std::string_view passed_text(Stage stage, bool with_token) {
  switch (stage) {
    case network:
      return "FCM answers";
    case oauth:
      return with_token ? "an access token was given and taken"
                        : "no access token is needed at this endpoint";
    case api:
      return "the project is there and its FCM API is enabled";
    case iam:
      return "these credentials may send for the project";
    case behind:
      break;
  }
  return "";
}

std::string failure_text(const Verdict& verdict) {
  const auto* row = fcm::find_rule(verdict.rule);
  std::string text(row == nullptr ? to_string(verdict.kind) : row->summary);
  if (!verdict.text.empty()) text += fmt::format(" ({})", verdict.text);
  return text;
}

PreflightLine line_of(std::string_view check, State state, const Verdict& verdict) {
  return {.check = check,
          .state = state,
          .what = failure_text(verdict),
          .remedy = std::string(fcm::remedy_for(verdict.rule)),
          .rule = verdict.rule};
}

}  // namespace

std::vector<PreflightLine> access_lines(const Outcome& outcome, bool with_token) {
  const Verdict& verdict = outcome.verdict;
  const Stage end = stage_of(verdict);
  std::vector<PreflightLine> lines;
  for (std::size_t stage = network; stage < stages.size(); ++stage) {
    if (stage < end) {
      lines.push_back({.check = stages.at(stage),
                       .state = State::passed,
                       .what = std::string(passed_text(static_cast<Stage>(stage), with_token)),
                       .remedy = {},
                       .rule = {}});
    } else if (stage == end) {
      lines.push_back(line_of(stages.at(stage),
                              passes_by_itself(verdict) ? State::warned : State::failed, verdict));
    } else {
      lines.push_back({.check = stages.at(stage),
                       .state = State::skipped,
                       .what = "not known: FCM did not come to it",
                       .remedy = {},
                       .rule = {}});
    }
    // Google's time comes with any answer; a wrong clock is the usual cause of a refused token.
    if (stage == oauth)
      lines.push_back(clock_line(outcome.answer.date, outcome.answer.received_at));
  }
  if (verdict.rule == "oauth.clock_skew") lines[2] = line_of("clock", State::failed, verdict);
  return lines;
}

PreflightLine clock_line(std::string_view date, SystemTime received_at) {
  PreflightLine line{
      .check = "clock", .state = State::skipped, .what = {}, .remedy = {}, .rule = {}};
  const auto theirs = date.empty() ? std::nullopt : parse_http_date(date, received_at);
  if (!theirs) {
    line.what = "not known: no answer with a date came";
    return line;
  }
  const auto skew = std::chrono::round<std::chrono::seconds>(received_at - *theirs);
  const auto size = skew < skew.zero() ? -skew : skew;
  if (size <= small_skew) {
    line.state = State::passed;
    line.what = "this machine's clock is that of FCM";
    return line;
  }
  line.state = size <= large_skew ? State::warned : State::failed;
  line.what = fmt::format("this machine's clock is {} s {} FCM's", size.count(),
                          skew > skew.zero() ? "ahead of" : "behind");
  line.remedy = "Set the clock (NTP); Google takes a few minutes of difference at most.";
  return line;
}

PreflightLine dry_run_line(const Outcome& outcome) {
  const Verdict& verdict = outcome.verdict;
  switch (verdict.kind) {
    case VerdictKind::accepted:
      return {.check = "dry_run",
              .state = State::passed,
              .what = "FCM takes the message (nothing was delivered)",
              .remedy = {},
              .rule = verdict.rule};
    case VerdictKind::device_gone:
    case VerdictKind::device_malformed:
    case VerdictKind::device_foreign:
    case VerdictKind::device_suspect: {
      auto line = line_of("dry_run", State::warned, verdict);
      line.what =
          fmt::format("the device of the dry run could not stand for others: {}", line.what);
      return line;
    }
    case VerdictKind::throttled_project:
    case VerdictKind::throttled_target:
    case VerdictKind::service_unavailable:
    case VerdictKind::unknown_outcome:
    case VerdictKind::unsent:
      return line_of("dry_run", State::warned, verdict);
    case VerdictKind::message_invalid:
    case VerdictKind::platform_blocked:
    case VerdictKind::credential_stale:
    case VerdictKind::project_blocked: {
      auto line = line_of("dry_run", State::failed, verdict);
      if (!verdict.field.empty()) line.what = fmt::format("{}: {}", verdict.field, line.what);
      return line;
    }
  }
  return {};
}

}  // namespace fanfare::client
