// send: options in, a plan out, then one of the two ways of sending.h.
#include <algorithm>
#include <iterator>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fanfare/check.h"

#include "cli/commands.h"
#include "cli/findings.h"
#include "cli/preflight.h"
#include "cli/sending.h"
#include "fcm/checks.h"

namespace fanfare::cli {
namespace {

// What can be known before sending. Topics and conditions have the smaller limit, so that one of
// them stands for all when the size is checked.
std::vector<Finding> check(const Message& message, const std::vector<Target>& targets) {
  if (targets.empty()) return check_message(message);
  const auto topical = std::ranges::find_if_not(targets, is_registration, &Target::kind);
  const auto first = topical == targets.end() ? targets.begin() : topical;
  auto findings = check_message(message, *first);
  for (auto target = targets.begin(); target != targets.end(); ++target) {
    if (target != first) std::ranges::move(check_target(*target), std::back_inserter(findings));
  }
  return findings;
}

// The books of a send that was not begun, for programs: named targets count as failed.
delivery::Summary summary_of_refused(const SendPlan& plan, const Finding& fault) {
  delivery::Summary summary;
  summary.counts.failed = plan.targets.size();
  summary.counts.by_rule.emplace(fault.rule, std::max<std::uint64_t>(1, plan.targets.size()));
  summary.message_fault.emplace();
  summary.message_fault->kind = VerdictKind::message_invalid;
  summary.message_fault->rule = fault.rule;
  summary.message_fault->field = fault.path;
  summary.message_fault->text = fault.what;
  return summary;
}

// True when nothing is known that FCM would refuse; else everything was said.
Result<bool> passes_check(Context& context, const SendOptions& options, const SendPlan& plan) {
  if (!plan.message || options.no_check) return true;
  auto findings = check(*plan.message, plan.targets);
  if (auto known = ignore_rules(findings, options.ignored_rules); !known) {
    return std::unexpected(known.error());
  }
  log_findings(findings, context.log);
  if (!fcm::has_fault(findings)) return true;
  context.log.write(LogLevel::error,
                    "nothing was sent: FCM would refuse the message\n"
                    "  Mend it, or send it as it is with --no-check, or --ignore the rule.");
  if (context.globals.json) {
    const auto fault = std::ranges::find(findings, Severity::fault, &Finding::severity);
    context.out.json_line(summary_json(summary_of_refused(plan, *fault)));
  }
  return false;
}

// The books of a send that its preflight stopped, for programs.
delivery::Summary summary_of_stopped(const PreflightLine& line) {
  delivery::Summary summary;
  Verdict verdict;
  verdict.kind = VerdictKind::project_blocked;
  verdict.rule = line.rule.empty() ? line.check : line.rule;
  verdict.text = line.what;
  if (concerns_message(line)) {
    summary.message_fault = verdict;
  } else {
    summary.holds.push_back({.scope = client::Hold::Scope::project,
                             .platform = {},
                             .attempt = {.answer = {}, .verdict = verdict}});
  }
  return summary;
}

// A large audience is worth two or three requests more: what would stop the send is found before it
// begins.
Result<ExitStatus> may_begin(Context& context, const SendOptions& options, SendPlan& plan) {
  if (!options.audience || options.resume || options.preflight_above == 0) {
    return ExitStatus::accepted;
  }
  const auto survey = survey_receivers(context, options, plan);
  if (!survey) return std::unexpected(survey.error());
  plan.audience = survey->audience;
  if (survey->devices <= options.preflight_above) return ExitStatus::accepted;
  const auto lines = preflight_send(options, plan, *survey);
  const ExitStatus status = preflight_status(lines);
  log_preflight(context.log, lines);
  if (status == ExitStatus::accepted) return status;
  context.log.write(LogLevel::error,
                    "nothing was sent: the preflight failed\n"
                    "  Mend it, or leave it out with --preflight-above 0.");
  if (context.globals.json) {
    const auto failed =
        std::ranges::find(lines, PreflightLine::State::failed, &PreflightLine::state);
    context.out.json_line(summary_json(summary_of_stopped(*failed)));
  }
  return status;
}

Result<ExitStatus> send(Context& context, const SendOptions& options) {
  auto plan = make_plan(context, options);
  if (!plan) return std::unexpected(plan.error());
  const auto passes = passes_check(context, options, *plan);
  if (!passes) return std::unexpected(passes.error());
  if (!*passes) return ExitStatus::some_failed;
  if (auto begun = may_begin(context, options, *plan); !begun) {
    return std::unexpected(begun.error());
  } else if (*begun != ExitStatus::accepted) {
    return *begun;
  }
  auto summary = plan->targets.empty() ? send_campaign(context, options, *plan)
                                       : send_to_targets(context, options, *plan);
  if (!summary) return std::unexpected(summary.error());
  if (context.globals.json) {
    context.out.json_line(summary_json(*summary));
  } else {
    const bool kept = plan->targets.empty() && is_kept(context.globals, options);
    context.out.say(summary_text(*summary, kept));
  }
  return static_cast<ExitStatus>(delivery::exit_status(*summary));
}

void declare_way(CLI::App& command, SendOptions& options) {
  command
      .add_option("--priority", options.priority,
                  "Whose turn it is when the quota is short; without it bulk")
      ->type_name("NAME")
      ->check(CLI::IsMember(std::vector<std::string>{"urgent", "normal", "bulk"}));
  command.add_flag("--avoid-quarter-hours", options.avoid_quarter_hours,
                   "Send bulk at a tenth of the rate for two minutes before and after each quarter "
                   "of an hour, as FCM asks");
  command.add_option("--connections", options.connections, "Connections at most")
      ->type_name("N")
      ->check(CLI::Range(1, 100).description(""));
  command.add_option("--lanes", options.lanes, "Sending threads; 0: as many as there are cores")
      ->type_name("N")
      ->check(CLI::Range(0, 64).description(""));
}

}  // namespace

void add_send(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "send",
      "Send a notification to devices, topics or a whole audience\n\n"
      "What FCM answers decides what happens to a device: dead registrations are retired with the "
      "answer as evidence, living ones stay, and what FCM could not do now is sent again when it "
      "says. A wrong project, key or message stops the send and touches no device.");
  command->group("Sending");
  command->footer(
      "Examples:\n"
      "  fanfare send --title Hello --body 'It works' --token TOKEN\n"
      "  fanfare send --message news.json --to devices.csv --report report.jsonl\n"
      "  fanfare --store fleet.db send --message news.json --audience 'platform:ios'\n"
      "  fanfare send --message code.json --token TOKEN --priority urgent\n");
  auto options = std::make_shared<SendOptions>();
  const auto text = [&](const char* name, std::string& value, const char* help, const char* type) {
    return command->add_option(name, value, help)->type_name(type);
  };
  declare_message(*command, *options);
  declare_receivers(*command, *options,
                    "Registrations to send to: CSV, JSON lines or plain text, maybe .gz or .zst; "
                    "imported into the store first when --store is given");
  command->add_flag("--dry-run", options->dry_run, "FCM checks every message and delivers none");
  command->add_flag("--no-check", options->no_check,
                    "Send even what FCM is known to refuse (see check-message)");
  declare_ignored_rules(*command, options->ignored_rules);
  text("--report", options->report_file, "A JSON line for each target: verdict, rule, evidence",
       "FILE");
  declare_pace(*command, *options);
  declare_way(*command, *options);
  command->add_flag("--resume", options->resume, "Go on with the interrupted send of this store");
  command->add_option("--max-attempts", options->max_attempts, "Attempts for each target")
      ->type_name("N")
      ->check(CLI::Range(1, 100).description(""));
  text("--deadline", options->deadline, "Send nothing later than this after the start", "SPAN");
  text("--on-unknown", options->on_unknown,
       "When no answer came: 'retry' (may show twice) or 'drop' (may be lost)", "POLICY")
      ->check(CLI::IsMember(std::vector<std::string>{"retry", "drop"}));
  text("--brake-recheck", options->brake_recheck,
       "How long the brake stays on at least when the same devices are called dead again", "SPAN");
  command
      ->add_option("--probe-budget", options->probe_budget,
                   "Most devices to ask FCM about, when it refuses a message and names nobody")
      ->type_name("N");
  command
      ->add_option("--preflight-above", options->preflight_above,
                   "Run a preflight before sending to an audience of more devices; 0: never")
      ->type_name("N");
  context.on(*command, [&context, options] { return send(context, *options); });
}

}  // namespace fanfare::cli
