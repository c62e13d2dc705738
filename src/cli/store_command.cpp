// fanfare store: what a person does to look after the file.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json_object.h"
#include "cli/progress.h"
#include "cli/store.h"
#include "registry/maintenance.h"
#include "registry/store_check.h"

namespace fanfare::cli {
namespace {

using registry::size_text;

// info ----------------------------------------------------------------------------------------

std::string machine(const registry::StoreInfo& info, const std::string& store) {
  const auto time = [](const std::optional<SystemTime>& at) {
    return at ? format_rfc3339(*at) : "";
  };
  return JsonObject()
      .text("store", store)
      .number("format", info.format)
      .number("newest_format", info.newest_format)
      .number("bytes", info.bytes)
      .number("log_bytes", info.log_bytes)
      .number("page_bytes", info.page_bytes)
      .number("pages", info.pages)
      .number("free_pages", info.free_pages)
      .counts("rows", info.rows)
      .text_or_null("oldest_event", time(info.oldest_event))
      .text_or_null("newest_event", time(info.newest_event))
      .counts("campaigns", info.campaigns)
      .str();
}

std::string human(const registry::StoreInfo& info, const std::string& store) {
  Table facts({{""}, {""}});
  const bool old = info.format != info.newest_format;
  facts.add({"format", fmt::format("{}{}", info.format,
                                   old ? fmt::format("; 'fanfare store migrate' makes it {}",
                                                     info.newest_format)
                                       : "")});
  facts.add({"size", fmt::format("{}, log {}", size_text(info.bytes), size_text(info.log_bytes))});
  facts.add({"pages", fmt::format("{} of {} bytes, {} of them free", grouped(info.pages),
                                  grouped(info.page_bytes), grouped(info.free_pages))});
  if (info.oldest_event && info.newest_event) {
    facts.add({"events", fmt::format("{} to {}", format_rfc3339(*info.oldest_event),
                                     format_rfc3339(*info.newest_event))});
  }
  for (const auto& [state, count] : info.campaigns) {
    facts.add({"campaigns " + state, grouped(count)});
  }
  Table rows({{"table"}, {"rows", Table::Align::right}});
  for (const auto& [table, count] : info.rows) rows.add({printable(table), grouped(count)});
  return store + "\n" + facts.render() + "\n" + rows.render();
}

Result<ExitStatus> info(Context& context) {
  const auto store = store_file(context.globals);
  if (!store) return std::unexpected(store.error());
  const auto found = registry::store_info(*store);
  if (!found) return std::unexpected(found.error());
  if (context.globals.json) {
    context.out.json_line(machine(*found, *store));
  } else {
    context.out.say(human(*found, *store));
  }
  return ExitStatus::accepted;
}

// backup --------------------------------------------------------------------------------------

struct BackupOptions {
  std::string file;
  bool force = false;
};

Result<ExitStatus> backup(Context& context, const BackupOptions& options) {
  const auto store = store_file(context.globals);
  if (!store) return std::unexpected(store.error());
  const InterruptGuard guard;
  Progress progress(stderr, context.out.progress_wanted());
  const auto tell = [&](std::uint64_t done, std::uint64_t total) {
    progress.update(done, total, "bytes copied", std::chrono::steady_clock::now());
    return !interrupted();
  };
  const auto bytes =
      registry::copy_store(*store, options.file, {.replace = options.force, .progress = tell});
  progress.finish();
  if (!bytes && interrupted()) {
    context.log.write(LogLevel::error, "interrupted; no copy was made");
    return ExitStatus::interrupted;
  }
  if (!bytes) return std::unexpected(bytes.error());
  if (context.globals.json) {
    context.out.json_line(JsonObject()
                              .text("store", *store)
                              .text("copy", options.file)
                              .number("bytes", *bytes)
                              .str());
  } else {
    context.out.say(fmt::format("{}: {}\n", options.file, size_text(*bytes)));
  }
  return ExitStatus::accepted;
}

// check ---------------------------------------------------------------------------------------

std::string joined_json(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    append_json_string(out, text);
  }
  return out + "]";
}

std::string machine(const registry::CheckReport& report) {
  std::string findings = "[";
  for (const registry::Finding& finding : report.findings) {
    if (findings.size() > 1) findings += ',';
    findings += JsonObject()
                    .text("id", finding.id)
                    .text("what", finding.noun + " " + finding.what)
                    .number("count", finding.count)
                    .json("examples", joined_json(finding.examples))
                    .boolean("harmless", finding.harmless)
                    .boolean("repairable", finding.repairable)
                    .boolean("repaired", finding.repaired)
                    .str();
  }
  return JsonObject()
      .boolean("sound", report.sound())
      .number("devices", report.devices)
      .number("events", report.events)
      .json("findings", findings + "]")
      .str();
}

std::string plural(const registry::Finding& finding) {
  return finding.noun.ends_with('y') && finding.noun != "key"
             ? finding.noun.substr(0, finding.noun.size() - 1) + "ies"
             : "";
}

std::string human(const registry::Finding& finding) {
  std::string text =
      fmt::format("{} {}", counted(finding.count, finding.noun, plural(finding)), finding.what);
  if (finding.repaired) {
    text += "; repaired";
  } else if (finding.harmless) {
    text += "; harmless";
  }
  text += "\n  ";
  for (std::size_t i = 0; i < finding.examples.size(); ++i) {
    text += (i > 0 ? ", " : "") + printable(finding.examples[i]);
  }
  return text + (finding.count > finding.examples.size() ? ", …\n" : "\n");
}

// What a person should do about what is left.
std::string remedy(const registry::CheckReport& report) {
  bool repair = false;
  bool beyond_repair = false;
  for (const registry::Finding& finding : report.findings) {
    if (finding.repaired) continue;
    repair = repair || finding.repairable;
    beyond_repair = beyond_repair || !(finding.repairable || finding.harmless);
  }
  std::string text;
  if (beyond_repair) {
    text +=
        "restore a backup (copy it over the store while nothing uses it, without the -wal and "
        "-shm files beside it), or save what can be read with sqlite3's .recover\n";
  }
  if (repair) text += "'fanfare store check --repair' mends what can be mended without loss\n";
  return text;
}

Result<ExitStatus> check(Context& context, bool repair) {
  const auto store = store_file(context.globals);
  if (!store) return std::unexpected(store.error());
  Progress progress(stderr, context.out.progress_wanted());
  registry::CheckOptions options{.repair = repair};
  options.progress = [&](std::string_view stage, std::uint64_t done, std::uint64_t total) {
    progress.update(done, total, stage, std::chrono::steady_clock::now());
  };
  const auto report = registry::check_store(*store, options);
  progress.finish();
  if (!report) return std::unexpected(report.error());
  if (context.globals.json) {
    context.out.json_line(machine(*report));
  } else {
    for (const registry::Finding& finding : report->findings) context.out.say(human(finding));
    context.out.say(fmt::format(
        "{}: {}; {} and {} looked at\n", *store, report->sound() ? "sound" : "faults found",
        counted(report->devices, "device"), counted(report->events, "event")));
    context.out.say(remedy(*report));
  }
  return report->sound() ? ExitStatus::accepted : ExitStatus::some_failed;
}

// migrate -------------------------------------------------------------------------------------

std::string machine(const registry::Migration& migration, bool dry_run) {
  return JsonObject()
      .number("from", migration.from)
      .number("to", migration.to)
      .json("steps", joined_json(migration.steps))
      .text_or_null("backup", migration.backup.string())
      .number("backup_bytes", migration.backup_bytes)
      .number("needed_bytes", migration.needed_bytes)
      .boolean("dry_run", dry_run)
      .str();
}

std::string human(const registry::Migration& migration, const std::string& store, bool dry_run) {
  if (migration.from == migration.to) {
    return fmt::format("{} is up to date (format {})\n", store, migration.to);
  }
  std::string text = fmt::format("{} {} format {} to {}:\n", store,
                                 dry_run ? "would be brought from" : "was brought from",
                                 migration.from, migration.to);
  for (const std::string& step : migration.steps) text += fmt::format("  {}\n", step);
  if (dry_run) {
    return text + fmt::format("it would be kept as it is in {}; up to {} are needed meanwhile\n",
                              migration.backup.string(), size_text(migration.needed_bytes));
  }
  return text + fmt::format("as it was: {} ({}), which may be deleted\n", migration.backup.string(),
                            size_text(migration.backup_bytes));
}

Result<ExitStatus> migrate(Context& context, bool dry_run) {
  const auto store = store_file(context.globals);
  if (!store) return std::unexpected(store.error());
  const auto done = dry_run ? registry::plan_migration(*store) : registry::migrate_store(*store);
  if (!done) return std::unexpected(done.error());
  if (context.globals.json) {
    context.out.json_line(machine(*done, dry_run));
  } else {
    context.out.say(human(*done, *store, dry_run));
  }
  return ExitStatus::accepted;
}

// vacuum --------------------------------------------------------------------------------------

Result<ExitStatus> vacuum(Context& context) {
  const auto store = store_file(context.globals);
  if (!store) return std::unexpected(store.error());
  const auto done = registry::vacuum_store(*store);
  if (!done) return std::unexpected(done.error());
  if (context.globals.json) {
    context.out.json_line(JsonObject()
                              .number("bytes_before", done->bytes_before)
                              .number("bytes_after", done->bytes_after)
                              .number("needed_bytes", done->needed_bytes)
                              .str());
  } else {
    context.out.say(fmt::format("{}: {} before, {} now\n", *store, size_text(done->bytes_before),
                                size_text(done->bytes_after)));
  }
  return ExitStatus::accepted;
}

// The commands --------------------------------------------------------------------------------

void add_backup(CLI::App& store, Context& context) {
  CLI::App* command = store.add_subcommand(
      "backup",
      "Copy the store while it is in use\n\n"
      "The copy is the store as it was when the command began, one file that opens as a store. It "
      "has its name only once it is whole and on the disk.");
  command->footer("Examples:\n  fanfare store backup fanfare-monday.db\n");
  auto options = std::make_shared<BackupOptions>();
  command->add_option("FILE", options->file, "Where to")->required()->type_name("FILE");
  command->add_flag("--force", options->force, "Replace FILE if it exists");
  context.on(*command, [&context, options] { return backup(context, *options); });
}

void add_check(CLI::App& store, Context& context) {
  CLI::App* command = store.add_subcommand(
      "check",
      "Say whether the store is sound\n\n"
      "Looks at the structure of the file and at what must hold between its rows, while others use "
      "it. Exit status 1 when there are faults.");
  command->footer(
      "Examples:\n"
      "  fanfare store check\n"
      "  fanfare store check --repair\n");
  auto repair = std::make_shared<bool>(false);
  command->add_flag("--repair", *repair,
                    "Write missing keys; remove keys and rows of devices that are gone");
  context.on(*command, [&context, repair] { return check(context, *repair); });
}

void add_migrate(CLI::App& store, Context& context) {
  CLI::App* command =
      store.add_subcommand("migrate",
                           "Bring a store of an older version up to date\n\n"
                           "Any command that writes does so, too. The store is copied first, to "
                           "STORE.format-N.backup.");
  command->footer("Examples:\n  fanfare store migrate --dry-run\n");
  auto dry_run = std::make_shared<bool>(false);
  command->add_flag("--dry-run", *dry_run, "Only say what would be done");
  context.on(*command, [&context, dry_run] { return migrate(context, *dry_run); });
}

}  // namespace

void add_store(CLI::App& root, Context& context) {
  CLI::App* store = root.add_subcommand("store", "Look after the file that the devices are in");
  store->group("Devices");
  store->require_subcommand(0, 1);
  store->footer(
      "Examples:\n"
      "  fanfare store info\n"
      "  fanfare store backup fanfare-monday.db\n"
      "  fanfare store check\n");
  CLI::App* info_command =
      store->add_subcommand("info", "Format, sizes, and how many rows of what there are");
  info_command->footer("Examples:\n  fanfare --store fleet.db store info\n");
  context.on(*info_command, [&context] { return info(context); });
  add_backup(*store, context);
  add_check(*store, context);
  add_migrate(*store, context);
  CLI::App* vacuum_command =
      store->add_subcommand("vacuum",
                            "Give the space of deleted rows back to the disk\n\n"
                            "Writes the store anew. Others may read meanwhile, not write.");
  vacuum_command->footer("Examples:\n  fanfare store vacuum\n");
  context.on(*vacuum_command, [&context] { return vacuum(context); });
}

}  // namespace fanfare::cli
