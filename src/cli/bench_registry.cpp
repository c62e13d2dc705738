#include "cli/bench_registry.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <sys/resource.h>

#include "base/random.h"
#include "base/time_text.h"
#include "cli/json_object.h"
#include "cli/temporary_folder.h"
#include "registry/device_file.h"
#include "registry/registry.h"

namespace fanfare::cli {
namespace {

using registry::DeviceId;
using registry::Registry;
using Clock = std::chrono::steady_clock;

constexpr std::size_t import_batch = 5'000;  // As `devices import` takes them.
constexpr std::size_t results_batch = 500;   // As a send records them.
constexpr std::uint64_t most_refreshed = 1'000'000;
constexpr std::uint64_t looked_up = 20'000;
constexpr std::uint64_t retired = 100'000;
constexpr double million = 1e6;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

// Devices as apps have them, made from their number: a token of 163 characters, an owner, platform,
// locale, tags, version, and a day within half a year on which it was last seen.
class MadeUpFleet {
 public:
  explicit MadeUpFleet(SystemTime now) : now_(now) {}

  [[nodiscard]] static std::string token(std::uint64_t number) {
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    text.reserve(token_chars);
    Random random(number + 1);
    while (text.size() < token_chars) {
      auto bits = random.next();
      for (int i = 0; i < 10 && text.size() < token_chars; ++i, bits >>= 6) {
        text += letters[bits % 64];
      }
    }
    text.replace(fid_chars, mark.size(), mark);
    return text;
  }

