// devices import: a file of registrations into the store, in constant memory.
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/devices.h"
#include "cli/interrupt.h"
#include "cli/json_object.h"
#include "cli/progress.h"
#include "cli/rejects.h"
#include "cli/store.h"
#include "registry/device_file.h"
#include "registry/import_run.h"

namespace fanfare::cli {
namespace {

using registry::ImportRun;

// One transaction each: large enough to be quick, small enough to be lost without harm.
constexpr std::size_t batch_devices = 5'000;

struct ImportOptions {
  std::string file;
  std::string rejects_file;
  std::vector<std::string> mapped;
  std::vector<std::string> constants;
  std::string table;
  bool resume = false;
};

struct Sums {
  registry::UpsertCounts devices;
  std::uint64_t bad = 0;
  [[nodiscard]] std::uint64_t imported() const { return devices.added + devices.updated; }
};

void add(registry::UpsertCounts& sum, const registry::UpsertCounts& counts) {
  sum.added += counts.added;
  sum.updated += counts.updated;
  sum.revived += counts.revived;
  sum.superseded += counts.superseded;
}

// A file, and what was read of it before the store was opened: a wrong path or map must not leave
// an empty store behind.
struct Begun {
  registry::DeviceFile file;
  registry::DeviceBatch batch;
  Result<bool> more;
};

Result<Begun> begin(const ImportOptions& options, const registry::ReadOptions& how) {
  auto file = registry::DeviceFile::open(options.file, how);
  if (!file) return std::unexpected(file.error());
  Begun begun{std::move(*file), {}, true};
  begun.more = begun.file.read(batch_devices, begun.batch);
  if (!begun.more && begun.more.error().kind == Error::Kind::usage) {
    return std::unexpected(begun.more.error());
  }
  return begun;
}

Result<void> keep(Rejects& rejects, const Begun& begun) {
  if (auto kept = rejects.begin_with(begun.file.csv_header()); !kept) return kept;
  for (const registry::BadLine& line : begun.batch.bad) {
    if (auto added = rejects.add(line); !added) return added;
  }
  // Before the devices: after a crash a bad line may be there twice, but none is lost.
  return rejects.flush();
}

// Reads the file to its end, to the first error or to an interruption; `sums` tells what was stored
// until then.
Result<void> import_all(Begun& begun, registry::Registry& store, std::optional<ImportRun>& run,
                        Rejects& rejects, Progress& progress, Sums& sums) {
  while (true) {
    if (auto kept = keep(rejects, begun); !kept) return kept;
    sums.bad = rejects.count();
    if (run) run->mark = begun.file.mark();
    // What was read before the file broke off is good.
    const auto counts =
        store.upsert(begun.batch.devices, std::chrono::system_clock::now(), 0,
                     {.run = run ? &*run : nullptr, .histories = begun.batch.histories});
    if (!counts) return std::unexpected(counts.error());
    add(sums.devices, *counts);
    if (interrupted()) return {};
    if (!begun.more) return std::unexpected(begun.more.error());
    if (!*begun.more) return {};
    progress.update(begun.file.bytes_read(), begun.file.bytes_total(),
                    counted(sums.imported(), "device"), std::chrono::steady_clock::now());
    begun.more = begun.file.read(batch_devices, begun.batch);
  }
}

void report(Context& context, const Sums& sums) {
  const registry::UpsertCounts& devices = sums.devices;
  if (context.globals.json) {
    context.out.json_line(JsonObject()
                              .number("added", devices.added)
                              .number("updated", devices.updated)
                              .number("revived", devices.revived)
                              .number("superseded", devices.superseded)
                              .number("bad_lines", sums.bad)
                              .str());
    return;
  }
  std::string text =
      fmt::format("{} added, {} updated", grouped(devices.added), grouped(devices.updated));
  if (devices.revived > 0) text += fmt::format(" ({} came back)", grouped(devices.revived));
  if (devices.superseded > 0) {
    text += fmt::format(", {} retired for a newer registration", grouped(devices.superseded));
  }
  if (sums.bad > 0) text += fmt::format(", {} skipped", counted(sums.bad, "bad line"));
  context.out.say(fmt::format("{}: {}\n", context.globals.store, text));
}

std::string place(const ImportOptions& options, std::uint64_t mark) {
  return fmt::format("{} {}", options.table.empty() ? "line" : "row", grouped(mark));
}

// The mark behind which this import begins.
Result<std::uint64_t> starting_point(Context& context, const ImportOptions& options,
                                     registry::Registry& store,
                                     const std::optional<ImportRun>& run) {
  if (!run) return 0;
  const auto earlier = store.unfinished_import(run->source);
  if (!earlier) return std::unexpected(earlier.error());
  if (!*earlier) {
    if (options.resume) {
      context.log.write(LogLevel::warning,
                        fmt::format("no import of {} was interrupted; this one begins at the start",
                                    options.file));
    }
    return 0;
  }
  const auto at = place(options, (*earlier)->mark);
  if (!options.resume) {
    context.log.write(
        LogLevel::warning,
        fmt::format("an import of {} was interrupted behind {}; this one begins at the start "
                    "(--resume goes on behind it)",
                    options.file, at));
    return 0;
  }
  const auto same = registry::can_resume(**earlier, options.file);
  if (!same) return std::unexpected(same.error());
  if (!*same) {
    return fail(
        Error::Kind::input,
        fmt::format("{} has changed since its import was interrupted behind {}", options.file, at),
        "import it from the start, without --resume: what is known is only refreshed");
  }
  return (*earlier)->mark;
}

Result<ExitStatus> finish(Context& context, const ImportOptions& options, registry::Registry& store,
                          const std::optional<ImportRun>& run, const Begun& begun,
                          const Sums& sums) {
  const bool complete = begun.more && !*begun.more;
  if (!complete) {
    const auto at = place(options, begun.file.mark());
    context.out.say(run ? fmt::format("interrupted behind {}: go on with the same command and "
                                      "--resume\n",
                                      at)
                        : fmt::format("interrupted behind {}: what was read is stored, and the "
                                      "rest can't be resumed from here\n",
                                      at));
    return ExitStatus::interrupted;
  }
  if (run) {
    if (auto ended = store.end_import(run->source); !ended) return std::unexpected(ended.error());
  }
  if (sums.imported() == 0 && sums.bad > 0) {
    return fail(Error::Kind::input,
                fmt::format("{} has no registration that can be read", options.file),
                "give a CSV with a column token or fid, JSON lines, or one token a line; other "
                "columns are named with --map, a table of an SQL dump with --table");
  }
  return ExitStatus::accepted;
}

Result<ExitStatus> import_devices(Context& context, const ImportOptions& options) {
  auto fields = registry::FieldMap::make(options.mapped, options.constants);
  if (!fields) return std::unexpected(fields.error());
  auto run = registry::describe_import(options.file, options.table);
  if (!run) return std::unexpected(run.error());
  if (options.resume && !*run) {
    return fail(Error::Kind::usage, fmt::format("{} can't be resumed: it is no file", options.file),
                "import it without --resume: what is known is only refreshed");
  }
  const InterruptGuard guard;
  registry::ReadOptions how{
      .fields = std::move(*fields), .table = options.table, .interrupt = &interrupted()};
  auto begun = begin(options, how);
  if (!begun) return std::unexpected(begun.error());
  auto store = open_store(context.globals, {});
  if (!store) return std::unexpected(store.error());
  const auto start = starting_point(context, options, *store, *run);
  if (!start) return std::unexpected(start.error());
  if (*start > 0) {
    how.skip = *start;
    begun = begin(options, how);
    if (!begun) return std::unexpected(begun.error());
  }
  Rejects rejects(context.log, options.file);
  const char* comment = options.table.empty() ? "#" : "--";
  if (auto opened = rejects.open(options.rejects_file, comment, options.resume); !opened) {
    return std::unexpected(opened.error());
  }

  store->defer_keys();
  Sums sums;
  Progress progress(stderr, context.out.progress_wanted());
  auto imported = import_all(*begun, *store, *run, rejects, progress, sums);
  if (imported) imported = store->write_keys();
  progress.finish();
  rejects.finish();
  report(context, sums);
  if (!imported) return std::unexpected(imported.error());
  return finish(context, options, *store, *run, *begun, sums);
}

}  // namespace

void add_device_import(CLI::App& devices, Context& context) {
  CLI::App* command = devices.add_subcommand(
      "import",
      "Read devices from a file into the store\n\n"
      "CSV with a header (token or fid, then any of user, device_id, platform, locale, timezone, "
      "tags, app_version, last_seen), JSON lines with the same names, or one token a line; .gz and "
      ".zst are read. Other columns and members are named with --map, a table of a dump of "
      "PostgreSQL or MySQL with --table. "
      "Known devices are refreshed. A bad line is reported with its number and skipped.");
  command->footer(
      "Examples:\n"
      "  fanfare devices import devices.csv\n"
      "  zcat tokens.txt.gz | fanfare devices import - --rejects bad.txt\n"
      "  fanfare devices import devices.csv --resume\n"
      "  fanfare devices import export.jsonl --map token=push.fcmToken,user=uid --set "
      "platform=ios\n"
      "  fanfare devices import dump.sql.gz --table fcm_django_fcmdevice --map "
      "token=registration_id\n");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("FILE", options->file, "What to read; - is standard input")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--rejects", options->rejects_file,
                   "Write all bad lines here, each behind a comment that says what is wrong; when "
                   "mended, this file can be imported")
      ->type_name("FILE");
  command
      ->add_option("--map", options->mapped,
                   "Our field and their column, such as token=registration_id; repeatable, or "
                   "several separated by commas. In JSON lines a.b is the member b of the member a")
      ->type_name("FIELD=COLUMN")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option("--set", options->constants,
                   "A field that is the same for all devices, such as platform=ios; repeatable")
      ->type_name("FIELD=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option("--table", options->table,
                   "FILE is a dump of pg_dump or mysqldump: read this table of it")
      ->type_name("NAME");
  command->add_flag("--resume", options->resume,
                    "Go on behind what an interrupted import of this file has stored");
  context.on(*command, [&context, options] { return import_devices(context, *options); });
}

}  // namespace fanfare::cli
