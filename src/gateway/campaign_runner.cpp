#include "gateway/campaign_runner.h"

#include <algorithm>
#include <future>
#include <utility>

#include <fmt/format.h>

#include "base/json_text.h"
#include "client/lane.h"
#include "delivery/campaign_run.h"
#include "fcm/encoded_message.h"
#include "gateway/device_json.h"
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

// Nobody is left. Devices that left the audience before their turn are never sent to, and some may
// have come into it after it was counted.
void close_books(CampaignRecord& record, SystemTime now) {
  const std::uint64_t final = record.accepted + record.retired + record.failed + record.unknown;
  record.audience_count = std::max(record.audience_count, final);
  record.cancelled = record.audience_count - final;
  record.ended = now;
}

void block(CampaignRecord& record, std::string reason, SystemTime now) {
  record.state = CampaignState::blocked;
  record.reason = std::move(reason);
  record.start_at = now + blocked_pause;
}

queue::Event finished_event(const CampaignRecord& campaign) {
  queue::Event event{
      .at = *campaign.ended, .type = "campaign.finished", .project = campaign.project};
  event.data = fmt::format(
      R"({{"campaign":"c-{}","state":"{}","audience":{},"accepted":{},"retired":{},"failed":{},)"
      R"("unknown":{},"cancelled":{}}})",
      campaign.id, to_string(campaign.state), campaign.audience_count, campaign.accepted,
      campaign.retired, campaign.failed, campaign.unknown, campaign.cancelled);
  return event;
}

// Inside a transaction. Whoever is told that a campaign is finished finds it so.
void write(Views& views, const CampaignRecord& campaign) {
  views.campaigns.update(campaign);
  if (campaign.ended) views.events.add(finished_event(campaign));
}

Error not_now(std::int64_t id, std::string_view state, std::string_view what) {
  return {Error::Kind::usage, fmt::format("campaign c-{} is {} and can't be {}", id, state, what),
          "look at its state first"};
}

std::string_view done_to(CampaignRunner::Deed deed) {
  switch (deed) {
    case CampaignRunner::Deed::start:
      return "started";
    case CampaignRunner::Deed::pause:
      return "paused";
    case CampaignRunner::Deed::resume:
      return "resumed";
    case CampaignRunner::Deed::cancel:
      return "cancelled";
  }
  return {};
}

// For its time, without a person.
bool waits(CampaignState state) {
  return state == CampaignState::scheduled || state == CampaignState::blocked;
}

// Of one that is not walking.
bool allows(CampaignState state, CampaignRunner::Deed deed) {
  switch (deed) {
    case CampaignRunner::Deed::start:
      return state == CampaignState::draft || state == CampaignState::scheduled;
    case CampaignRunner::Deed::resume:
      return state == CampaignState::paused || state == CampaignState::blocked;
    case CampaignRunner::Deed::pause:
      return false;
    case CampaignRunner::Deed::cancel:
      return !is_final(state);
  }
  return false;
}

}  // namespace

// One walk. What it came to is written before anybody sees it.
struct CampaignRunner::Run {
  std::shared_ptr<Project> project;
  std::atomic<bool> interrupt = false;
  std::atomic<bool> ended = false;    ///< What it came to is on the disk.
  std::atomic<bool> unsaved = false;  ///< That could not be written.
  std::thread thread;

  // Guards all below. What is posted to the writer is posted under it, so that the later word is
  // also written later.
  mutable std::mutex mutex;
  CampaignRecord record;
  CampaignState wanted = CampaignState::running;  ///< After an interruption.
  client::AttemptPort* port = nullptr;
  std::optional<CampaignRecord> outcome;

  [[nodiscard]] CampaignRecord copy() const {
    const std::lock_guard lock(mutex);
    return record;
  }
  /// As the next gateway is to find it. With the mutex.
  [[nodiscard]] CampaignRecord to_store() const {
    CampaignRecord stored = record;
    stored.state = wanted;
    return stored;
  }
  /// With the mutex.
  void stop(CampaignState then) {
    wanted = then;
    interrupt = true;
    if (port != nullptr) port->interrupt();
  }
};

CampaignRunner::CampaignRunner(Services& services, std::filesystem::path registry_path)
    : services_(services), registry_path_(std::move(registry_path)) {}