  // `days`: how many days later than at the first time it was seen.
  void append_line(std::string& out, std::uint64_t number, int days) const {
    Random random(number ^ 0x5eed);
    const auto kind = random.below(20);
    const char* const platform = kind < 14 ? "android" : kind < 19 ? "ios" : "web";
    const auto seen = now_ - std::chrono::hours(24 * (10 + random.below(180))) -
                      std::chrono::seconds(random.below(86'400)) + std::chrono::hours(24) * days;
    fmt::format_to(std::back_inserter(out), "{},user-{:08},{},{},{},4.{}.0,{}\n", token(number),
                   number * 7 / 9, platform, random.below(3) == 0 ? "ko-KR" : "en-US",
                   random.below(4) == 0 ? "news;sport" : "news", random.below(30),
                   format_rfc3339(seen));
  }

 private:
  static constexpr std::size_t token_chars = 163;
  static constexpr std::size_t fid_chars = 22;
  static constexpr std::string_view mark = ":APA91b";
  SystemTime now_;
};

class RegistryBench {
 public:
  RegistryBench(Context& context, std::filesystem::path folder, std::uint64_t devices)
      : context_(context), folder_(std::move(folder)), devices_(devices) {}

  Result<void> run() {
    for (const auto step :
         {&RegistryBench::first_import, &RegistryBench::size, &RegistryBench::refresh,
          &RegistryBench::stream, &RegistryBench::look_up, &RegistryBench::dry_prune,
          &RegistryBench::retire}) {
      if (auto done = (this->*step)(); !done) return done;
    }
    struct rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    tell("peak_memory_mb", "peak memory, MB", static_cast<double>(usage.ru_maxrss) * 1024 / million,
         "{:.0f}");
    return {};
  }

  [[nodiscard]] std::string json() const { return json_.str(); }
  [[nodiscard]] std::string text() const { return text_; }

 private:
  void tell(std::string_view name, std::string_view what, double value, std::string_view form) {
    const std::string number = fmt::format(fmt::runtime(form), value);
    json_.json(name, number);
    text_ += fmt::format("{:<52}{:>14}\n", what,
                         number.find('.') == std::string::npos
                             ? grouped(static_cast<std::uint64_t>(value))
                             : number);
    context_.log.write(LogLevel::debug, fmt::format("{}: {}", what, number));
  }

  [[nodiscard]] std::filesystem::path store() const { return folder_ / "fleet.db"; }
  [[nodiscard]] Result<Registry> open(registry::OpenOptions options = {}) const {
    return Registry::open(store(), options);
  }

  // The lines of so many devices, in a file.
  template <class NumberOf>
  Result<std::filesystem::path> write_file(const char* name, std::uint64_t count, int days,
                                           NumberOf number_of) {
    std::filesystem::path path = folder_ / name;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"),
                                                         std::fclose);
    const MadeUpFleet fleet(now_);
    std::string lines = "token,user,platform,locale,tags,app_version,last_seen\n";
    bool good = file != nullptr;
    for (std::uint64_t i = 0; i < count && good; ++i) {
      fleet.append_line(lines, number_of(i), days);
      if (lines.size() < (1U << 20) && i + 1 < count) continue;
      good = std::fwrite(lines.data(), 1, lines.size(), file.get()) == lines.size();
      lines.clear();
    }
    if (!good || std::fflush(file.get()) != 0) {
      return fail(Error::Kind::storage, fmt::format("can't write {}", path.string()),
                  "make room on the disk, or name another place with TMPDIR");
    }
    return path;
  }

  // Devices a second, from bytes of a file to the last key; the file is deleted.
  Result<double> import(const std::filesystem::path& path, std::uint64_t wanted) {
    auto file = registry::DeviceFile::open(path);
    if (!file) return std::unexpected(file.error());
    const auto begun = Clock::now();
    auto store = open();
    if (!store) return std::unexpected(store.error());
    store->defer_keys();
    std::vector<registry::Device> devices;
    std::vector<registry::BadLine> bad;
    std::uint64_t stored = 0;
    for (bool more = true; more;) {
      devices.clear();
      const auto read = file->read(import_batch, devices, bad);
      if (!read) return std::unexpected(read.error());
      const auto counts = store->upsert(devices, now_);
      if (!counts) return std::unexpected(counts.error());
      stored += counts->added + counts->updated;
      more = *read;
    }
    if (auto written = store->write_keys(); !written) return std::unexpected(written.error());
    const double seconds = seconds_since(begun);
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    if (stored != wanted) {
      return fail(Error::Kind::storage, fmt::format("{} of {} devices are stored", stored, wanted),
                  "this is a fault of Fanfare's: please report it");
    }
    return static_cast<double>(wanted) / seconds;
  }

  Result<void> first_import() {
    const auto path = write_file("first.csv", devices_, 0, [](std::uint64_t i) { return i; });
    if (!path) return std::unexpected(path.error());
    const auto rate = import(*path, devices_);
    if (!rate) return std::unexpected(rate.error());
    tell("import_per_s", "first import, devices/s", *rate, "{:.0f}");
    return {};
  }

  Result<void> size() {
    std::error_code ignored;
    // The log is written back when the last connection closes.
    const auto bytes = static_cast<double>(std::filesystem::file_size(store(), ignored));
    tell("mb_per_million", "store, MB per million devices", bytes / static_cast<double>(devices_),
         "{:.1f}");
    return {};
  }

  // In an order that has nothing to do with that of the first import.
  Result<void> refresh() {
    const auto count = std::min(devices_, most_refreshed);
    // Odd and not a multiple of 5 where the numbers of devices are round: each comes once.
    constexpr std::uint64_t stride = 7'368'787;
    const auto path =
        write_file("refresh.csv", count, 9, [&](std::uint64_t i) { return i * stride % devices_; });
    if (!path) return std::unexpected(path.error());
    const auto rate = import(*path, count);
    if (!rate) return std::unexpected(rate.error());
    tell("refresh_per_s", "refreshing import in random order, devices/s", *rate, "{:.0f}");
    return {};
  }

  Result<std::uint64_t> walk(const std::string& filter, std::atomic<bool>* end = nullptr) {
    auto store = open({.mode = registry::OpenOptions::Mode::read_only});
    if (!store) return std::unexpected(store.error());
    registry::Audience audience{.filter = filter, .project = "p", .last_id = INT64_MAX};
    audience.last_id = static_cast<DeviceId>(devices_);
    std::vector<registry::Receiver> receivers;
    std::uint64_t count = 0;
    for (DeviceId after = 0; end == nullptr || !end->load();) {
      if (auto read = store->next_receivers(audience, after, results_batch, receivers); !read) {
        return std::unexpected(read.error());
      }
      if (receivers.empty()) break;
      count += receivers.size();
      after = receivers.back().id;
    }
    return count;
  }

  Result<void> stream() {
    for (const auto& [name, what, filter] :
         {std::tuple{"stream_per_s", "audience of all, devices/s", "not state:retired"},
          std::tuple{"stream_filtered_per_s", "audience by platform and tag, devices looked at/s",
                     "platform:ios and tag:sport and not state:retired"}}) {
      const auto begun = Clock::now();
      if (auto walked = walk(filter); !walked) return std::unexpected(walked.error());
      tell(name, what, static_cast<double>(devices_) / seconds_since(begun), "{:.0f}");
    }
    return {};
  }

  Result<void> look_up() {
    auto store = open({.mode = registry::OpenOptions::Mode::read_only});
    if (!store) return std::unexpected(store.error());
    Random random(1);
    std::vector<double> took;
    for (std::uint64_t i = 0; i < looked_up; ++i) {
      const std::string token = MadeUpFleet::token(random.below(devices_));
      const auto begun = Clock::now();
      const auto found = store->find(token);
      took.push_back(seconds_since(begun) * million);
      if (!found) return std::unexpected(found.error());
    }
    std::ranges::sort(took);
    tell("show_us", "look-up of a device, microseconds, median", took[took.size() / 2], "{:.1f}");
    tell("show_p99_us", "look-up of a device, microseconds, 99 %", took[took.size() * 99 / 100],
         "{:.1f}");
    return {};
  }

  Result<void> dry_prune() {
    auto store = open();
    if (!store) return std::unexpected(store.error());
    const auto begun = Clock::now();
    const auto counts = store->prune(now_ - std::chrono::hours(24 * 90), now_, true);
    if (!counts) return std::unexpected(counts.error());
    tell("dry_prune_s", "prune --dry-run, seconds", seconds_since(begun), "{:.2f}");
    return {};
  }

  // As a send records them, while somebody else reads the whole fleet.
  Result<void> retire() {
    auto store = open({.durable = true});
    if (!store) return std::unexpected(store.error());
    registry::Campaign campaign;
    campaign.project = "p";
    campaign.started = now_;
    if (auto added = store->add_campaign(campaign); !added) return added;
    std::atomic<bool> end = false;
    std::jthread reader([&] {
      while (!end.load() && walk("not state:retired", &end)) {
      }
    });
    const std::string evidence =
        R"({"status":404,"body":"{\n  \"error\": {\n    \"code\": 404,\n    \"message\": )"
        R"(\"NotRegistered\",\n    \"status\": \"NOT_FOUND\",\n    \"details\": [\n      {\n        )"
        R"(\"@type\": \"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\n        )"
        R"(\"errorCode\": \"UNREGISTERED\"\n      }\n    ]\n  }\n}\n","attempts":1,"campaign":1})";
    const auto count = std::min(devices_, retired);
    const auto begun = Clock::now();
    Result<void> recorded;
    for (std::uint64_t i = 0; i < count && recorded;) {
      registry::Progress progress{.at = now_};
      for (std::size_t n = 0; n < results_batch && i < count; ++n, ++i) {
        // Spread over the fleet, in the order in which a send walks it.
        const auto id = static_cast<DeviceId>(1 + i * (devices_ / count));
        progress.changes.push_back({id, registry::State::retired, "token.unregistered", evidence});
      }
      recorded = store->record(campaign, progress);
    }
    const double seconds = seconds_since(begun);
    end = true;
    if (!recorded) return recorded;
    tell("retired_per_s", "retirements recorded beside a reader, devices/s",
         static_cast<double>(count) / seconds, "{:.0f}");
    return {};
  }

  Context& context_;
  std::filesystem::path folder_;
  std::uint64_t devices_;
  SystemTime now_ = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  JsonObject json_;
  std::string text_;
};

}  // namespace

Result<ExitStatus> bench_registry(Context& context, std::uint64_t devices) {
  TemporaryFolder temporary;
  const auto folder = temporary.make();
  if (!folder) return std::unexpected(folder.error());
  RegistryBench bench(context, *folder, devices);
  if (auto run = bench.run(); !run) return std::unexpected(run.error());
  if (context.globals.json) {
    context.out.json_line(bench.json());
  } else {
    context.out.say(fmt::format("{} devices\n{}", grouped(devices), bench.text()));
  }
  return ExitStatus::accepted;
}

}  // namespace fanfare::cli
