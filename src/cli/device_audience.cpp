// devices count and sample: what a filter means, before a message goes out.
#include <memory>
#include <random>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/device_table.h"
#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/store.h"
#include "registry/device_writer.h"

namespace fanfare::cli {
namespace {

using registry::OpenOptions;

struct SampleOptions {
  std::string filter;
  std::size_t size = 20;
  std::optional<std::uint64_t> seed;
};

constexpr std::size_t most_sampled = 100'000;

void add_counts(Table& table, std::string_view title,
                const std::map<std::string, std::uint64_t>& counts) {
  for (const auto& [name, count] : counts) {
    table.add({std::string(std::exchange(title, "")), name.empty() ? "(unknown)" : printable(name),
               grouped(count)});
  }
}

Result<ExitStatus> count(Context& context, const std::string& filter) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const auto counts = store->count(filter);
  if (!counts) return std::unexpected(counts.error());
  if (context.globals.json) {
    context.out.json_line(JsonObject()
                              .number("total", counts->total)
                              .counts("by_platform", counts->by_platform)
                              .counts("by_state", counts->by_state)
                              .str());
    return ExitStatus::accepted;
  }
  Table table({{""}, {""}, {"devices", Table::Align::right}});
  table.add({"all that match", "", grouped(counts->total)});
  add_counts(table, "by platform", counts->by_platform);
  add_counts(table, "by state", counts->by_state);
  context.out.say(table.render());
  return ExitStatus::accepted;
}

Result<ExitStatus> sample(Context& context, const SampleOptions& options) {
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const std::uint64_t seed = options.seed ? *options.seed : std::random_device()();
  const auto devices = store->sample(options.filter, options.size, seed);
  if (!devices) return std::unexpected(devices.error());
  Table table = device_table(true);
  std::string lines;
  for (const registry::Device& device : *devices) {
    if (context.globals.json) {
      registry::append_json(lines, device);
    } else {
      add_row(table, device);
    }
  }
  context.out.write(context.globals.json ? lines : table.render());
  if (!options.seed) context.out.say(fmt::format("--seed {} draws the same again\n", seed));
  return ExitStatus::accepted;
}

}  // namespace

void add_device_audience(CLI::App& devices, Context& context) {
  CLI::App* count_command = devices.add_subcommand(
      "count", "Count the devices that match a filter, whatever their state");
  count_command->footer(
      "Examples:\n"
      "  fanfare devices count 'tag:news and not state:retired'\n"
      "  fanfare devices count 'timezone:Asia/* and last_seen<30d'\n");
  auto filter = std::make_shared<std::string>();
  count_command->add_option("FILTER", *filter, "As for list; 'all' for everybody")->required();
  context.on(*count_command, [&context, filter] { return count(context, *filter); });

  CLI::App* sample_command = devices.add_subcommand(
      "sample", "Print some of the devices that match a filter, drawn at random");
  sample_command->footer(
      "Examples:\n"
      "  fanfare devices sample 'platform:ios' --size 20\n"
      "  fanfare devices sample all --size 100 --seed 7 --json > testers.jsonl\n");
  auto options = std::make_shared<SampleOptions>();
  sample_command->add_option("FILTER", options->filter, "As for list; 'all' for everybody")
      ->required();
  sample_command->add_option("--size", options->size, "How many at most; without it 20")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, most_sampled).description(""));
  sample_command
      ->add_option("--seed", options->seed, "Draws the same devices again, as long as they match")
      ->type_name("N");
  context.on(*sample_command, [&context, options] { return sample(context, *options); });
}

}  // namespace fanfare::cli