CampaignRunner::~CampaignRunner() {
  *alive_ = false;
  stop();
  for (const auto& [id, run] : runs_) {
    if (run->thread.joinable()) run->thread.join();
  }
  (void)services_.writer.run([] {});  // Behind all that was posted here.
}

void CampaignRunner::resume() {
  auto open = gateway::look(services_, [&] { return services_.read.campaigns.open(); });
  if (!open) return;
  for (CampaignRecord& campaign : *open) {
    if (campaign.state == CampaignState::running) {
      begin(campaign);
    } else if (campaign.state == CampaignState::cancelled) {
      settle(std::move(campaign));
    } else if (waits(campaign.state)) {
      due_.emplace(campaign.id, std::move(campaign));
    }
  }
}

// Cancelled while it ran, and the gateway ended before its walk did.
void CampaignRunner::settle(CampaignRecord campaign) {
  services_.devices.post([&services = services_,
                          campaign = std::move(campaign)](registry::Registry& registry) mutable {
    const auto found = registry.find_campaign(campaign.registry_campaign);
    if (found && *found) take_counts(campaign, (*found)->counts);
    close_books(campaign, services.clock());
    services.writer.post([&services, campaign] { write(services.write, campaign); },
                         [](const Result<void>&) {});
  });
}

void CampaignRunner::look() {
  for (const auto& [id, run] : runs_) {
    if (!run->unsaved.exchange(false)) continue;
    const std::lock_guard lock(run->mutex);
    keep(*run);
  }
  if (stopping_) return;
  std::erase_if(runs_, [&](const auto& each) {
    if (!each.second->ended) return false;
    each.second->thread.join();
    CampaignRecord record = each.second->copy();
    if (waits(record.state) && !steered_.contains(record.id)) {
      due_.emplace(record.id, std::move(record));
    }
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

void CampaignRunner::add(CampaignRecord campaign, queue::Messages::KeyedRequest request, Note note,
                         std::move_only_function<void(const Result<Added>&)> done) {
  const auto added = std::make_shared<Added>(Added{.campaign = std::move(campaign)});
  services_.writer.post(
      [&services = services_, added, request = std::move(request), note = std::move(note)] {
        const auto make = [&] {
          services.write.campaigns.add(added->campaign);
          note();
          return added->campaign.id;
        };
        const auto receipt =
            services.write.messages.accept_campaign(request, services.clock(), make);
        added->kind = receipt.kind;
        if (receipt.kind != queue::Receipt::Kind::repeated) return;
        if (auto before = services.write.campaigns.find(receipt.first)) {
          added->campaign = *std::move(before);
        }
      },
      [this, alive = alive_, added, done = std::move(done)](const Result<void>& result) mutable {
        services_.to_http([this, alive, added, result, done = std::move(done)]() mutable {
          if (!*alive) return;
          if (!result) return done(std::unexpected(result.error()));
          const CampaignRecord& made = added->campaign;
          if (added->kind == queue::Receipt::Kind::accepted) {
            if (made.state == CampaignState::running) begin(made);
            if (waits(made.state)) due_.emplace(made.id, made);
          }
          done(*added);
        });
      });
}

Result<std::optional<CampaignRecord>> CampaignRunner::find(std::int64_t id) {
  if (const auto at = runs_.find(id); at != runs_.end()) return at->second->copy();
  return gateway::look(services_, [&] { return services_.read.campaigns.find(id); });
}

void CampaignRunner::steer(std::int64_t id, Deed deed, Note note, Done done) {
  auto found = find(id);
  if (!found) return done(std::unexpected(found.error()));
  if (!*found) return done(fail(Error::Kind::usage, fmt::format("there is no campaign c-{}", id)));
  if (steered_.contains(id)) {
    return done(std::unexpected(not_now(id, "just being changed", done_to(deed))));
  }
  const auto run = runs_.find(id);
  if (run != runs_.end() && !run->second->ended) {
    return interrupt(*run->second, deed, std::move(note), std::move(done));
  }
  if (!allows((*found)->state, deed)) {
    return done(std::unexpected(not_now(id, to_string((*found)->state), done_to(deed))));
  }
  set_aside(**std::move(found), deed, std::move(note), std::move(done));
}

// It goes on until what is under way has come back; the disk has it at once.
void CampaignRunner::interrupt(Run& run, Deed deed, Note note, Done done) {
  std::unique_lock lock(run.mutex);
  const bool cancels = deed == Deed::cancel;
  const CampaignState wanted = cancels ? CampaignState::cancelled : CampaignState::paused;
  const bool possible = !run.outcome && (cancels || deed == Deed::pause) &&
                        run.wanted != CampaignState::cancelled && !stopping_;
  if (!possible) {
    const std::string_view state = run.outcome || run.interrupt ? "just ending" : "running";
    const auto refusal = not_now(run.record.id, state, done_to(deed));
    lock.unlock();
    return done(std::unexpected(refusal));
  }
  run.stop(wanted);
  CampaignRecord stored = run.to_store();
  post(stored, std::move(note),
       [stored, done = std::move(done)](const Result<void>& result) mutable {
         done(result ? Result<CampaignRecord>(stored) : std::unexpected(result.error()));
       });
}

// One that is not walking: its state is changed, and then it may begin.
void CampaignRunner::set_aside(CampaignRecord campaign, Deed deed, Note note, Done done) {
  std::optional<CampaignRecord> before;
  if (waits(campaign.state)) before = campaign;
  due_.erase(campaign.id);
  if (deed == Deed::cancel) {
    campaign.state = CampaignState::cancelled;
    close_books(campaign, services_.clock());
  } else {
    campaign.state = CampaignState::running;
    campaign.reason.clear();
  }
  post(campaign, std::move(note),
       [this, campaign, before, done = std::move(done)](const Result<void>& result) mutable {
         if (!result) {
           if (before) due_.emplace(before->id, *before);
           return done(std::unexpected(result.error()));
         }
         if (!campaign.ended) begin(campaign);
         done(campaign);
       });
}

void CampaignRunner::post(CampaignRecord campaign, Note note,
                          std::move_only_function<void(const Result<void>&)> done) {
  const std::int64_t id = campaign.id;
  steered_.insert(id);
  services_.writer.post(
      [&services = services_, campaign = std::move(campaign), note = std::move(note)] {
        write(services.write, campaign);
        note();
      },
      [this, alive = alive_, id, done = std::move(done)](const Result<void>& result) mutable {
        services_.to_http([this, alive, id, result, done = std::move(done)]() mutable {
          if (!*alive) return;
          steered_.erase(id);
          done(result);
        });
      });
}

void CampaignRunner::begin(const CampaignRecord& campaign) {
  if (const auto at = runs_.find(campaign.id); at != runs_.end()) {
    if (!at->second->ended) return;
    at->second->thread.join();
    runs_.erase(at);
  }
  auto run = std::make_unique<Run>();
  run->project = services_.projects.find(campaign.project);
  CampaignRecord& record = run->record;
  record = campaign;
  if (run->project) {
    record.state = CampaignState::running;
    if (!record.started) record.started = services_.clock();
  } else {
    block(record, "the gateway no longer has this project", services_.clock());
    due_.emplace(campaign.id, record);
  }
  services_.writer.post([&services = services_, record] { write(services.write, record); },
                        [](const Result<void>&) {});
  if (!run->project) return;
  Run& started = *runs_.emplace(campaign.id, std::move(run)).first->second;
  started.thread = std::thread([this, &started] { work(started); });
}

void CampaignRunner::work(Run& run) {
  decide(run, walk(run));
}

// What a person wanted meanwhile goes before what the walk came to, but for its end.
void CampaignRunner::decide(Run& run, CampaignRecord outcome) {
  const std::lock_guard lock(run.mutex);
  run.port = nullptr;
  if (run.interrupt && !is_final(outcome.state)) {
    outcome.state = run.wanted;
    outcome.reason.clear();
  }
  if (is_final(outcome.state)) close_books(outcome, services_.clock());
  run.outcome = std::move(outcome);
  keep(run);
}

// With the run's mutex; again by look() until it is written.
void CampaignRunner::keep(Run& run) {
  services_.writer.post(
      [&services = services_, outcome = *run.outcome] { write(services.write, outcome); },
      [&run](const Result<void>& result) {
        if (!result) {
          run.unsaved = true;
          return;
        }
        const std::lock_guard lock(run.mutex);
        run.record = *run.outcome;
        run.ended = true;
      });
}

CampaignRecord CampaignRunner::walk(Run& run) {
  const auto blocked_by = [&](const Error& error) {
    CampaignRecord outcome = run.copy();
    block(outcome, error.what, services_.clock());
    return outcome;
  };
  registry::OpenOptions open;
  open.durable = true;
  open.lock_wait = 30s;
  auto registry = registry::Registry::open(registry_path_, open);
  if (!registry) return blocked_by(registry.error());
  CampaignRecord record = run.copy();
  registry::Campaign campaign;
  const bool resumed = record.registry_campaign != 0;
  if (resumed) {
    auto found = registry->find_campaign(record.registry_campaign);
    if (!found) return blocked_by(found.error());
    if (!*found) return blocked_by({Error::Kind::storage, "its walk is no longer stored", ""});
    campaign = std::move(**found);
  } else {
    campaign.project = record.project;
    campaign.message = record.message;
    campaign.validate_only = record.validate_only;
    campaign.started = services_.clock();
    campaign.steered = true;
    auto audience = registry->make_audience(record.audience, 0, record.project, services_.clock());
    if (!audience) return blocked_by(audience.error());
    campaign.audience = *std::move(audience);
    if (auto added = registry->add_campaign(campaign); !added) return blocked_by(added.error());
    // The row must be known before anything is sent, or the next gateway would begin anew.
    std::promise<Result<void>> saved;
    {
      const std::lock_guard lock(run.mutex);
      run.record.registry_campaign = campaign.id;
      run.record.audience_count = campaign.audience.count;
      services_.writer.post(
          [&services = services_, stored = run.to_store()] { write(services.write, stored); },
          [&saved](const Result<void>& result) { saved.set_value(result); });
    }
    if (const auto done = saved.get_future().get(); !done) return blocked_by(done.error());
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
    const std::lock_guard lock(run.mutex);
    take_counts(run.record, counts);
    if (std::chrono::steady_clock::now() < saved_at + save_every) return;
    saved_at = std::chrono::steady_clock::now();
    services_.writer.post(
        [&services = services_, stored = run.to_store()] { write(services.write, stored); },
        [](const Result<void>&) {});
  };
  options.on_brake = [&](const delivery::BrakeAlarm& alarm) {
    queue::Event event{.at = services_.clock(), .type = "brake.pulled", .project = alarm.project};
    event.data = R"({"platform":)";
    append_json_string(event.data, alarm.pull.platform);
    event.data += fmt::format(R"(,"rule":"{}","campaign":"c-{}"}})", alarm.pull.rule, record.id);
    services_.writer.post([&services = services_, event] { services.write.events.add(event); },
                          [](const Result<void>&) {});
  };
  options.on_change = [&](const registry::Receiver& device, registry::State to,
                          const Verdict& verdict) {
    queue::Event event = device_event(device, to, verdict);
    event.at = services_.clock();
    event.project = record.project;
    services_.writer.post([&services = services_, event] { services.write.events.add(event); },
                          [](const Result<void>&) {});
  };
  delivery::CampaignRun walk(*registry, std::move(campaign), port, std::move(options), resumed);
  {
    const std::lock_guard lock(run.mutex);
    run.port = &port;
  }
  auto summary = walk.run();
  {
    const std::lock_guard lock(run.mutex);
    run.port = nullptr;
  }
  if (!summary) return blocked_by(summary.error());
  CampaignRecord outcome = run.copy();
  take_counts(outcome, summary->counts);
  const std::uint64_t final = outcome.accepted + outcome.retired + outcome.failed + outcome.unknown;
  if (summary->interrupted) {
    outcome.state = CampaignState::running;  // Until it is decided.
  } else if (summary->message_fault) {
    outcome.state = CampaignState::failed;
    outcome.reason = reason_of(*summary);
  } else if (!summary->holds.empty()) {
    block(outcome, reason_of(*summary), services_.clock());
  } else if (summary->deadline_passed && final < outcome.audience_count) {
    outcome.state = CampaignState::cancelled;
    outcome.reason = "it expired before all were sent to";
  } else {
    outcome.state = CampaignState::finished;
  }
  return outcome;
}

// What runs is still called running in the store: the next gateway goes on with it.
void CampaignRunner::stop() {
  stopping_ = true;
  for (const auto& [id, run] : runs_) {
    const std::lock_guard lock(run->mutex);
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
