#include "delivery/campaign_run.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "delivery/ledger.h"
#include "fcm/probe.h"

namespace fanfare::delivery {
namespace {

using client::Delivery;
using client::SteadyTime;
using registry::Receiver;

std::uint64_t count_of(const registry::CampaignCounts& counts, std::string_view rule) {
  const auto at = counts.by_rule.find(rule);
  return at == counts.by_rule.end() ? 0 : at->second;
}

// Nobody takes the message, and the devices that refuse it are fine or name nobody. Where probes
// convict devices, too, the refusals are a mixture, and say less about the message.
bool refused_everywhere(const registry::CampaignCounts& counts, std::size_t unproven,
                        std::uint64_t limit) {
  const std::uint64_t refused =
      count_of(counts, "token.suspect") + count_of(counts, "message.probe_passed") + unproven;
  return counts.accepted == 0 && refused >= limit && counts.retired * 10 < refused;
}

// A campaign has one message for each device, and retries of it that are seconds apart: it can't
// come near what a device may get in a minute, so there is nothing to be counted.
client::RetryOptions without_device_limits(client::RetryOptions options) {
  options.target_limits.device_per_minute = options.target_limits.device_per_hour = 0;
  return options;
}

std::uint64_t final_count(const registry::CampaignCounts& counts) {
  return counts.accepted + counts.retired + counts.failed + counts.unknown;
}

}  // namespace

int exit_status(const Summary& summary) noexcept {
  if (summary.interrupted) return 4;
  if (!summary.holds.empty()) return 3;
  const auto& counts = summary.counts;
  return counts.retired + counts.failed + counts.unknown + summary.held == 0 ? 0 : 1;
}

CampaignRun::CampaignRun(registry::Registry& registry, registry::Campaign campaign,
                         client::AttemptPort& port, RunOptions options, bool resumed)
    : registry_(registry),
      campaign_(std::move(campaign)),
      port_(port),
      options_(std::move(options)),
      loop_(without_device_limits(options_.retry), options_.random),
      prober_(registry, campaign_.validate_only ? 0 : options_.probe_budget),
      stored_retries_left_(resumed),
      retries_before_(campaign_.counts.retries) {}

Result<Summary> CampaignRun::run() {
  const SteadyTime begun = port_.now();
  if (auto restored = restore(); !restored) return std::unexpected(restored.error());
  while (true) {
    check_stops();
    if (auto fed = feed(); !fed) return std::unexpected(fed.error());
    start_sends();
    // Only now, so that the lanes have their work while this thread waits for the disk.
    note_events();
    if (auto noted = must_commit() ? commit() : Result<void>(); !noted) {
      return std::unexpected(noted.error());
    }
    if (drained()) break;
    wait_for_attempts();
    note_events();
    if (auto noted = is_urgent() ? commit() : Result<void>(); !noted) {
      return std::unexpected(noted.error());
    }
  }
  conclude_unproven();
  summary_.duration = std::chrono::duration_cast<std::chrono::milliseconds>(port_.now() - begun);
  return finish();
}

Result<void> CampaignRun::restore() {
  auto cursor = Cursor::restore(campaign_.cursor, campaign_.done);
  if (!cursor) return std::unexpected(cursor.error());
  cursor_ = std::move(*cursor);
  if (auto restored = prober_.restore(campaign_.id); !restored) return restored;
  const SystemTime now = options_.clock();
  auto history = registry_.brake_history(campaign_.project, now);
  if (!history) return std::unexpected(history.error());
  watch_.emplace(options_.brake, *history, campaign_.id, now);
  last_event_before_ = history->last_event;
  return {};
}

void CampaignRun::check_stops() {
  if (stopping_) return;
  if (options_.interrupt != nullptr && options_.interrupt->load()) {
    summary_.interrupted = true;
    stop();
  } else if (options_.deadline && options_.clock() >= *options_.deadline) {
    summary_.deadline_passed = true;
    stop();
  }
}

void CampaignRun::stop() {
  stopping_ = true;
  loop_.stop();
}

bool CampaignRun::may_feed() const {
  return !stopping_ && !loop_.project_held() && (stored_retries_left_ || audience_left_) &&
         loop_.waiting() < options_.max_waiting;
}

bool CampaignRun::has_room() const {
  const std::size_t under_way = loop_.sending() + loop_.ready();
  return may_feed() && under_way < loop_.window() &&
         under_way + unrecorded_ < loop_.window() + batch();
}

// A transaction costs as much as the results of a hundred messages, so it takes as many as are
// under way at once: a crash repeats these, too.
std::size_t CampaignRun::batch() const {
  return std::min(loop_.window(), options_.max_batch);
}

// At most a chunk at a time: what is held at once must be recorded before more is taken.
Result<void> CampaignRun::feed() {
  const SteadyTime now = port_.now();
  for (std::size_t taken = 0; taken < options_.chunk && has_room(); ++taken) {
    auto fed = stored_retries_left_ ? feed_stored_retry(now) : feed_receiver(now);
    if (!fed) return fed;
  }
  return {};
}

Result<void> CampaignRun::feed_stored_retry(SteadyTime now) {
  auto row = next_stored_retry();
  if (!row) return std::unexpected(row.error());
  if (!*row) return {};
  registry::RetryRow& retry = **row;
  const auto at = open(retry.receiver, true);
  submit(at->second.receiver, now, retry.attempts, now + (retry.due - options_.clock()));
  return {};
}

Result<void> CampaignRun::feed_receiver(SteadyTime now) {
  auto receiver = next_receiver();
  if (!receiver) return std::unexpected(receiver.error());
  if (*receiver == nullptr || !cursor_.take((*receiver)->id)) return {};
  submit(open(**receiver, false)->second.receiver, now, 0, std::nullopt);
  return {};
}

Result<std::optional<registry::RetryRow>> CampaignRun::next_stored_retry() {
  if (retries_ahead_.empty()) {
    std::vector<registry::RetryRow> rows;
    auto read = registry_.next_retries(campaign_.id, last_stored_retry_, options_.chunk, rows);
    if (!read) return std::unexpected(read.error());
    stored_retries_left_ = !rows.empty();
    if (rows.empty()) return std::nullopt;
    last_stored_retry_ = rows.back().receiver.id;
    retries_ahead_.assign(std::make_move_iterator(rows.begin()),
                          std::make_move_iterator(rows.end()));
  }
  auto row = std::move(retries_ahead_.front());
  retries_ahead_.pop_front();
  return row;
}

Result<Receiver*> CampaignRun::next_receiver() {
  if (next_ahead_ == receivers_ahead_.size()) {
    next_ahead_ = 0;
    const DeviceId after = std::max(last_read_, campaign_.cursor);
    auto read =
        registry_.next_receivers(campaign_.audience, after, options_.chunk, receivers_ahead_);
    if (!read) {
      receivers_ahead_.clear();
      return std::unexpected(read.error());
    }
    audience_left_ = !receivers_ahead_.empty();
    if (receivers_ahead_.empty()) return nullptr;
    last_read_ = receivers_ahead_.back().id;
  }
  return &receivers_ahead_[next_ahead_++];
}

// Takes the receiver's strings and leaves it others'.
CampaignRun::OpenAt CampaignRun::open(Receiver& receiver, bool settled) {
  if (closed_.empty()) {
    const DeviceId id = receiver.id;
    return open_.emplace(id, Open{.receiver = std::move(receiver), .settled = settled}).first;
  }
  OpenNode node = std::move(closed_.back());
  closed_.pop_back();
  node.key() = receiver.id;
  swap(node.mapped().receiver, receiver);
  node.mapped().settled = settled;
  node.mapped().suspicion.reset();
  return open_.insert(std::move(node)).position;
}

void CampaignRun::close(OpenAt at) {
  closed_.push_back(open_.extract(at));
}

void CampaignRun::submit(const Receiver& receiver, SteadyTime now, int attempts,
                         std::optional<SteadyTime> not_before) {
  auto delivery = delivery_to(receiver);
  delivery->attempts = attempts;
  delivery->not_before = not_before;
  loop_.submit(std::move(delivery), now);
}

client::DeliveryPtr CampaignRun::delivery_to(const Receiver& receiver) {
  auto delivery = stock_.make();
  delivery->id = static_cast<client::DeliveryId>(receiver.id);
  delivery->target = receiver.registration;
  delivery->platform = receiver.platform;
  return delivery;
}

void CampaignRun::probe(const Receiver& receiver) {
  auto delivery = delivery_to(receiver);
  delivery->probe = true;
  loop_.submit(std::move(delivery), port_.now());
}

void CampaignRun::start_sends() {
  loop_.take_sends(port_.now(), sends_);
  if (!sends_.empty()) port_.start(sends_);
}

void CampaignRun::wait_for_attempts() {
  SteadyTime until = port_.now() + std::chrono::hours(1);
  if (has_room()) until = port_.now();  // There is more to do than to wait.
  if (const auto due = loop_.next_due()) until = std::min(until, *due);
  if (dirty_since_) until = std::min(until, *dirty_since_ + options_.record_within);
  if (options_.deadline) {
    until = std::min<SteadyTime>(until, port_.now() + (*options_.deadline - options_.clock()));
  }
  done_.clear();
  port_.wait(until, done_);
  const SteadyTime now = port_.now();
  for (std::size_t i = 0; i < done_.size(); ++i) {
    client::prefetch_ahead(done_, i);
    loop_.on_attempt(std::move(done_[i]), now);
  }
}

// Everything that happened becomes one transaction, with what happens soon after.
void CampaignRun::note_events() {
  // Stopping on a message fault makes further events.
  do {
    events_.clear();
    loop_.take_events(events_);
    for (const auto& hold : events_.holds) summary_.holds.push_back(hold);
    for (auto& result : events_.finals) note_final(std::move(result));
    for (const auto& waiting : events_.waiting) note_waiting(waiting);
    for (auto& held : events_.held) note_held(std::move(held));
  } while (!events_.finals.empty() || !events_.held.empty());
  if (dirty_ && !dirty_since_) dirty_since_ = port_.now();
}

// The brake is looked at with each transaction, so many deaths don't wait: a short wave would pass
// between two looks.
bool CampaignRun::is_urgent() const {
  return dirty_ && (urgent_ || deaths_unjudged_ * 2 >= options_.brake.floor);
}

// Nobody waits for a transaction that does not fill.
bool CampaignRun::must_commit() const {
  if (!dirty_) return false;
  const bool nothing_follows = loop_.sending() == 0 && loop_.ready() == 0 && !has_room();
  return is_urgent() || nothing_follows || unrecorded_ >= batch() ||
         port_.now() >= *dirty_since_ + options_.record_within;
}

void CampaignRun::note_final(client::DeliveryPtr result) {
  if (result->id == Prober::witness_id) return note_witness(*result);
  if (result->verdict.kind == VerdictKind::unsent) {
    return hold_for_unreachable(std::move(result));
  }
  const auto at = open_.find(static_cast<DeviceId>(result->id));
  assert(at != open_.end());
  Open& open = at->second;
  if (open.suspicion) return note_probe(at, std::move(result));
  if (result->verdict.kind != VerdictKind::device_suspect || stopping_) {
    return conclude(at, std::move(result));
  }
  // A store that can't be read will say so at the commit; until then nobody is probed.
  switch (prober_.next_step(at->first, options_.clock()).value_or(Prober::Step::leave)) {
    case Prober::Step::probe:
      open.suspicion = std::make_unique<Suspicion>(Suspicion{result->attempt(), result->attempts});
      // Recorded before it is sent, so that a crash can't make it two.
      progress_.probes.push_back({at->first, options_.clock(), {}});
      dirty_ = urgent_ = true;
      return probe(open.receiver);
    case Prober::Step::blame_message:
      result->verdict = fcm::blame_message(result->verdict);
      return conclude(at, std::move(result));
    case Prober::Step::leave:
      return conclude(at, std::move(result));
  }
}

// A probe for the device came to its end: `result` is the probe's.
void CampaignRun::note_probe(OpenAt at, client::DeliveryPtr result) {
  const VerdictKind kind = result->verdict.kind;
  const bool passed = kind == VerdictKind::accepted;
  if (passed) prober_.note_pass();
  if (kind == VerdictKind::device_suspect && !prober_.passes_elsewhere() && !stopping_) {
    // Its retry row stands for it, so that the cursor goes on.
    progress_.waiting.push_back({at->second.receiver, result->attempts, options_.clock()});
    settle(at->second);
    unproven_.push_back(std::move(result));
    prober_.want_witness();
    ask_witness_if_wanted();
    return stop_on_message_fault(at->second.suspicion->attempt.verdict);
  }
  conclude_probe(at, std::move(result));
  if (passed) conclude_unproven();
}

void CampaignRun::conclude_probe(OpenAt at, client::DeliveryPtr result) {
  const Suspicion& suspicion = *at->second.suspicion;
  const Verdict verdict =
      fcm::settle_suspect(suspicion.attempt.verdict, result->verdict, prober_.passes_elsewhere());
  // The answer that decided is the evidence.
  if (fate_of(verdict.kind) != Fate::retired) result->answer = suspicion.attempt.answer;
  result->verdict = verdict;
  result->attempts = suspicion.attempts;
  progress_.probes.push_back({at->first, options_.clock(), std::string(verdict.rule)});
  conclude(at, std::move(result));
}

void CampaignRun::note_witness(const Delivery& result) {
  if (result.verdict.kind != VerdictKind::accepted) return;
  prober_.note_pass();
  conclude_unproven();
}

void CampaignRun::ask_witness_if_wanted() {
  if (stopping_) return;
  if (auto witness = prober_.take_witness()) loop_.submit(std::move(witness), port_.now());
}

void CampaignRun::conclude_unproven() {
  for (auto& result : std::exchange(unproven_, {})) {
    const auto at = open_.find(static_cast<DeviceId>(result->id));
    assert(at != open_.end());
    conclude_probe(at, std::move(result));
  }
}

void CampaignRun::conclude(OpenAt at, client::DeliveryPtr result) {
  const Receiver& receiver = at->second.receiver;
  const Verdict& verdict = result->verdict;
  if (verdict.kind == VerdictKind::accepted) {
    prober_.note_accepted(receiver.registration, receiver.platform);
    ask_witness_if_wanted();
  }
  enter(*result, receiver.state, campaign_, campaign_.counts, progress_);
  watch(receiver, verdict);
  if (at->second.settled) progress_.settled.push_back(at->first);
  if (options_.report != nullptr) {
    options_.report->add(result->target, verdict, result->answer.status, result->attempts);
  }
  settle(at->second);
  close(at);
  stop_on_message_fault(verdict);
  stock_.give_back(std::move(result));
}

// What speaks of the device is watched, whatever else the run does with it.
void CampaignRun::watch(const Receiver& receiver, const Verdict& verdict) {
  const Fate fate = fate_of(verdict.kind);
  if (fate != Fate::accepted && fate != Fate::retired) return;
  if (fate == Fate::retired) {
    ++deaths_unjudged_;
    if (options_.on_change) deaths_.note(receiver, verdict);
  }
  watch_->note({.device = receiver.id,
                .platform = receiver.platform,
                .before = receiver.state,
                .suspected_by = receiver.suspected_by,
                .rule = fate == Fate::retired ? std::string_view(verdict.rule) : ""});
}

// The loop gave up without a connection: that is nobody's failure, so the receiver is kept.
void CampaignRun::hold_for_unreachable(client::DeliveryPtr result) {
  if (!stopping_) {
    client::Hold hold;
    hold.attempt = result->attempt();
    summary_.holds.push_back(std::move(hold));
    stop();
  }
  note_held(std::move(result));
}

void CampaignRun::stop_on_message_fault(const Verdict& verdict) {
  if (stopping_) return;
  const bool one_by_one =
      verdict.kind == VerdictKind::device_suspect || verdict.rule == "message.probe_passed";
  if (verdict.kind != VerdictKind::message_invalid && !one_by_one) return;
  if (one_by_one &&
      !refused_everywhere(campaign_.counts, unproven_.size(), options_.suspect_limit)) {
    return;
  }
  summary_.message_fault = verdict;
  stop();
}

void CampaignRun::note_waiting(const client::Waiting& waiting) {
  if (waiting.id == Prober::witness_id) return;
  const auto at = open_.find(static_cast<DeviceId>(waiting.id));
  assert(at != open_.end());
  progress_.waiting.push_back({at->second.receiver, waiting.attempts, to_system(waiting.due)});
  settle(at->second);
}

void CampaignRun::note_held(client::DeliveryPtr held) {
  if (held->id == Prober::witness_id) return;
  const auto at = open_.find(static_cast<DeviceId>(held->id));
  assert(at != open_.end());
  if (at->second.suspicion && !summary_.message_fault) {
    // The message itself was answered; only the probe is given up.
    held->set_attempt(at->second.suspicion->attempt);
    held->attempts = at->second.suspicion->attempts;
    return conclude(at, std::move(held));
  }
  const Receiver& receiver = at->second.receiver;
  if (summary_.message_fault) {
    if (at->second.settled) progress_.settled.push_back(receiver.id);
    fail_for_message(receiver, held->attempts);
  } else {
    progress_.waiting.push_back({receiver, held->attempts, options_.clock()});
    ++held_count_;
    if (held->tried && options_.report != nullptr) {
      append_report_line(held_lines_, held->target, held->verdict, held->answer.status,
                         held->attempts);
    }
  }
  settle(at->second);
  close(at);
}

void CampaignRun::fail_for_message(const Receiver& receiver, int attempts) {
  const Verdict& fault = *summary_.message_fault;
  ++campaign_.counts.failed;
  ++campaign_.counts.by_rule[std::string(fault.rule)];
  if (options_.report != nullptr) options_.report->add(receiver.registration, fault, 0, attempts);
  dirty_ = true;
}

void CampaignRun::settle(Open& open) {
  dirty_ = true;
  ++unrecorded_;
  if (open.settled) return;
  open.settled = true;
  cursor_.settle(open.receiver.id);
}

Result<void> CampaignRun::commit() {
  if (!dirty_) return {};
  dirty_ = urgent_ = false;
  dirty_since_.reset();
  unrecorded_ = deaths_unjudged_ = 0;
  if (options_.report != nullptr) {
    if (auto flushed = options_.report->flush(); !flushed) return flushed;
    campaign_.report_bytes = options_.report->bytes();
  }
  campaign_.cursor = cursor_.position();
  campaign_.done = cursor_.done();
  campaign_.counts.retries = retries_before_ + loop_.retries();
  progress_.at = options_.clock();
  if (auto heeded = heed_persons(); !heeded) return heeded;
  progress_.answers = watch_->take_counts(progress_.at);
  // First, so that nothing of this batch is retired that the brake must hold.
  if (auto pulled = pull_brakes(false); !pulled) return pulled;
  if (auto recorded = registry_.record(campaign_, progress_); !recorded) return recorded;
  progress_ = {};
  if (options_.on_change) deaths_.tell(registry_, options_.on_change);
  if (options_.on_progress) options_.on_progress(final_count(campaign_.counts), campaign_.counts);
  return settle_brakes(false);
}

// 'brake release' and 'confirm' may come while this runs.
Result<void> CampaignRun::heed_persons() {
  if (!watch_->has_brakes()) return {};
  const auto on = registry_.brakes_holding(campaign_.project);
  if (!on) return std::unexpected(on.error());
  watch_->keep(*on);
  return {};
}

Result<void> CampaignRun::pull_brakes(bool ended) {
  const SystemTime now = options_.clock();
  for (auto& pull : watch_->take_pulls(now, ended)) {
    if (auto pulled = registry_.pull_brake(campaign_, pull, now); !pulled) return pulled;
    if (options_.on_brake) options_.on_brake({campaign_.project, std::move(pull)});
  }
  return {};
}

Result<void> CampaignRun::settle_brakes(bool ended) {
  const SystemTime now = options_.clock();
  for (const std::int64_t brake : watch_->take_over(now, ended)) {
    const auto settled = registry_.settle_brake(brake, campaign_, last_event_before_, now);
    if (!settled) return std::unexpected(settled.error());
  }
  return {};
}

Result<void> CampaignRun::conclude_brakes() {
  if (auto pulled = pull_brakes(true); !pulled) return pulled;
  if (auto settled = settle_brakes(true); !settled) return settled;
  if (auto closed = registry_.close_settled_brakes(options_.clock()); !closed) return closed;
  auto brakes = registry_.brakes();
  if (!brakes) return std::unexpected(brakes.error());
  std::erase_if(*brakes, [&](const auto& brake) { return brake.project != campaign_.project; });
  summary_.brakes = std::move(*brakes);
  return {};
}

// The message is wrong for everyone, so everyone not yet sent to gets that verdict unsent.
Result<void> CampaignRun::fail_everyone_left() {
  std::size_t uncommitted = 0;
  while (stored_retries_left_ || audience_left_) {
    if (stored_retries_left_) {
      auto row = next_stored_retry();
      if (!row) return std::unexpected(row.error());
      if (!*row) continue;
      progress_.settled.push_back((*row)->receiver.id);
      fail_for_message((*row)->receiver, (*row)->attempts);
    } else {
      auto receiver = next_receiver();
      if (!receiver) return std::unexpected(receiver.error());
      if (!*receiver || !cursor_.take((*receiver)->id)) continue;
      cursor_.settle((*receiver)->id);
      fail_for_message(**receiver, 0);
    }
    if (++uncommitted % options_.chunk != 0) continue;
    if (auto committed = commit(); !committed) return committed;
  }
  return commit();
}

Result<Summary> CampaignRun::finish() {
  if (summary_.message_fault) {
    if (auto failed = fail_everyone_left(); !failed) return std::unexpected(failed.error());
  }
  const std::uint64_t final = final_count(campaign_.counts);
  const bool everyone_taken = !audience_left_ && !stored_retries_left_;
  summary_.held = everyone_taken
                      ? held_count_
                      : campaign_.audience.count - std::min(final, campaign_.audience.count);
  if (summary_.interrupted) {
    campaign_.state = registry::Campaign::State::running;
  } else if (!summary_.holds.empty()) {
    campaign_.state = registry::Campaign::State::stopped;
  } else {
    campaign_.state = registry::Campaign::State::finished;
  }
  dirty_ = true;
  if (auto committed = commit(); !committed) return std::unexpected(committed.error());
  if (auto concluded = conclude_brakes(); !concluded) return std::unexpected(concluded.error());
  if (options_.report != nullptr && !held_lines_.empty()) {
    // Behind the recorded length: a resumed run cuts them off and gives these targets their
    // final lines.
    options_.report->add_lines(held_lines_);
    if (auto flushed = options_.report->flush(); !flushed) return std::unexpected(flushed.error());
  }
  if (campaign_.state == registry::Campaign::State::finished && campaign_.audience.list != 0) {
    if (auto dropped = registry_.drop_list(campaign_.audience.list); !dropped) {
      return std::unexpected(dropped.error());
    }
  }
  summary_.counts = campaign_.counts;
  return std::move(summary_);
}

bool CampaignRun::drained() const {
  return loop_.sending() == 0 && !may_feed() && loop_.ready() == 0 && loop_.waiting() == 0;
}

SystemTime CampaignRun::to_system(SteadyTime time) const {
  return options_.clock() + std::chrono::duration_cast<SystemTime::duration>(time - port_.now());
}

}  // namespace fanfare::delivery
