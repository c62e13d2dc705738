#include "cli/prune.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/json_object.h"
#include "cli/store.h"
#include "cli/topic_leaver.h"

namespace fanfare::cli {

using registry::PruneCounts;
using registry::Receiver;
using registry::Registry;
using registry::SilencePolicy;

void add_policy_options(CLI::App& command, PruneOptions& options) {
  command
      .add_option("--policy", options.policy,
                  "For how long each platform may be silent, such as "
                  "android=270d,ios=180d,web=90d,other=never; without it android=270d")
      ->type_name("POLICY");
  command
      .add_option("--warn", options.warn,
                  "Count those silent for this long on every platform, or never; without it 60d")
      ->type_name("AGE");
  command.add_option("--platform", options.platform, "Only devices of this platform")
      ->type_name("NAME");
  command.add_flag("--unsubscribe", options.unsubscribe,
                   "First unsubscribe each device from its topics; one that fails stays");
}

Result<SilencePolicy> policy_of(const PruneOptions& options) {
  SilencePolicy policy;
  if (options.older_than.empty()) {
    auto parsed = registry::parse_silence_policy(options.policy);
    if (!parsed) return std::unexpected(parsed.error());
    policy = std::move(*parsed);
  } else {
    const auto age = parse_age("--older-than", options.older_than);
    if (!age) return std::unexpected(age.error());
    policy.other = *age;
  }
  policy.warn.reset();
  if (options.warn != "never") {
    const auto warn = parse_age("--warn", options.warn);
    if (!warn) return std::unexpected(warn.error());
    policy.warn = *warn;
  }
  if (!options.platform.empty()) policy.only = registry::normal_platform(options.platform);
  return policy;
}

namespace {

// Topics are left before a device is retired: whoever is interrupted in between has a device that
// is still known, and does both when pruning again.
Result<Pruned> leave_and_prune(Context& context, Registry& store, const SilencePolicy& policy,
                               SystemTime now) {
  constexpr std::size_t chunk = 1'000;  // What one request can unsubscribe.
  auto survey = store.prune(policy, now, true);
  if (!survey) return std::unexpected(survey.error());
  auto apis = open_topic_apis(context);
  if (!apis) return std::unexpected(apis.error());
  TopicLeaver leaver(std::move(*apis));
  Pruned pruned{.counts = std::move(*survey)};
  const std::uint64_t expected = pruned.counts.retired;
  std::uint64_t gone = 0;  // Retired, or seen again meanwhile.
  pruned.counts.retired = 0;
  pruned.counts.by_platform.clear();
  std::vector<Receiver> silent;
  for (registry::DeviceId after = 0; !leaver.blocked(); after = silent.back().id) {
    silent.clear();
    const auto read = store.next_silent(policy, now, after, chunk, silent);
    if (!read) return std::unexpected(read.error());
    if (silent.empty()) break;
    std::map<std::string, std::vector<registry::DeviceId>> free;
    for (const Receiver& receiver : leaver.leave(silent)) {
      free[receiver.platform].push_back(receiver.id);
      ++gone;
    }
    for (const auto& [platform, ids] : free) {
      const auto retired = store.prune_these(ids, policy, now);
      if (!retired) return std::unexpected(retired.error());
      pruned.counts.retired += *retired;
      if (*retired > 0) pruned.counts.by_platform[platform] += *retired;
    }
  }
  pruned.unsubscribed = leaver.left();
  pruned.kept = expected > gone ? expected - gone : 0;
  pruned.kept_by_rule = leaver.failed();
  pruned.blocked = leaver.blocked();
  return pruned;
}

std::string machine_name(std::size_t age_class) {
  std::string name = registry::silence_class_name(age_class);
  if (name.ends_with(" d")) name.erase(name.size() - 2, 1);
  std::ranges::replace(name, ' ', '_');
  return name;
}

std::string ages_json(const PruneCounts& counts) {
  JsonObject by_platform;
  for (const auto& [platform, classes] : counts.ages) {
    JsonObject ages;
    for (std::size_t i = 0; i < classes.size(); ++i) ages.number(machine_name(i), classes.at(i));
    by_platform.json(platform, ages.str());
  }
  return by_platform.str();
}

std::string retired_text(const Pruned& pruned, const PruneOptions& options,
                         const SilencePolicy& policy) {
  const std::string why =
      options.older_than.empty()
          ? fmt::format("silent for longer than the policy {}", registry::to_string(policy))
          : fmt::format("not seen for {}", options.older_than);
  return fmt::format("{} {}: {}\n", counted(pruned.counts.retired, "device"),
                     options.dry_run ? "would be retired" : "retired", why);
}

}  // namespace

Result<Pruned> prune(Context& context, Registry& store, const PruneOptions& options,
                     const SilencePolicy& policy, SystemTime now) {
  if (options.unsubscribe && !options.dry_run) {
    return leave_and_prune(context, store, policy, now);
  }
  auto counts = store.prune(policy, now, options.dry_run);
  if (!counts) return std::unexpected(counts.error());
  return Pruned{.counts = std::move(*counts)};
}

std::string json_of(const Pruned& pruned, const PruneOptions& options,
                    const SilencePolicy& policy) {
  const PruneCounts& counts = pruned.counts;
  JsonObject object;
  object.number("retired", counts.retired)
      .number("never_seen", counts.never_seen)
      .counts("by_platform", counts.by_platform)
      .boolean("dry_run", options.dry_run)
      .text("policy", registry::to_string(policy))
      .number("warned", counts.warned)
      .counts("warned_by_platform", counts.warned_by_platform)
      .json("ages", ages_json(counts));
  if (options.unsubscribe) {
    object.number("unsubscribed", pruned.unsubscribed)
        .number("kept", pruned.kept)
        .counts("kept_by_rule", pruned.kept_by_rule)
        .text_or_null("blocked_at", pruned.blocked ? pruned.blocked->target.value : "");
  }
  return object.str();
}

std::string text_of(const Pruned& pruned, const PruneOptions& options,
                    const SilencePolicy& policy) {
  const PruneCounts& counts = pruned.counts;
  std::string text = retired_text(pruned, options, policy);
  if (policy.warn) {
    text += fmt::format("{} warned of: silent for {} or longer\n", counted(counts.warned, "device"),
                        options.warn);
  }
  if (counts.never_seen > 0) {
    text += fmt::format("{} without a last-seen time kept\n", counted(counts.never_seen, "device"));
  }
  if (pruned.unsubscribed > 0) {
    text += fmt::format("{} to topics ended\n", counted(pruned.unsubscribed, "subscription"));
  }
  if (pruned.kept > 0) {
    text += fmt::format("{} kept, since their topics could not be left\n",
                        counted(pruned.kept, "device"));
  }
  for (const auto& [rule, count] : pruned.kept_by_rule) {
    text += fmt::format("  {}  {}\n", rule, grouped(count));
  }
  if (pruned.blocked) {
    const Verdict& verdict = pruned.blocked->verdict;
    text += fmt::format("blocked at {}: {} ({})\n  {}\n", printable(pruned.blocked->target.value),
                        printable(verdict.text), verdict.rule, remedy_for(verdict.rule));
  }
  return text;
}

std::string age_table(const PruneCounts& counts) {
  if (counts.ages.empty()) return {};
  std::vector<Table::Column> columns{{"silent for"}};
  for (std::size_t i = 0; i < registry::silence_class_count; ++i) {
    columns.push_back({registry::silence_class_name(i), Table::Align::right});
  }
  columns.push_back({"retired", Table::Align::right});
  Table table(std::move(columns));
  for (const auto& [platform, classes] : counts.ages) {
    std::vector<std::string> row{platform.empty() ? "(unknown)" : printable(platform)};
    for (const auto count : classes) row.push_back(grouped(count));
    const auto retired = counts.by_platform.find(platform);
    row.push_back(grouped(retired == counts.by_platform.end() ? 0 : retired->second));
    table.add(std::move(row));
  }
  return table.render();
}

ExitStatus status_of(const Pruned& pruned) noexcept {
  if (pruned.blocked) return ExitStatus::blocked;
  return pruned.kept > 0 ? ExitStatus::some_failed : ExitStatus::accepted;
}

}  // namespace fanfare::cli
