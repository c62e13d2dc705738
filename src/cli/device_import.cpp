// devices import: a file of registrations into the store, in constant memory.
#include <cerrno>
#include <cstring>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/progress.h"
#include "cli/store.h"
#include "registry/device_file.h"

namespace fanfare::cli {
namespace {

// One transaction each: large enough to be quick, small enough to be lost without harm.
constexpr std::size_t batch_devices = 5'000;
constexpr std::uint64_t shown_bad_lines = 20;

struct ImportOptions {
  std::string file;
  std::string rejects_file;
};

// Where the bad lines go: the first few to stderr, all of them to a file if one was asked for.
class Rejects {
 public:
  Rejects(Log& log, std::string source) : log_(log), source_(std::move(source)) {}

  Result<void> open(const std::string& path) {
    if (path.empty()) return {};
    path_ = path;
    file_.reset(std::fopen(path.c_str(), "w"));
    if (!file_) return failure("create");
    return {};
  }
  Result<void> add(const registry::BadLine& line) {
    ++count_;
    if (count_ <= shown_bad_lines) {
      log_.write(LogLevel::warning,
                 fmt::format("{}:{}: {}", source_, line.number, printable(line.what)));
    }
    if (file_ && std::fputs(fmt::format("{}\t{}\n", line.number, printable(line.what)).c_str(),
                            file_.get()) < 0) {
      return failure("write");
    }
    return {};
  }
  Result<void> finish() {
    if (count_ > shown_bad_lines) {
      log_.write(LogLevel::warning,
                 fmt::format("… and {} more{}", counted(count_ - shown_bad_lines, "bad line"),
                             path_.empty() ? "; --rejects FILE keeps them all" : ", in " + path_));
    }
    if (file_ && std::fflush(file_.get()) != 0) return failure("write");
    return {};
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  [[nodiscard]] std::unexpected<Error> failure(const char* deed) const {
    return fail(Error::Kind::storage,
                fmt::format("can't {} {}: {}", deed, path_, std::strerror(errno)),
                "check the path given to --rejects");
  }
  Log& log_;
  std::string source_;
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t count_ = 0;
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

// Reads the file to its end or to the first error; `sums` tells what was stored until then.
Result<void> import_all(registry::DeviceFile& file, registry::Registry& store, Rejects& rejects,
                        Progress& progress, Sums& sums) {
  std::vector<registry::Device> devices;
  std::vector<registry::BadLine> bad;
  for (bool more = true; more;) {
    devices.clear();
    bad.clear();
    const auto read = file.read(batch_devices, devices, bad);
    // What was read before the file broke off is good.
    const auto counts = store.upsert(devices, std::chrono::system_clock::now());
    if (!counts) return std::unexpected(counts.error());
    add(sums.devices, *counts);
    for (const registry::BadLine& line : bad) {
      if (auto added = rejects.add(line); !added) return added;
    }
    sums.bad = rejects.count();
    if (!read) return std::unexpected(read.error());
    more = *read;
    progress.update(file.bytes_read(), file.bytes_total(), counted(sums.imported(), "device"),
                    std::chrono::steady_clock::now());
  }
  return {};
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

Result<ExitStatus> import_devices(Context& context, const ImportOptions& options) {
  // The file first: a wrong path must not leave an empty store behind.
  auto file = registry::DeviceFile::open(options.file);
  if (!file) return std::unexpected(file.error());
  Rejects rejects(context.log, options.file);
  if (auto opened = rejects.open(options.rejects_file); !opened) {
    return std::unexpected(opened.error());
  }
  auto store = open_store(context.globals, {});
  if (!store) return std::unexpected(store.error());

  store->defer_keys();
  Sums sums;
  Progress progress(stderr, context.out.progress_wanted());
  auto imported = import_all(*file, *store, rejects, progress, sums);
  if (imported) imported = store->write_keys();
  progress.finish();
  const auto kept = rejects.finish();
  report(context, sums);
  if (!imported) return std::unexpected(imported.error());
  if (!kept) return std::unexpected(kept.error());
  if (sums.imported() == 0 && sums.bad > 0) {
    return fail(Error::Kind::input,
                fmt::format("{} has no registration that can be read", options.file),
                "give a CSV with a column token or fid, JSON lines, or one token a line");
  }
  return ExitStatus::accepted;
}

}  // namespace

void add_device_import(CLI::App& devices, Context& context) {
  CLI::App* command = devices.add_subcommand(
      "import",
      "Read devices from a file into the store\n\n"
      "CSV with a header (token or fid, then any of user, device_id, platform, locale, timezone, "
      "tags, app_version, last_seen), JSON lines with the same names, or one token a line; .gz and "
      ".zst are read. "
      "Known devices are refreshed. A bad line is reported with its number and skipped.");
  command->footer(
      "Examples:\n"
      "  fanfare devices import devices.csv\n"
      "  zcat tokens.txt.gz | fanfare devices import - --rejects bad.txt\n");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("FILE", options->file, "What to read; - is standard input")
      ->required()
      ->type_name("FILE");
  command->add_option("--rejects", options->rejects_file, "Write all bad lines' numbers here")
      ->type_name("FILE");
  context.on(*command, [&context, options] { return import_devices(context, *options); });
}

}  // namespace fanfare::cli
