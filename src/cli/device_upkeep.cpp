// devices purge, retire, restore: what a person decides about devices.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/store.h"

namespace fanfare::cli {
namespace {

using registry::OpenOptions;

SystemTime now() {
  return std::chrono::system_clock::now();
}

Result<registry::Registry> open_existing(const Context& context) {
  return open_store(context.globals, {.mode = OpenOptions::Mode::existing});
}

Result<ExitStatus> purge(Context& context, const std::string& older_than) {
  const auto age = parse_age("--older-than", older_than);
  if (!age) return std::unexpected(age.error());
  auto store = open_existing(context);
  if (!store) return std::unexpected(store.error());
  const auto count = store->purge(now() - *age);
  if (!count) return std::unexpected(count.error());
  if (context.globals.json) {
    context.out.json_line(JsonObject().number("purged", *count).str());
  } else {
    context.out.say(fmt::format("{} forgotten\n", counted(*count, "retired device")));
  }
  return ExitStatus::accepted;
}

// Retire and restore of one device: find it, do it, say whether anything changed.
using Deed = Result<bool> (registry::Registry::*)(registry::DeviceId, SystemTime);

Result<ExitStatus> change_one(Context& context, const std::string& registration, Deed deed,
                              std::string_view done) {
  auto store = open_existing(context);
  if (!store) return std::unexpected(store.error());
  const auto device = find_device(context, *store, registration);
  if (!device) return std::unexpected(device.error());
  if (!*device) return ExitStatus::some_failed;
  const auto changed = ((*store).*deed)((*device)->id, now());
  if (!changed) return std::unexpected(changed.error());
  if (context.globals.json) {
    context.out.json_line(
        JsonObject()
            .text(to_string((*device)->registration.kind), (*device)->registration.value)
            .boolean("changed", *changed)
            .str());
  } else {
    context.out.say(fmt::format("{} {}\n", *changed ? "is now" : "was already", done));
  }
  return ExitStatus::accepted;
}

struct RestoreOptions {
  std::string registration;
  std::string since;
  std::string rule;
};

Result<ExitStatus> restore_many(Context& context, const RestoreOptions& options) {
  const auto since = parse_moment("--since", options.since, now());
  if (!since) return std::unexpected(since.error());
  auto store = open_existing(context);
  if (!store) return std::unexpected(store.error());
  const auto count = store->restore_since(*since, options.rule, now());
  if (!count) return std::unexpected(count.error());
  if (context.globals.json) {
    context.out.json_line(JsonObject().number("restored", *count).str());
  } else {
    context.out.say(fmt::format("{} restored\n", counted(*count, "device")));
  }
  return ExitStatus::accepted;
}

Result<ExitStatus> restore(Context& context, const RestoreOptions& options) {
  if (options.registration.empty() == options.since.empty()) {
    return fail(Error::Kind::usage, "restore takes either a registration or --since",
                "see 'fanfare devices restore --help'");
  }
  if (!options.since.empty()) return restore_many(context, options);
  if (!options.rule.empty()) {
    return fail(Error::Kind::usage, "--rule goes with --since", "leave it out for one device");
  }
  return change_one(context, options.registration, &registry::Registry::restore, "active");
}

void add_retire_and_restore(CLI::App& devices, Context& context) {
  CLI::App* retire = devices.add_subcommand("retire", "Take a device out of all audiences");
  retire->footer("Examples:\n  fanfare devices retire cX0dW3:APA91bHun4MxP5egoKM\n");
  auto registration = std::make_shared<std::string>();
  retire->add_option("REG", *registration, "Token or fid, whole")->required();
  context.on(*retire, [&context, registration] {
    return change_one(context, *registration, &registry::Registry::retire, "retired");
  });

  CLI::App* restore_command = devices.add_subcommand(
      "restore", "Bring back a device, or all that were retired since a time");
  restore_command->footer(
      "Examples:\n"
      "  fanfare devices restore cX0dW3:APA91bHun4MxP5egoKM\n"
      "  fanfare devices restore --since 2h --rule token.unregistered\n");
  auto options = std::make_shared<RestoreOptions>();
  restore_command->add_option("REG", options->registration, "Token or fid, whole");
  restore_command
      ->add_option("--since", options->since,
                   "All that were retired or suspected since then: a time (RFC 3339), or 2h for "
                   "two hours ago")
      ->type_name("TIME");
  restore_command->add_option("--rule", options->rule, "Of these only those with this rule")
      ->type_name("RULE");
  context.on(*restore_command, [&context, options] { return restore(context, *options); });
}

}  // namespace

void add_device_upkeep(CLI::App& devices, Context& context) {
  add_retire_and_restore(devices, context);

  CLI::App* purge_command = devices.add_subcommand(
      "purge", "Forget the devices that were retired long ago, with their history");
  purge_command->footer("Examples:\n  fanfare devices purge --older-than 30d\n");
  auto older_than = std::make_shared<std::string>("30d");
  purge_command->add_option("--older-than", *older_than, "Retired for this long; without it 30d")
      ->type_name("AGE");
  context.on(*purge_command, [&context, older_than] { return purge(context, *older_than); });
}

}  // namespace fanfare::cli
