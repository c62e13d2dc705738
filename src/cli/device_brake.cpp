// devices brake: a person's word on a mass of deaths that was not believed.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/store.h"

namespace fanfare::cli {
namespace {

using registry::BrakeState;
using registry::OpenOptions;

std::string machine(const BrakeState& brake) {
  return JsonObject()
      .text_or_null("project", brake.project)
      .text("rule", brake.rule)
      .number("campaign", brake.campaign)
      .text("since", format_rfc3339(brake.since))
      .number("suspects", brake.suspects)
      .str();
}

Result<ExitStatus> status(Context& context) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const auto brakes = store->brakes();
  if (!brakes) return std::unexpected(brakes.error());
  if (context.globals.json) {
    for (const BrakeState& brake : *brakes) context.out.json_line(machine(brake));
    return ExitStatus::accepted;
  }
  if (brakes->empty()) {
    context.out.say("no brake is on\n");
    return ExitStatus::accepted;
  }
  Table table({{"rule"}, {"project"}, {"since"}, {"suspects", Table::Align::right}});
  for (const BrakeState& brake : *brakes) {
    table.add({brake.rule, printable(brake.project), format_rfc3339(brake.since),
               grouped(brake.suspects)});
  }
  context.out.say(table.render());
  context.out.say("'fanfare devices brake release' keeps these devices, 'confirm' retires them\n");
  return ExitStatus::accepted;
}

using Word = Result<std::uint64_t> (registry::Registry::*)(SystemTime);

Result<ExitStatus> decide(Context& context, Word word, const char* done) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::existing});
  if (!store) return std::unexpected(store.error());
  const auto count = ((*store).*word)(std::chrono::system_clock::now());
  if (!count) return std::unexpected(count.error());
  if (context.globals.json) {
    context.out.json_line(JsonObject().number(done, *count).str());
  } else {
    context.out.say(fmt::format("{} {}\n", counted(*count, "suspect"), done));
  }
  return ExitStatus::accepted;
}

}  // namespace

void add_device_brake(CLI::App& devices, Context& context) {
  CLI::App* brake = devices.add_subcommand(
      "brake",
      "See and decide about mass removals that were stopped\n\n"
      "When too many devices die at once, Fanfare does not believe it: it keeps them as suspect "
      "until you say what is true.");
  brake->require_subcommand(0, 1);
  brake->footer("Examples:\n  fanfare devices brake status\n  fanfare devices brake release\n");
  CLI::App* status_command =
      brake->add_subcommand("status", "Which brakes are on, and for how many");
  CLI::App* release = brake->add_subcommand("release", "The suspects live: make them active again");
  CLI::App* confirm = brake->add_subcommand("confirm", "The suspects are dead: retire them");
  context.on(*status_command, [&context] { return status(context); });
  context.on(*release, [&context] {
    return decide(context, &registry::Registry::release_brakes, "released");
  });
  context.on(*confirm, [&context] {
    return decide(context, &registry::Registry::confirm_brakes, "confirmed");
  });
}

}  // namespace fanfare::cli
