// preflight: everything that would stop a send, as a checklist, before one is begun.
#include "cli/preflight.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/findings.h"
#include "cli/json_object.h"
#include "cli/store.h"
#include "client/client_parts.h"
#include "client/send_budget.h"
#include "registry/device_file.h"

namespace fanfare::cli {
namespace {

using State = PreflightLine::State;

// FCM's default for a project (FCM: "throttling-and-quotas").
constexpr std::uint64_t default_quota = 600'000;

Result<Survey> survey_file(const std::string& name) {
  auto file = registry::DeviceFile::open(name);
  if (!file) return std::unexpected(file.error());
  Survey survey{.asked = true};
  std::vector<registry::Device> devices;
  std::vector<registry::BadLine> bad;
  for (bool more = true; more;) {
    devices.clear();
    bad.clear();
    const auto read = file->read(5'000, devices, bad);
    if (!read) return std::unexpected(read.error());
    more = *read;
    if (!survey.first && !devices.empty()) survey.first = devices.front().registration;
    survey.devices += devices.size();
    survey.bad_lines += bad.size();
  }
  return survey;
}

Result<Survey> survey_audience(const Context& context, const std::string& filter,
                               const ClientOptions& client) {
  auto store = open_store(context.globals, {.mode = registry::OpenOptions::Mode::existing});
  if (!store) return std::unexpected(store.error());
  // Broken credentials are another line's business; the project may be known all the same.
  const auto parts = client::network_parts(client);
  auto audience = store->make_audience(filter, 0, parts ? parts->project : context.globals.project);
  if (!audience) return std::unexpected(audience.error());
  Survey survey{.asked = true, .devices = audience->count};
  std::vector<registry::Receiver> receivers;
  if (auto read = store->next_receivers(*audience, 0, 1, receivers); !read) {
    return std::unexpected(read.error());
  }
  if (!receivers.empty()) survey.first = receivers.front().registration;
  survey.audience = std::move(*audience);
  return survey;
}

PreflightLine line(std::string_view check, State state, std::string what, std::string remedy = {}) {
  return {.check = check,
          .state = state,
          .what = std::move(what),
          .remedy = std::move(remedy),
          .rule = {}};
}

void add_audience(std::vector<PreflightLine>& lines, const Survey& survey) {
  if (!survey.asked) {
    lines.push_back(line("audience", State::skipped, "not known: no receivers were named"));
    return;
  }
  if (survey.devices == 0) {
    lines.push_back(line("audience", State::warned, "nobody would get it",
                         "Look at the filter or the file: fanfare devices list --filter …"));
    return;
  }
  lines.push_back(line("audience", State::passed, counted(survey.devices, "receiver")));
  if (survey.bad_lines == 0) return;
  lines.push_back(
      line("audience", State::warned,
           fmt::format("{} in the file would be skipped", counted(survey.bad_lines, "bad line")),
           "`fanfare devices import` names each with its number."));
}

std::string span_text(std::chrono::seconds span) {
  if (span < std::chrono::minutes(2)) return fmt::format("{} s", span.count());
  if (span < std::chrono::hours(2)) return fmt::format("{} min", (span.count() + 59) / 60);
  return fmt::format("{:.1f} h", static_cast<double>(span.count()) / 3'600);
}

void add_duration(std::vector<PreflightLine>& lines, const ClientOptions& client,
                  const Survey& survey) {
  const auto rate = client.messages_per_minute;
  if (rate == 0 || rate > default_quota) {
    lines.push_back(line(
        "quota", State::warned,
        rate == 0 ? std::string("no pacing: FCM will refuse what exceeds the quota")
                  : fmt::format("{} a minute are more than FCM's default quota", grouped(rate)),
        fmt::format("Give --rate {}/min, unless the project was granted more.", default_quota)));
  } else {
    lines.push_back(line(
        "quota", State::passed,
        fmt::format("{} a minute; FCM's default is {}", grouped(rate), grouped(default_quota))));
  }
  if (!survey.asked || survey.devices == 0 || rate == 0) return;
  const auto span =
      client::time_to_send({.messages_per_minute = rate, .ramp = client.ramp}, survey.devices);
  lines.push_back(line("duration", State::passed,
                       fmt::format("about {} at that rate, when all goes well", span_text(span))));
}

std::string json_of(const PreflightLine& line) {
  return JsonObject()
      .text("check", line.check)
      .text("state", to_string(line.state))
      .text("what", line.what)
      .text_or_null("remedy", line.remedy)
      .text_or_null("rule", line.rule)
      .str();
}

std::string text_of(const PreflightLine& line) {
  std::string text =
      fmt::format("{:<8} {:<12} {}", to_string(line.state), line.check, printable(line.what));
  if (!line.rule.empty() && line.state != State::passed) text += fmt::format(" ({})", line.rule);
  if (!line.remedy.empty()) text += fmt::format("\n{:22}{}", "", printable(line.remedy));
  return text + "\n";
}

Result<ExitStatus> run(Context& context, const SendOptions& options) {
  const auto plan = make_plan(context, options, Receivers::optional);
  if (!plan) return std::unexpected(plan.error());
  std::vector<Finding> none;
  if (auto known = ignore_rules(none, options.ignored_rules); !known) {
    return std::unexpected(known.error());
  }
  const auto survey = survey_receivers(context, options, *plan);
  if (!survey) return std::unexpected(survey.error());
  const auto lines = preflight_send(options, *plan, *survey);
  for (const PreflightLine& each : lines) {
    if (context.globals.json) {
      context.out.json_line(json_of(each));
    } else {
      context.out.say(text_of(each));
    }
  }
  const auto status = preflight_status(lines);
  // An outage stops no send, which waits for its end; but here nothing was found out.
  const auto iam = std::ranges::find(lines, "iam", &PreflightLine::check);
  const bool known = iam != lines.end() && iam->state == State::passed;
  return status == ExitStatus::accepted && !known ? ExitStatus::blocked : status;
}

}  // namespace

Result<Survey> survey_receivers(const Context& context, const SendOptions& options,
                                const SendPlan& plan) {
  if (!options.to_file.empty()) return survey_file(options.to_file);
  if (options.audience) return survey_audience(context, *options.audience, plan.client);
  Survey survey{.asked = !plan.targets.empty(), .devices = plan.targets.size()};
  if (!plan.targets.empty()) survey.first = plan.targets.front();
  return survey;
}

std::vector<PreflightLine> preflight_send(const SendOptions& options, const SendPlan& plan,
                                          const Survey& survey) {
  auto lines = preflight(plan.client, options.no_check ? std::nullopt : plan.message, survey.first,
                         options.ignored_rules);
  add_audience(lines, survey);
  add_duration(lines, plan.client, survey);
  return lines;
}

bool concerns_message(const PreflightLine& line) noexcept {
  return line.check == "message" || (line.check == "dry_run" && line.rule.starts_with("message."));
}

ExitStatus preflight_status(const std::vector<PreflightLine>& lines) noexcept {
  auto status = ExitStatus::accepted;
  for (const PreflightLine& each : lines) {
    if (each.state != State::failed) continue;
    if (!concerns_message(each)) return ExitStatus::blocked;
    status = ExitStatus::some_failed;
  }
  return status;
}

void log_preflight(Log& log, const std::vector<PreflightLine>& lines) {
  for (const PreflightLine& each : lines) {
    const auto level = each.state == State::failed   ? LogLevel::error
                       : each.state == State::warned ? LogLevel::warning
                                                     : LogLevel::info;
    std::string text = fmt::format("preflight, {}: {}", each.check, printable(each.what));
    if (!each.rule.empty() && level != LogLevel::info) text += fmt::format(" ({})", each.rule);
    if (!each.remedy.empty()) text += fmt::format("\n  {}", printable(each.remedy));
    log.write(level, text);
  }
}

void add_preflight(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "preflight",
      "Check everything that would stop a send, before one is begun\n\n"
      "Credentials, clock, access token, API, permission; with a message also its local checks and "
      "a dry run at FCM; with receivers how many they are and how long they take. Each line is "
      "passed, warned, failed or skipped, with what to do about it. Nothing is delivered.");
  command->group("Sending");
  command->footer(
      "Examples:\n"
      "  fanfare preflight\n"
      "  fanfare preflight --message news.json --audience 'platform:ios'\n"
      "  fanfare preflight --title Hello --to devices.csv --rate 60000/min\n");
  auto options = std::make_shared<SendOptions>();
  declare_message(*command, *options);
  declare_receivers(*command, *options, "Registrations that would be sent to, as for send");
  declare_ignored_rules(*command, options->ignored_rules);
  declare_pace(*command, *options);
  context.on(*command, [&context, options] { return run(context, *options); });
}

}  // namespace fanfare::cli
