// devices erase: a user asks to be forgotten.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/store.h"

namespace fanfare::cli {
namespace {

using registry::EraseCounts;

constexpr std::string_view out_of_reach =
    "not reached: backups and copies of the store, exports, import files, reports of sends, logs, "
    "and the messages and filters of campaigns\n";

struct EraseOptions {
  std::string user;
  bool dry_run = false;
  bool yes = false;
};

std::string machine(const EraseCounts& counts, const EraseOptions& options) {
  return JsonObject()
      .text("user", options.user)
      .number("devices", counts.devices)
      .number("superseded", counts.superseded)
      .number("events", counts.events)
      .number("mentions", counts.mentions)
      .boolean("dry_run", options.dry_run)
      .boolean("rebuilt", counts.rebuilt)
      .boolean("log_emptied", counts.log_emptied)
      .str();
}

std::string human(const EraseCounts& counts, const EraseOptions& options) {
  std::string text = options.dry_run ? "would be erased: " : "erased: ";
  text += counted(counts.devices, "device");
  if (counts.superseded > 0) {
    text += fmt::format(" ({} of them superseded)", grouped(counts.superseded));
  }
  text += fmt::format(", {} of history, {} as a former owner or registration\n",
                      counted(counts.events, "line"), counted(counts.mentions, "mention"));
  if (counts.rebuilt) text += "the file was rewritten, since free space held an older copy\n";
  return text + std::string(out_of_reach);
}

Result<ExitStatus> erase(Context& context, const EraseOptions& options) {
  if (!options.dry_run && !options.yes) {
    return fail(Error::Kind::usage, "what is erased can't be brought back",
                "look first with --dry-run, then say --yes");
  }
  auto store = open_store(context.globals, {.mode = registry::OpenOptions::Mode::existing});
  if (!store) return std::unexpected(store.error());
  const auto counts = store->erase_user(options.user, options.dry_run);
  if (!counts) return std::unexpected(counts.error());
  if (context.globals.json) {
    context.out.json_line(machine(*counts, options));
  } else {
    context.out.say(human(*counts, options));
  }
  if (options.dry_run || counts->log_emptied) return ExitStatus::accepted;
  context.log.write(LogLevel::error,
                    "the store's log still holds the old pages, since another process reads it\n"
                    "  run the same command again when that is done");
  return ExitStatus::some_failed;
}

}  // namespace

void add_device_erase(CLI::App& devices, Context& context) {
  CLI::App* command = devices.add_subcommand(
      "erase",
      "Erase a user: all devices, their history, and the bytes in the files\n\n"
      "Nothing is kept as a tombstone, and nothing can be restored. A user without devices may "
      "still be named as the former owner of others'; that goes, too.");
  command->footer(
      "Examples:\n"
      "  fanfare devices erase --user 4711 --dry-run\n"
      "  fanfare devices erase --user 4711 --yes\n");
  auto options = std::make_shared<EraseOptions>();
  command->add_option("--user", options->user, "The owner, as imports name them")
      ->required()
      ->type_name("USER");
  command->add_flag("--dry-run", options->dry_run, "Only count");
  command->add_flag("--yes", options->yes, "Do it");
  context.on(*command, [&context, options] { return erase(context, *options); });
}

}  // namespace fanfare::cli
