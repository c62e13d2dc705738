#include "gateway/campaign_runner.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/lane.h"
#include "delivery/campaign_run.h"
#include "fcm/encoded_message.h"
#include "gateway/paced_port.h"

namespace fanfare::gateway {

using namespace std::chrono_literals;
using queue::CampaignRecord;
using queue::CampaignState;

namespace {

constexpr auto blocked_pause = 2min;
constexpr auto save_every = 1s;

void take_counts(CampaignRecord& record, const registry::CampaignCounts& counts) {
  record.accepted = counts.accepted;
  record.retired = counts.retired;
  record.failed = counts.failed;
  record.unknown = counts.unknown;
  record.by_rule.clear();
  for (const auto& [rule, count] : counts.by_rule) record.by_rule.emplace(rule, count);
}

std::string reason_of(const delivery::Summary& summary) {
  if (summary.message_fault) {
    return fmt::format("{}: {}", summary.message_fault->rule, summary.message_fault->text);
  }
  if (summary.holds.empty()) return {};
  const Verdict& verdict = summary.holds.front().attempt.verdict;
  return fmt::format("{}: {}", verdict.rule, remedy_for(verdict.rule));
}

}  // namespace

// One walk. The record is shared with the HTTP thread.
struct CampaignRunner::Run {
  std::shared_ptr<Project> project;
  mutable std::mutex mutex;  // Guards the record.
  CampaignRecord record;
  std::atomic<bool> interrupt = false;
  std::atomic<CampaignState> wanted = CampaignState::running;  ///< After an interruption.
  std::atomic<client::AttemptPort*> port = nullptr;
  std::atomic<bool> ended = false;
  std::thread thread;

