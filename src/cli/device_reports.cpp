// devices show, history, stats: what the store knows.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/store.h"
#include "registry/device_writer.h"

namespace fanfare::cli {
namespace {

using registry::OpenOptions;

std::string time_or_empty(const std::optional<SystemTime>& time) {
  return time ? format_rfc3339(*time) : "";
}

std::string describe(const registry::Device& device) {
  Table table({{""}, {""}});
  const auto row = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) table.add({std::string(name), printable(value)});
  };
  row(to_string(device.registration.kind), device.registration.value);
  row("state", to_string(device.state));
  row("rule", device.rule);
  row("platform", device.platform);
  row("user", device.user);
  row("project", device.project);
  row("locale", device.locale);
  row("app version", device.app_version);
  row("tags", fmt::format("{}", fmt::join(device.tags, "; ")));
  row("last seen", time_or_empty(device.last_seen));
  row("last accepted", time_or_empty(device.last_accepted));
  row("created", time_or_empty(device.created));
  row("state since", time_or_empty(device.changed));
  return table.render();
}

Result<ExitStatus> show(Context& context, const std::string& registration) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const auto device = find_device(context, *store, registration);
  if (!device) return std::unexpected(device.error());
  if (!*device) return ExitStatus::some_failed;
  if (context.globals.json) {
    std::string line;
    registry::append_json(line, **device);
    context.out.write(line);
  } else {
    context.out.say(describe(**device));
  }
  return ExitStatus::accepted;
}

std::string machine(const registry::Event& event) {
  return JsonObject()
      .text("at", format_rfc3339(event.at))
      .text("from", to_string(event.from))
      .text("to", to_string(event.to))
      .text("cause", event.cause)
      .text_or_null("rule", event.rule)
      .json("evidence", event.evidence.empty() ? "null" : event.evidence)
      .str();
}

std::string human(const registry::Event& event) {
  std::string text = fmt::format("{}  {} -> {}  {}", format_rfc3339(event.at),
                                 to_string(event.from), to_string(event.to), event.cause);
  if (!event.rule.empty()) text += "  " + event.rule;
  text += "\n";
  if (!event.evidence.empty()) text += "    " + printable(event.evidence) + "\n";
  return text;
}

Result<ExitStatus> history(Context& context, const std::string& registration) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const auto device = find_device(context, *store, registration);
  if (!device) return std::unexpected(device.error());
  if (!*device) return ExitStatus::some_failed;
  const auto events = store->history((*device)->id);
  if (!events) return std::unexpected(events.error());
  for (const registry::Event& event : *events) {
    if (context.globals.json) {
      context.out.json_line(machine(event));
    } else {
      context.out.say(human(event));
    }
  }
  if (events->empty()) context.out.say("nothing has happened to it yet\n");
  return ExitStatus::accepted;
}

void add_counts(Table& table, std::string_view title,
                const std::map<std::string, std::uint64_t>& counts) {
  for (const auto& [name, count] : counts) {
    table.add({std::string(std::exchange(title, "")), name.empty() ? "(unknown)" : printable(name),
               grouped(count)});
  }
}

Result<ExitStatus> stats(Context& context) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const auto stats = store->stats();
  if (!stats) return std::unexpected(stats.error());
  if (context.globals.json) {
    context.out.json_line(JsonObject()
                              .number("total", stats->total)
                              .counts("by_state", stats->by_state)
                              .counts("by_platform", stats->by_platform)
                              .counts("by_rule", stats->by_rule)
                              .str());
    return ExitStatus::accepted;
  }
  Table table({{""}, {""}, {"devices", Table::Align::right}});
  table.add({"all", "", grouped(stats->total)});
  add_counts(table, "by state", stats->by_state);
  add_counts(table, "active, by platform", stats->by_platform);
  add_counts(table, "not active, by rule", stats->by_rule);
  context.out.say(table.render());
  return ExitStatus::accepted;
}

}  // namespace

void add_device_reports(CLI::App& devices, Context& context) {
  using Report = Result<ExitStatus> (*)(Context&, const std::string&);
  const auto add_report = [&](const char* name, const char* summary, Report report) {
    CLI::App* command = devices.add_subcommand(name, summary);
    command->footer(
        fmt::format("Examples:\n  fanfare devices {} cX0dW3:APA91bHun4MxP5egoKM\n", name));
    auto registration = std::make_shared<std::string>();
    command->add_option("REG", *registration, "Token or fid, whole")->required();
    context.on(*command,
               [&context, registration, report] { return report(context, *registration); });
  };
  add_report("show", "Print all that is known about a device", show);
  add_report("history", "Print what happened to a device, with the evidence, oldest first",
             history);

  CLI::App* stats_command =
      devices.add_subcommand("stats", "Count the devices by state, platform and rule");
  stats_command->footer("Examples:\n  fanfare devices stats\n");
  context.on(*stats_command, [&context] { return stats(context); });
}

}  // namespace fanfare::cli
