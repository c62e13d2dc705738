// send: options in, a plan out, then one of the two ways of sending.h.
#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fanfare/check.h"

#include "base/file.h"
#include "base/time_text.h"
#include "cli/commands.h"
#include "cli/findings.h"
#include "cli/sending.h"
#include "fcm/checks.h"
#include "fcm/message_json.h"

namespace fanfare::cli {
namespace {

std::unexpected<Error> wrong_use(std::string what, std::string remedy) {
  return fail(Error::Kind::usage, std::move(what), std::move(remedy));
}

bool has_notification_options(const SendOptions& options) {
  return !options.title.empty() || !options.body.empty() || !options.image.empty() ||
         !options.data.empty();
}

Result<Message> message_from_options(const SendOptions& options) {
  Message message;
  if (!options.title.empty() || !options.body.empty() || !options.image.empty()) {
    message.notification =
        Notification{.title = options.title, .body = options.body, .image = options.image};
  }
  for (const std::string& pair : options.data) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return wrong_use(fmt::format("can't read --data {}", pair), "write it as KEY=VALUE");
    }
    message.data[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return message;
}

// The message, and the target if the file names one.
Result<fcm::ParsedMessage> read_message(const SendOptions& options) {
  if (options.message_file.empty()) {
    auto message = message_from_options(options);
    if (!message) return std::unexpected(message.error());
    return fcm::ParsedMessage{.message = std::move(*message), .target = std::nullopt};
  }
  if (has_notification_options(options)) {
    return wrong_use("--message and --title, --body, --image or --data exclude each other",
                     "put everything into the message file");
  }
  auto text = read_file(options.message_file);
  if (!text) return std::unexpected(text.error());
  auto parsed = fcm::parse_message(*text);
  if (!parsed) {
    parsed.error().what = fmt::format("{}: {}", options.message_file, parsed.error().what);
  }
  return parsed;
}

// "600000/min", "600000", "100/s"; 0: no pacing.
Result<std::uint64_t> parse_rate(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::uint64_t most = 1'000'000'000;
  if (error == std::errc{} && value <= most && (unit.empty() || unit == "/min")) return value;
  if (error == std::errc{} && value <= most / 60 && unit == "/s") return value * 60;
  return wrong_use(fmt::format("can't read --rate {}", text),
                   "write messages per minute, such as 600000/min, or 0 for no pacing");
}

Result<std::chrono::seconds> parse_span_option(const char* name, const std::string& text) {
  if (text == "0") return std::chrono::seconds(0);
  if (const auto span = parse_span(text)) return *span;
  return wrong_use(fmt::format("can't read {} {}", name, text),
                   "write a number with s, m, h or d, such as 90s or 2h");
}

std::vector<Target> named_targets(const SendOptions& options) {
  std::vector<Target> targets;
  const auto add = [&](TargetKind kind, const std::vector<std::string>& values) {
    for (const auto& value : values) targets.push_back({kind, value});
  };
  add(TargetKind::token, options.tokens);
  add(TargetKind::fid, options.fids);
  add(TargetKind::topic, options.topics);
  if (!options.condition.empty()) targets.push_back({TargetKind::condition, options.condition});
  return targets;
}

Result<void> check_targets(const SendOptions& options, const std::vector<Target>& targets) {
  const int ways =
      (targets.empty() ? 0 : 1) + (options.to_file.empty() ? 0 : 1) + (options.audience ? 1 : 0);
  if (ways > 1) {
    return wrong_use("--to, --audience and named targets exclude each other", "choose one of them");
  }
  if (ways == 0 && !options.resume) {
    return wrong_use("nobody to send to",
                     "give --token, --fid, --topic, --condition, --to FILE or --audience FILTER");
  }
  if (options.resume && !targets.empty()) {
    return wrong_use("--resume goes with --to or --audience",
                     "send to named targets again without it");
  }
  return {};
}

Result<ClientOptions> client_options(const Globals& globals, const SendOptions& options) {
  const auto rate = parse_rate(options.rate);
  if (!rate) return std::unexpected(rate.error());
  const auto ramp = parse_span_option("--ramp", options.ramp);
  if (!ramp) return std::unexpected(ramp.error());
  ClientOptions client;
  client.credentials_file = globals.credentials;
  client.project = globals.project;
  client.endpoint = globals.endpoint;
  client.ca_file = globals.ca_file;
  client.validate_only = options.dry_run;
  client.connections = options.connections;
  client.messages_per_minute = *rate;
  client.ramp = *ramp;
  client.max_attempts = options.max_attempts;
  client.retry_unknown = options.on_unknown == "retry";
  return client;
}

Result<SendPlan> make_plan(const Globals& globals, const SendOptions& options) {
  SendPlan plan;
  if (!options.resume || !options.message_file.empty() || has_notification_options(options)) {
    auto parsed = read_message(options);
    if (!parsed) return std::unexpected(parsed.error());
    plan.message = std::move(parsed->message);
    plan.targets = named_targets(options);
    if (parsed->target) plan.targets.push_back(*parsed->target);
  } else {
    plan.targets = named_targets(options);
  }
  if (auto checked = check_targets(options, plan.targets); !checked) {
    return std::unexpected(checked.error());
  }
  auto client = client_options(globals, options);
  if (!client) return std::unexpected(client.error());
  plan.client = std::move(*client);
  if (!options.deadline.empty()) {
    const auto deadline = parse_span_option("--deadline", options.deadline);
    if (!deadline) return std::unexpected(deadline.error());
    plan.deadline = *deadline;
    plan.client.give_up_after = *deadline;
  }
  return plan;
}

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
bool passes_check(Context& context, const SendPlan& plan) {
  if (!plan.message) return true;
  const auto findings = check(*plan.message, plan.targets);
  log_findings(findings, context.log);
  if (!fcm::has_fault(findings)) return true;
  context.log.write(LogLevel::error,
                    "nothing was sent: FCM would refuse the message\n"
                    "  Mend it, or send it as it is with --no-check.");
  if (context.globals.json) {
    const auto fault = std::ranges::find(findings, Severity::fault, &Finding::severity);
    context.out.json_line(summary_json(summary_of_refused(plan, *fault)));
  }
  return false;
}

Result<ExitStatus> send(Context& context, const SendOptions& options) {
  auto plan = make_plan(context.globals, options);
  if (!plan) return std::unexpected(plan.error());
  if (!options.no_check && !passes_check(context, *plan)) return ExitStatus::some_failed;
  auto summary = plan->targets.empty() ? send_campaign(context, options, *plan)
                                       : send_to_targets(context, options, *plan);
  if (!summary) return std::unexpected(summary.error());
  if (context.globals.json) {
    context.out.json_line(summary_json(*summary));
  } else {
    context.out.say(summary_text(*summary));
  }
  return static_cast<ExitStatus>(delivery::exit_status(*summary));
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
      "  fanfare --store fleet.db send --message news.json --audience 'platform:ios'\n");
  auto options = std::make_shared<SendOptions>();
  const auto text = [&](const char* name, std::string& value, const char* help, const char* type) {
    return command->add_option(name, value, help)->type_name(type);
  };
  const auto list = [&](const char* name, std::vector<std::string>& values, const char* help,
                        const char* type) {
    command->add_option(name, values, help)->type_name(type)->allow_extra_args(false)->take_all();
  };
  text("--message", options->message_file, "FCM Message as JSON; - is standard input", "FILE");
  text("--title", options->title, "Title of a simple notification", "TEXT");
  text("--body", options->body, "Its body", "TEXT");
  text("--image", options->image, "URL of its image", "URL");
  list("--data", options->data, "A data entry; repeatable", "KEY=VALUE");
  list("--token", options->tokens, "A registration token; repeatable", "TOKEN");
  list("--fid", options->fids, "A Firebase Installation ID; repeatable", "FID");
  list("--topic", options->topics, "A topic's name; repeatable", "NAME");
  text("--condition", options->condition, "A condition over topics", "TEXT");
  text("--to", options->to_file,
       "Registrations to send to: CSV, JSON lines or plain text, maybe .gz or .zst; imported into "
       "the store first when --store is given",
       "FILE");
  command
      ->add_option("--audience", options->audience,
                   "Devices of the store, such as 'platform:ios and tag:news', or 'all'")
      ->type_name("FILTER");
  command->add_flag("--dry-run", options->dry_run, "FCM checks every message and delivers none");
  command->add_flag("--no-check", options->no_check,
                    "Send even what FCM is known to refuse (see check-message)");
  text("--report", options->report_file, "A JSON line for each target: verdict, rule, evidence",
       "FILE");
  text("--rate", options->rate, "Messages per minute; 0: no pacing", "N/min");
  text("--ramp", options->ramp, "From a slow start to the full rate; 0: at once", "SPAN");
  command->add_flag("--resume", options->resume, "Go on with the interrupted send of this store");
  command->add_option("--max-attempts", options->max_attempts, "Attempts for each target")
      ->type_name("N")
      ->check(CLI::Range(1, 100).description(""));
  text("--deadline", options->deadline, "Send nothing later than this after the start", "SPAN");
  text("--on-unknown", options->on_unknown,
       "When no answer came: 'retry' (may show twice) or 'drop' (may be lost)", "POLICY")
      ->check(CLI::IsMember(std::vector<std::string>{"retry", "drop"}));
  command->add_option("--connections", options->connections, "Connections at most")
      ->type_name("N")
      ->check(CLI::Range(1, 100).description(""));
  command
      ->add_option("--probe-budget", options->probe_budget,
                   "Most devices to ask FCM about, when it refuses a message and names nobody")
      ->type_name("N");
  context.on(*command, [&context, options] { return send(context, *options); });
}

}  // namespace fanfare::cli
