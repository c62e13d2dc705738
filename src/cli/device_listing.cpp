// devices list and export: many devices, as a table, as CSV or as JSON lines, in constant memory.
#include <functional>
#include <limits>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/device_table.h"
#include "cli/devices.h"
#include "cli/store.h"
#include "registry/device_writer.h"

namespace fanfare::cli {
namespace {

struct ListOptions {
  std::string filter;
  std::string format;
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  bool history = false;
};

constexpr std::size_t table_rows = 1'000;

// Rows go out in tables of a thousand; least widths keep one below the other.
Result<void> print_table(Output& out, registry::Registry& store, const ListOptions& options) {
  Table table = device_table(true);
  std::size_t rows = 0;
  const auto visited = store.each(options.filter, [&](const registry::Device& device) {
    add_row(table, device);
    if (++rows % table_rows == 0) {
      out.say(table.render());
      table = device_table(false);
    }
    return rows < options.limit && out.open();
  });
  if (visited && rows == 0) {
    out.say("no device matches\n");
  } else if (!table.empty()) {
    out.say(table.render());
  }
  return visited;
}

using Append = std::function<void(std::string&, const registry::Device&)>;

Result<void> print_lines(Output& out, registry::Registry& store, const ListOptions& options,
                         std::string_view head, const Append& append) {
  constexpr std::size_t buffer_bytes = 64U << 10;
  std::string buffer(head);
  std::uint64_t lines = 0;
  const auto visited = store.each(options.filter, [&](const registry::Device& device) {
    append(buffer, device);
    if (buffer.size() >= buffer_bytes) {
      out.write(buffer);
      buffer.clear();
    }
    return ++lines < options.limit && out.open();
  });
  out.write(buffer);
  return visited;
}

Result<void> print_histories(Output& out, registry::Registry& store, const ListOptions& options) {
  Result<void> read;
  const auto append = [&](std::string& buffer, const registry::Device& device) {
    const auto history = store.carried_history(device.id);
    if (history) return registry::append_json(buffer, device, *history);
    if (read) read = std::unexpected(history.error());
  };
  auto printed = print_lines(out, store, options, "", append);
  return printed ? read : printed;
}

Result<ExitStatus> list_devices(Context& context, const ListOptions& options, bool export_all) {
  auto store = open_store(context.globals, {.mode = registry::OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  Result<void> printed;
  const auto plain = [](std::string& buffer, const registry::Device& device) {
    registry::append_json(buffer, device);
  };
  if (options.history) {
    printed = print_histories(context.out, *store, options);
  } else if (options.format == "csv") {
    printed =
        print_lines(context.out, *store, options, registry::csv_header(), registry::append_csv);
  } else if (export_all || context.globals.json) {
    printed = print_lines(context.out, *store, options, "", plain);
  } else {
    printed = print_table(context.out, *store, options);
  }
  if (!printed) return std::unexpected(printed.error());
  return ExitStatus::accepted;
}

void add_filter(CLI::App& command, ListOptions& options) {
  command
      .add_option(
          "--filter", options.filter,
          "Only devices that match, such as: platform:ios and last_seen<30d; fields: "
          "state, platform, user, device_id, tag, locale, timezone, app_version, kind, rule, "
          "project; times: last_seen, last_accepted, created, refreshed")
      ->type_name("FILTER");
}

}  // namespace

void add_device_listing(CLI::App& devices, Context& context) {
  CLI::App* list =
      devices.add_subcommand("list", "Print devices; with --json one JSON object on each line");
  list->footer(
      "Examples:\n"
      "  fanfare devices list --filter 'state:retired and platform:ios'\n"
      "  fanfare devices list --json --filter 'tag:news and last_seen<30d'\n"
      "  fanfare devices list --filter 'last_accepted>90d' --limit 100\n");
  auto list_options = std::make_shared<ListOptions>();
  add_filter(*list, *list_options);
  list->add_option("--limit", list_options->limit, "At most so many")
      ->type_name("N")
      ->check(CLI::PositiveNumber.description(""));
  context.on(*list,
             [&context, list_options] { return list_devices(context, *list_options, false); });

  CLI::App* export_command = devices.add_subcommand(
      "export", "Write devices to standard output in a form that import reads");
  export_command->footer(
      "Examples:\n"
      "  fanfare devices export > devices.csv\n"
      "  fanfare devices export --format jsonl --filter 'state:active' | gzip > active.jsonl.gz\n"
      "  fanfare devices export --history | zstd > whole.jsonl.zst\n");
  auto export_options = std::make_shared<ListOptions>();
  add_filter(*export_command, *export_options);
  export_command
      ->add_option("--format", export_options->format, "Without it csv, with --json jsonl")
      ->type_name("FORMAT")
      ->check(CLI::IsMember(std::vector<std::string>{"csv", "jsonl"}));
  export_command->add_flag(
      "--history", export_options->history,
      "JSON lines with all that another store needs: states, times, and every event with its "
      "evidence. Imported elsewhere, a device that is new there is as it was here");
  context.on(*export_command, [&context, export_options]() -> Result<ExitStatus> {
    if (export_options->history && export_options->format == "csv") {
      return fail(Error::Kind::usage, "--history does not fit into CSV", "leave --format csv out");
    }
    if (export_options->format.empty()) {
      export_options->format = context.globals.json ? "jsonl" : "csv";
    }
    return list_devices(context, *export_options, true);
  });
}

}  // namespace fanfare::cli
