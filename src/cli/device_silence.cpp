// devices prune and survival: what to do with devices that were not seen for long.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/prune.h"
#include "cli/store.h"

namespace fanfare::cli {
namespace {

using registry::OpenOptions;
using registry::PlatformSurvival;
using registry::SurvivalRow;

SystemTime now() {
  return std::chrono::system_clock::now();
}

Result<ExitStatus> prune_devices(Context& context, const PruneOptions& options) {
  const auto policy = policy_of(options);
  if (!policy) return std::unexpected(policy.error());
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::existing});
  if (!store) return std::unexpected(store.error());
  const auto pruned = prune(context, *store, options, *policy, now());
  if (!pruned) return std::unexpected(pruned.error());
  if (context.globals.json) {
    context.out.json_line(json_of(*pruned, options, *policy));
  } else {
    context.out.say(text_of(*pruned, options, *policy) + age_table(pruned->counts));
  }
  return status_of(*pruned);
}

// As their makers write them.
std::string platform_words(const std::string& platform) {
  if (platform == "ios") return "iOS device";
  if (platform == "android") return "Android device";
  if (platform == "web") return "web browser";
  return platform.empty() ? "device of no known platform" : printable(platform) + " device";
}

std::string sentence(const std::string& platform, const SurvivalRow& row) {
  const auto share = row.per_mille().value_or(0);
  std::string devices = platform_words(platform);
  std::string many = platform.empty() ? "devices of no known platform" : devices + "s";
  return fmt::format("of {} silent for {} days {} came back ({}.{} %)\n",
                     counted(row.silent(), devices, many), row.days, grouped(row.came_back),
                     share / 10, share % 10);
}

std::string machine(const std::string& platform, const SurvivalRow& row) {
  const auto share = row.per_mille();
  return JsonObject()
      .text("platform", platform)
      .number("days", row.days)
      .number("silent", row.silent())
      .number("came_back", row.came_back)
      .number("still_silent", row.still_silent)
      .number_or_null("share",
                      share ? std::optional(static_cast<double>(*share) / 1'000) : std::nullopt)
      .str();
}

Result<ExitStatus> survival(Context& context) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const auto all = store->survival(now());
  if (!all) return std::unexpected(all.error());
  bool any = false;
  for (const PlatformSurvival& one : *all) {
    for (const SurvivalRow& row : one.rows) {
      if (row.silent() == 0) continue;
      any = true;
      if (context.globals.json) {
        context.out.json_line(machine(one.platform, row));
      } else {
        context.out.say(sentence(one.platform, row));
      }
    }
  }
  if (!any) context.out.say("no device has been silent for a week or more\n");
  return ExitStatus::accepted;
}

}  // namespace

void add_device_silence(CLI::App& devices, Context& context) {
  CLI::App* prune_command =
      devices.add_subcommand("prune", "Retire the devices that were not seen for long");
  prune_command->footer(
      "Examples:\n"
      "  fanfare devices prune --dry-run\n"
      "  fanfare devices prune --policy android=270d,ios=180d,other=never --warn 90d\n"
      "  fanfare devices prune --platform web --older-than 90d\n"
      "  fanfare devices prune --unsubscribe\n");
  auto options = std::make_shared<PruneOptions>();
  add_policy_options(*prune_command, *options);
  prune_command
      ->add_option("--older-than", options->older_than,
                   "One limit for all platforms: 12h, 30d, 8w; devices without a last-seen time "
                   "stay")
      ->type_name("AGE")
      ->excludes("--policy");
  prune_command->add_flag("--dry-run", options->dry_run,
                          "Only count, by platform and age, and say what would be retired");
  context.on(*prune_command, [&context, options] { return prune_devices(context, *options); });

  CLI::App* survival_command = devices.add_subcommand(
      "survival",
      "Say how many devices came back after how long a silence\n\n"
      "A device counts as silent for 90 days when it was not seen for 90 days or more, whether it "
      "came back since or not. Those that FCM called dead are left out.");
  survival_command->footer("Examples:\n  fanfare devices survival\n");
  context.on(*survival_command, [&context] { return survival(context); });
}

}  // namespace fanfare::cli
