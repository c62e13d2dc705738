// Sending to devices of a store: import, campaign, run, and going on after an interruption.
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/brake_text.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/sending.h"
#include "cli/store.h"
#include "cli/temporary_folder.h"
#include "client/lane.h"
#include "fcm/message_json.h"
#include "registry/device_file.h"
#include "registry/registry.h"

namespace fanfare::cli {
namespace {

using registry::Campaign;
using registry::Registry;

// One send at a time on a store. The kernel gives the lock back when the process dies.
class SendLock {
 public:
  SendLock() = default;
  SendLock(const SendLock&) = delete;
  SendLock& operator=(const SendLock&) = delete;
  ~SendLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  Result<void> take(const std::string& store) {
    const std::string path = store + ".send-lock";
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) {
      return fail(Error::Kind::storage,
                  fmt::format("can't create {}: {}", path, std::strerror(errno)),
                  "choose a store in a folder that can be written");
    }
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      return fail(Error::Kind::storage, fmt::format("another send is running on {}", store),
                  "wait for it to end, or use another store");
    }
    return {};
  }

 private:
  int fd_ = -1;
};

Result<std::int64_t> import_list(Context& context, Registry& store, registry::DeviceFile& file,
                                 const std::string& name) {
  auto list = store.make_list();
  if (!list) return list;
  // Few, so that a send takes no more memory for a long list than for a short one.
  store.defer_keys(50'000);
  Progress progress(stderr, context.out.progress_wanted());
  std::vector<registry::Device> devices;
  std::vector<registry::BadLine> bad;
  std::uint64_t bad_count = 0;
  for (bool more = true; more;) {
    devices.clear();
    bad.clear();
    auto read = file.read(5'000, devices, bad);
    if (!read) return std::unexpected(read.error());
    more = *read;
    const auto stored = store.upsert(devices, std::chrono::system_clock::now(), *list);
    if (!stored) return std::unexpected(stored.error());
    for (const auto& line : bad) {
      if (++bad_count <= 20) {
        context.log.write(LogLevel::warning,
                          fmt::format("{}:{}: {}", name, line.number, printable(line.what)));
      }
    }
    progress.update(file.bytes_read(), file.bytes_total(), "importing",
                    std::chrono::steady_clock::now());
  }
  if (auto written = store.write_keys(); !written) return std::unexpected(written.error());
  progress.finish();
  if (bad_count > 0) {
    context.log.write(LogLevel::warning,
                      fmt::format("{} skipped in {}", counted(bad_count, "bad line"), name));
  }
  return list;
}

Result<Campaign> new_campaign(Context& context, const SendOptions& options, const SendPlan& plan,
                              const std::string& project, Registry& store,
                              std::optional<registry::DeviceFile>& file) {
  if (!plan.message) {
    return fail(Error::Kind::usage, "there is no interrupted send in this store",
                "give the message and the audience to start one");
  }
  Campaign campaign;
  campaign.project = project;
  campaign.message = fcm::write_message(*plan.message);
  campaign.validate_only = options.dry_run;
  campaign.started = std::chrono::system_clock::now();
  std::int64_t list = 0;
  if (file) {
    auto imported = import_list(context, store, *file, options.to_file);
    if (!imported) return std::unexpected(imported.error());
    list = *imported;
  }
  auto audience = plan.audience && plan.audience->project == project
                      ? Result<registry::Audience>(*plan.audience)
                      : store.make_audience(options.audience.value_or(""), list, project);
  if (!audience) return std::unexpected(audience.error());
  campaign.audience = std::move(*audience);
  if (auto added = store.add_campaign(campaign); !added) return std::unexpected(added.error());
  return campaign;
}

struct Chosen {
  Campaign campaign;
  bool resumed = false;
};

// With --resume the latest campaign, unless there is none; then, as without it, a new one.
Result<Chosen> choose_campaign(Context& context, const SendOptions& options, const SendPlan& plan,
                               const std::string& project, Registry& store,
                               std::optional<registry::DeviceFile>& file) {
  if (options.resume) {
    auto latest = store.latest_campaign();
    if (!latest) return std::unexpected(latest.error());
    if (*latest) return Chosen{std::move(**latest), true};
  }
  auto fresh = new_campaign(context, options, plan, project, store, file);
  if (!fresh) return std::unexpected(fresh.error());
  return Chosen{std::move(*fresh), false};
}

delivery::Summary summary_of_finished(const Campaign& campaign) {
  delivery::Summary summary;
  summary.counts = campaign.counts;
  return summary;
}

std::string alarm_text(const delivery::BrakeAlarm& alarm) {
  const registry::BrakePull& pull = alarm.pull;
  return fmt::format(
      "the brake is pulled for {} on {} of {}: {}\n  these devices become suspect, none is retired",
      pull.rule, brake_platform(pull.platform), printable(alarm.project),
      pull.canary != 0 ? "a canary was called dead" : brake_reason(pull.why));
}

Result<delivery::Summary> run_campaign(Context& context, const SendOptions& options,
                                       const SendPlan& plan, const client::ClientParts& parts,
                                       Registry& store, Chosen chosen) {
  auto parsed = fcm::parse_message(chosen.campaign.message);
  if (!parsed) return std::unexpected(parsed.error());
  std::optional<delivery::Report> report;
  if (!options.report_file.empty()) {
    auto opened = delivery::Report::open(options.report_file, chosen.campaign.report_bytes);
    if (!opened) return std::unexpected(opened.error());
    report.emplace(std::move(*opened));
  }

  const client::Lanes lanes = client::make_lanes(parts.make_sender, parts.lanes);
  if (auto made = parts.sender_made.get(); !made) return std::unexpected(made.error());
  client::LanePort port(
      lanes,
      std::make_shared<const fcm::EncodedMessage>(parsed->message, chosen.campaign.validate_only),
      plan.priority);
  const InterruptGuard guard(
      [](void* waiting) { static_cast<client::LanePort*>(waiting)->interrupt(); }, &port);
  Progress progress(stderr, context.out.progress_wanted());
  const std::uint64_t total = chosen.campaign.audience.count;

  delivery::RunOptions run_options;
  run_options.retry = parts.retry;
  run_options.clock = [] { return std::chrono::system_clock::now(); };
  run_options.random = Random::from_system();
  run_options.report = report ? &*report : nullptr;
  run_options.interrupt = &interrupted();
  run_options.probe_budget = options.probe_budget;
  if (plan.deadline) run_options.deadline = chosen.campaign.started + *plan.deadline;
  run_options.brake.recheck_after = plan.brake_recheck;
  run_options.on_brake = [&](const delivery::BrakeAlarm& alarm) {
    progress.finish();
    context.log.write(LogLevel::warning, alarm_text(alarm));
  };
  run_options.on_progress = [&](std::uint64_t done, const registry::CampaignCounts& counts) {
    progress.update(done, total,
                    fmt::format("{} retired, {} retries", counts.retired, counts.retries),
                    std::chrono::steady_clock::now());
  };
  delivery::CampaignRun run(store, std::move(chosen.campaign), port, std::move(run_options),
                            chosen.resumed);
  return run.run();
}

}  // namespace

bool is_kept(const Globals& globals, const SendOptions& options) {
  return globals.store_given || options.to_file.empty() || options.resume;
}

Result<delivery::Summary> send_campaign(Context& context, const SendOptions& options,
                                        const SendPlan& plan) {
  // Everything that can be wrong is looked at before anything is stored.
  std::optional<registry::DeviceFile> file;
  if (!options.to_file.empty()) {
    auto opened = registry::DeviceFile::open(options.to_file);
    if (!opened) return std::unexpected(opened.error());
    file.emplace(std::move(*opened));
  }
  auto parts = client::network_parts(plan.client);
  if (!parts) return std::unexpected(parts.error());
  for (const auto& warning : parts->warnings) context.log.write(LogLevel::warning, warning);

  TemporaryFolder temporary;
  Globals globals = context.globals;
  const bool keep = is_kept(globals, options);
  if (!keep) {
    const auto folder = temporary.make(", or give --store");
    if (!folder) return std::unexpected(folder.error());
    globals.store = *folder / "fanfare.db";
  }
  registry::OpenOptions open_options;
  open_options.mode =
      file ? registry::OpenOptions::Mode::create : registry::OpenOptions::Mode::existing;
  open_options.durable = keep;
  // An import beside it may write the keys of a million devices in one transaction.
  open_options.lock_wait = std::chrono::seconds(30);
  auto store = open_store(globals, open_options);
  if (!store) return std::unexpected(store.error());
  SendLock lock;
  if (auto taken = lock.take(globals.store); !taken) return std::unexpected(taken.error());

  auto chosen = choose_campaign(context, options, plan, parts->project, *store, file);
  if (!chosen) return std::unexpected(chosen.error());
  if (chosen->campaign.state == Campaign::State::finished) {
    context.log.write(LogLevel::warning,
                      "the latest send of this store is finished; nothing to resume");
    return summary_of_finished(chosen->campaign);
  }
  if (chosen->campaign.project != parts->project) {
    return fail(Error::Kind::usage,
                fmt::format("the interrupted send is for project {}, these credentials are for {}",
                            chosen->campaign.project, parts->project),
                "resume it with the credentials and --project it was begun with");
  }
  return run_campaign(context, options, plan, *parts, *store, std::move(*chosen));
}

}  // namespace fanfare::cli