  [[nodiscard]] CampaignRecord copy() const {
    const std::lock_guard lock(mutex);
    return record;
  }
  void stop(CampaignState then) {
    wanted = then;
    interrupt = true;
    const std::lock_guard lock(mutex);
    if (client::AttemptPort* at = port.load()) at->interrupt();
  }
};

CampaignRunner::CampaignRunner(Services& services, std::filesystem::path registry_path)
    : services_(services), registry_path_(std::move(registry_path)) {}

CampaignRunner::~CampaignRunner() {
  stop();
  for (const auto& [id, run] : runs_) {
    if (run->thread.joinable()) run->thread.join();
  }
}

void CampaignRunner::resume() {
  auto open = gateway::look(services_, [&] { return services_.read.campaigns.open(); });
  if (!open) return;
  for (CampaignRecord& campaign : *open) {
    if (campaign.state == CampaignState::running) begin(campaign);
    if (campaign.state == CampaignState::scheduled || campaign.state == CampaignState::blocked) {
      due_.emplace(campaign.id, std::move(campaign));
    }
  }
}

void CampaignRunner::look() {
  if (stopping_) return;
  std::erase_if(runs_, [&](const auto& each) {
    if (!each.second->ended) return false;
    each.second->thread.join();
    CampaignRecord record = each.second->copy();
    if (record.state == CampaignState::blocked) due_.emplace(record.id, std::move(record));
    return true;
  });
  const SystemTime now = services_.clock();
  std::vector<CampaignRecord> start;
  std::erase_if(due_, [&](const auto& each) {
    if (each.second.start_at.value_or(now) > now) return false;
    start.push_back(each.second);
    return true;
  });
  for (const CampaignRecord& campaign : start) begin(campaign);
}

void CampaignRunner::add(CampaignRecord campaign, Done done) {
  const auto added = std::make_shared<CampaignRecord>(std::move(campaign));
  services_.writer.post(
      [this, added] { services_.write.campaigns.add(*added); },
      [this, added, done = std::move(done)](const Result<void>& result) mutable {
        services_.to_http([this, added, result, done = std::move(done)]() mutable {
          if (!result) return done(std::unexpected(result.error()));
          if (added->state == CampaignState::running) begin(*added);
          if (added->state == CampaignState::scheduled) due_.emplace(added->id, *added);
          done(*added);
        });
      });
}

Result<std::optional<CampaignRecord>> CampaignRunner::find(std::int64_t id) {
  if (const auto at = runs_.find(id); at != runs_.end()) return at->second->copy();
  return gateway::look(services_, [&] { return services_.read.campaigns.find(id); });
}

Result<CampaignRecord> CampaignRunner::steer(std::int64_t id, Deed deed) {
  auto found = find(id);
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(Error::Kind::usage, fmt::format("there is no campaign c-{}", id));
  CampaignRecord campaign = **found;
  const CampaignState state = campaign.state;
  const auto refuse = [&](std::string_view what) {
    return fail(Error::Kind::usage,
                fmt::format("campaign c-{} is {} and can't be {}", id, to_string(state), what),
                "look at its state first");
  };
  const auto running = runs_.find(id);
  const bool runs = running != runs_.end() && !running->second->ended;
  switch (deed) {
    case Deed::start:
      if (state != CampaignState::draft && state != CampaignState::scheduled)
        return refuse("started");
      break;
    case Deed::resume:
      if (state != CampaignState::paused && state != CampaignState::blocked)
        return refuse("resumed");
      break;
    case Deed::pause:
      if (!runs || state != CampaignState::running) return refuse("paused");
      running->second->stop(CampaignState::paused);
      campaign.state = CampaignState::paused;
      return campaign;
    case Deed::cancel:
      if (is_final(state)) return refuse("cancelled");
      due_.erase(id);
      if (runs) {
        running->second->stop(CampaignState::cancelled);
        campaign.state = CampaignState::cancelled;
        return campaign;
      }
      campaign.state = CampaignState::cancelled;
      campaign.ended = services_.clock();
      campaign.cancelled = campaign.audience_count - campaign.accepted - campaign.retired -
                           campaign.failed - campaign.unknown;
      save(campaign);
      return campaign;
  }
  if (runs) return refuse("started");
  due_.erase(id);
  campaign.reason.clear();
  begin(campaign);
  campaign.state = CampaignState::running;
  return campaign;
}

void CampaignRunner::begin(const CampaignRecord& campaign) {
  if (const auto at = runs_.find(campaign.id); at != runs_.end()) {
    if (!at->second->ended) return;
    at->second->thread.join();
    runs_.erase(at);
  }
  auto run = std::make_unique<Run>();
  run->project = services_.projects.find(campaign.project);
  run->record = campaign;
  if (!run->project) {
    run->record.state = CampaignState::blocked;
    run->record.reason = "the gateway no longer has this project";
    run->record.start_at = services_.clock() + blocked_pause;
    save(run->record);
    due_.emplace(campaign.id, run->record);
    return;
  }
  run->record.state = CampaignState::running;
  if (!run->record.started) run->record.started = services_.clock();
  save(run->record);
  Run& started = *runs_.emplace(campaign.id, std::move(run)).first->second;
  started.thread = std::thread([this, &started] { work(started); });
}

void CampaignRunner::work(Run& run) {
  walk(run);
  const CampaignRecord record = run.copy();
  save(record);
  if (is_final(record.state)) tell_finished(record);
  run.ended = true;
}

void CampaignRunner::walk(Run& run) {
  const auto fail_with = [&](const Error& error) {
    const std::lock_guard lock(run.mutex);
    run.record.state = CampaignState::blocked;
    run.record.reason = error.what;
    run.record.start_at = services_.clock() + blocked_pause;
  };
  registry::OpenOptions open;
  open.durable = true;
  open.lock_wait = 30s;
  auto registry = registry::Registry::open(registry_path_, open);
  if (!registry) return fail_with(registry.error());
  CampaignRecord record = run.copy();
  registry::Campaign campaign;
  const bool resumed = record.registry_campaign != 0;
  if (resumed) {
    auto found = registry->find_campaign(record.registry_campaign);
    if (!found) return fail_with(found.error());
    if (!*found) return fail_with({Error::Kind::storage, "its walk is no longer stored", ""});
    campaign = std::move(**found);
  } else {
    campaign.project = record.project;
    campaign.message = record.message;
    campaign.validate_only = record.validate_only;
    campaign.started = services_.clock();
    auto audience = registry->make_audience(record.audience, 0, record.project, services_.clock());
    if (!audience) return fail_with(audience.error());
    campaign.audience = *std::move(audience);
    if (auto added = registry->add_campaign(campaign); !added) return fail_with(added.error());
    // The row must be known before anything is sent, or the next gateway would begin anew.
    {
      const std::lock_guard lock(run.mutex);
      run.record.registry_campaign = campaign.id;
      run.record.audience_count = campaign.audience.count;
    }
    record = run.copy();
    const auto saved = services_.writer.run([&] { services_.write.campaigns.update(record); });
    if (!saved) return fail_with(saved.error());
  }
  client::LanePort lanes(
      run.project->lanes(),
      std::make_shared<const fcm::EncodedMessage>(
          fcm::EncodedMessage::from_written(record.message, record.validate_only)),
      Priority::bulk);
  client::BudgetOptions pace;
  pace.messages_per_minute = record.messages_per_minute;
  pace.ramp = {};
  PacedPort port(lanes, pace, [&, clock = services_.clock] {
    return run.interrupt || (record.expires_at && clock() >= *record.expires_at);
  });
  delivery::RunOptions options;
  options.retry = run.project->retry();
  options.clock = services_.clock;
  options.random = Random::from_system();
  options.interrupt = &run.interrupt;
  options.deadline = record.expires_at;
  auto saved_at = std::chrono::steady_clock::now();
  options.on_progress = [&](std::uint64_t, const registry::CampaignCounts& counts) {
    {
      const std::lock_guard lock(run.mutex);
      take_counts(run.record, counts);
    }
    if (std::chrono::steady_clock::now() < saved_at + save_every) return;
    saved_at = std::chrono::steady_clock::now();
    save(run.copy());
  };
  options.on_brake = [&](const delivery::BrakeAlarm& alarm) {
    queue::Event event{.at = services_.clock(), .type = "brake.pulled", .project = alarm.project};
    event.data = fmt::format(R"({{"platform":"{}","rule":"{}","campaign":"c-{}"}})",
                             alarm.pull.platform, alarm.pull.rule, record.id);
    services_.writer.post([this, event] { services_.write.events.add(event); },
                          [](const Result<void>&) {});
  };
  delivery::CampaignRun walk(*registry, std::move(campaign), port, std::move(options), resumed);
  {
    const std::lock_guard lock(run.mutex);
    run.port = &port;
  }
  auto summary = walk.run();
  const std::lock_guard lock(run.mutex);
  run.port = nullptr;
  CampaignRecord& now = run.record;
  if (!summary) {
    now.state = CampaignState::blocked;
    now.reason = summary.error().what;
    now.start_at = services_.clock() + blocked_pause;
    return;
  }
  take_counts(now, summary->counts);
  const std::uint64_t final = now.accepted + now.retired + now.failed + now.unknown;
  if (summary->interrupted) {
    now.state = run.wanted;
  } else if (summary->message_fault) {
    now.state = CampaignState::failed;
    now.reason = reason_of(*summary);
  } else if (!summary->holds.empty()) {
    now.state = CampaignState::blocked;
    now.reason = reason_of(*summary);
    now.start_at = services_.clock() + blocked_pause;
  } else if (summary->deadline_passed && final < now.audience_count) {
    now.state = CampaignState::cancelled;
    now.reason = "it expired before all were sent to";
  } else {
    now.state = CampaignState::finished;
  }
  if (now.state == CampaignState::cancelled) {
    now.cancelled = now.audience_count - std::min(now.audience_count, final);
  }
  if (is_final(now.state)) now.ended = services_.clock();
}

void CampaignRunner::save(const CampaignRecord& campaign, Done done) {
  services_.writer.post(
      [this, campaign] { services_.write.campaigns.update(campaign); },
      [campaign, done = std::move(done)](const Result<void>& result) mutable {
        if (!done) return;
        done(result ? Result<CampaignRecord>(campaign) : std::unexpected(result.error()));
      });
}

void CampaignRunner::tell_finished(const CampaignRecord& campaign) {
  queue::Event event{
      .at = services_.clock(), .type = "campaign.finished", .project = campaign.project};
  event.data = fmt::format(
      R"({{"campaign":"c-{}","state":"{}","audience":{},"accepted":{},"retired":{},"failed":{},)"
      R"("unknown":{},"cancelled":{}}})",
      campaign.id, to_string(campaign.state), campaign.audience_count, campaign.accepted,
      campaign.retired, campaign.failed, campaign.unknown, campaign.cancelled);
  services_.writer.post([this, event] { services_.write.events.add(event); },
                        [](const Result<void>&) {});
}

// What runs is still called running in the store: the next gateway goes on with it.
void CampaignRunner::stop() {
  stopping_ = true;
  for (const auto& [id, run] : runs_) {
    if (!run->interrupt) run->stop(CampaignState::running);
  }
}

bool CampaignRunner::stopped() const {
  return std::ranges::all_of(runs_, [](const auto& each) { return each.second->ended.load(); });
}

void CampaignRunner::abandon() {
  stop();
}

}  // namespace fanfare::gateway
