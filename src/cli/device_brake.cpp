// devices brake, devices canary: mass deaths that were not believed, and devices that are known to
// live.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/brake_text.h"
#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/store.h"

namespace fanfare::cli {
namespace {

using registry::BrakeState;
using registry::Device;
using registry::OpenOptions;
using registry::Registry;

Result<ExitStatus> status(Context& context) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const auto brakes = store->brakes();
  if (!brakes) return std::unexpected(brakes.error());
  if (context.globals.json) {
    for (const BrakeState& brake : *brakes) context.out.json_line(brake_json(brake));
    return ExitStatus::accepted;
  }
  if (brakes->empty()) {
    context.out.say("no brake is on\n");
    return ExitStatus::accepted;
  }
  Table table(
      {{"rule"}, {"platform"}, {"project"}, {"since"}, {"suspects", Table::Align::right}, {"why"}});
  for (const BrakeState& brake : *brakes) {
    table.add({brake.rule, brake_platform(brake.platform), printable(brake.project),
               format_rfc3339(brake.since), grouped(brake.suspects),
               brake.over ? "over since " + format_rfc3339(*brake.over) : brake_reason(brake.why)});
  }
  context.out.say(table.render());
  context.out.say(
      "the next sends ask them again; 'fanfare devices brake release' keeps these devices, "
      "'confirm' retires them\n");
  return ExitStatus::accepted;
}

struct Choice {
  std::string platform;
  std::string rule;
};

using Word = Result<std::uint64_t> (Registry::*)(SystemTime, const registry::BrakeChoice&);

Result<ExitStatus> decide(Context& context, const Choice& choice, Word word, const char* done) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::existing});
  if (!store) return std::unexpected(store.error());
  registry::BrakeChoice chosen;
  if (!choice.platform.empty()) chosen.platform = registry::normal_platform(choice.platform);
  if (!choice.rule.empty()) chosen.rule = choice.rule;
  const auto count = ((*store).*word)(std::chrono::system_clock::now(), chosen);
  if (!count) return std::unexpected(count.error());
  if (context.globals.json) {
    context.out.json_line(JsonObject().number(done, *count).str());
  } else {
    context.out.say(fmt::format("{} {}\n", counted(*count, "suspect"), done));
  }
  return ExitStatus::accepted;
}

void add_word(CLI::App& brake, Context& context, const char* name, const char* help, Word word,
              const char* done) {
  CLI::App* command = brake.add_subcommand(name, help);
  auto choice = std::make_shared<Choice>();
  command->add_option("--platform", choice->platform, "Only the brakes of this platform")
      ->type_name("NAME");
  command->add_option("--rule", choice->rule, "Only the brakes of this rule")->type_name("RULE");
  command->footer(fmt::format("Example:\n  fanfare devices brake {} --platform ios\n", name));
  context.on(*command, [=, &context] { return decide(context, *choice, word, done); });
}

// Canaries --------------------------------------------------------------------------------------

using Deed = Result<bool> (Registry::*)(registry::DeviceId);

Result<ExitStatus> change_canaries(Context& context, const std::vector<std::string>& registrations,
                                   Deed deed, const char* done) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::existing});
  if (!store) return std::unexpected(store.error());
  std::uint64_t changed = 0;
  bool all_known = true;
  for (const std::string& registration : registrations) {
    const auto device = find_device(context, *store, registration);
    if (!device) return std::unexpected(device.error());
    if (!*device) {
      all_known = false;
      continue;
    }
    const auto did = ((*store).*deed)((*device)->id);
    if (!did) return std::unexpected(did.error());
    if (*did) ++changed;
  }
  if (context.globals.json) {
    context.out.json_line(JsonObject().number(done, changed).str());
  } else {
    context.out.say(fmt::format("{} {}\n", counted(changed, "canary", "canaries"), done));
  }
  return all_known ? ExitStatus::accepted : ExitStatus::some_failed;
}

std::string machine(const Device& device) {
  const auto time = [](const std::optional<SystemTime>& at) {
    return at ? format_rfc3339(*at) : std::string();
  };
  return JsonObject()
      .text(to_string(device.registration.kind), device.registration.value)
      .text("state", to_string(device.state))
      .text_or_null("platform", device.platform)
      .text_or_null("user", device.user)
      .text_or_null("last_accepted", time(device.last_accepted))
      .str();
}

Result<ExitStatus> list_canaries(Context& context) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const auto canaries = store->canaries();
  if (!canaries) return std::unexpected(canaries.error());
  Table table({{"registration"}, {"state"}, {"platform"}, {"last accepted"}});
  for (const Device& device : *canaries) {
    if (context.globals.json) {
      context.out.json_line(machine(device));
    } else {
      table.add({shortened(printable(device.registration.value), 40),
                 std::string(to_string(device.state)), printable(device.platform),
                 device.last_accepted ? format_rfc3339(*device.last_accepted) : ""});
    }
  }
  if (!context.globals.json) context.out.say(table.empty() ? "no canaries\n" : table.render());
  return ExitStatus::accepted;
}

void add_canary_change(CLI::App& canary, Context& context, const char* name, const char* help,
                       Deed deed, const char* done) {
  CLI::App* command = canary.add_subcommand(name, help);
  auto registrations = std::make_shared<std::vector<std::string>>();
  command->add_option("REG", *registrations, "Whole tokens or FIDs")->required()->type_name("REG");
  command->footer(fmt::format("Example:\n  fanfare devices canary {} TOKEN FID\n", name));
  context.on(*command,
             [=, &context] { return change_canaries(context, *registrations, deed, done); });
}

}  // namespace

void add_device_brake(CLI::App& devices, Context& context) {
  CLI::App* brake = devices.add_subcommand(
      "brake",
      "See and decide about mass removals that were stopped\n\n"
      "When too many devices die at once, Fanfare does not believe it: it keeps them as suspect "
      "until a later send finds out, or you say what is true.");
  brake->require_subcommand(0, 1);
  brake->footer("Examples:\n  fanfare devices brake status\n  fanfare devices brake release\n");
  CLI::App* status_command =
      brake->add_subcommand("status", "Which brakes are on, why, and for how many");
  context.on(*status_command, [&context] { return status(context); });
  add_word(*brake, context, "release", "The suspects live: make them active again",
           &Registry::release_brakes, "released");
  add_word(*brake, context, "confirm", "The suspects are dead: retire them",
           &Registry::confirm_brakes, "confirmed");
}

void add_device_canary(CLI::App& devices, Context& context) {
  CLI::App* canary = devices.add_subcommand(
      "canary",
      "Name devices that you know to be alive\n\n"
      "When FCM calls a canary dead, the brake is pulled at once: the answer is wrong, and so may "
      "be others like it. A canary itself is never retired by an answer.");
  canary->require_subcommand(0, 1);
  canary->footer("Examples:\n  fanfare devices canary add TOKEN\n  fanfare devices canary list\n");
  add_canary_change(*canary, context, "add", "Make devices canaries", &Registry::add_canary,
                    "added");
  CLI::App* list = canary->add_subcommand("list", "The canaries and their state");
  context.on(*list, [&context] { return list_canaries(context); });
  add_canary_change(*canary, context, "remove", "They are devices like any other again",
                    &Registry::remove_canary, "removed");
}

}  // namespace fanfare::cli
