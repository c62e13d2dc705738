#include "gateway/deliverer.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/json_text.h"
#include "client/outcome.h"
#include "client/unsent_attempt.h"
#include "fcm/encoded_message.h"
#include "fcm/probe.h"
#include "gateway/device_json.h"
#include "gateway/ending.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;
using client::Delivery;
using client::DeliveryPtr;

// With so many results a transaction is worth its while at once.
constexpr std::size_t full_batch = 500;
// After a transaction that failed: a full disk, a locked registry.
constexpr auto failed_pause = 1s;
// Nothing else wakes the thread for leases that have expired, or for a clock that was set.
constexpr auto longest_sleep = 1s;

std::string brake_event(const registry::BrakePull& pull) {
  std::string out = R"({"platform":)";
  append_json_string(out, pull.platform);
  fmt::format_to(std::back_inserter(out), R"(,"rule":"{}","dead":{},"answers":{}}})", pull.rule,
                 pull.why.dead, pull.why.answers);
  return out;
}

std::string breaker_event(const BreakerState& state) {
  std::string out = R"({"scope":)";
  append_json_string(out, state.scope);
  fmt::format_to(std::back_inserter(out), R"(,"rule":"{}","status":{}}})", state.rule,
                 state.status);
  return out;
}

}  // namespace

Deliverer::Deliverer(const client::Lanes& lanes, registry::Registry registry, CommitThread& writer,
                     queue::Messages& messages, queue::Events& events, DelivererOptions options,
                     DelivererHooks hooks)
    : options_(std::move(options)),
      hooks_(std::move(hooks)),
      writer_(writer),
      messages_(messages),
      events_(events),
      port_(lanes),
      recorder_(std::move(registry), options_.project, options_.brake,
                {.on_brake =
                     [this](const delivery::BrakeAlarm& alarm) {
                       news_.push_back({.type = "brake.pulled", .data = brake_event(alarm.pull)});
                     },
                 .on_change =
                     [this](const registry::Receiver& device, registry::State to,
                            const Verdict& verdict) {
                       news_.push_back(device_event(device, to, verdict));
                     }}),
      loop_(options_.retry, Random::from_system()),
      breakers_(options_.breakers),
      thread_([this] { run(); }) {}

Deliverer::~Deliverer() {
  close();
}

void Deliverer::close() {
  if (!thread_.joinable()) return;
  stop();
  thread_.join();
  (void)writer_.run([] {});  // Behind all that was posted here.
}

// From other threads ---------------------------------------------------------------------------

// The more urgent always finds some room.
std::size_t Deliverer::room(Priority priority) const noexcept {
  constexpr std::array<std::size_t, priority_count> quarters = {4, 3, 2};
  const std::size_t most = options_.window * quarters.at(static_cast<std::size_t>(priority)) / 4;
  return most - std::min(most, in_hand_count_.load());
}

bool Deliverer::reserve(Priority priority, std::size_t count) {
  if (!direct_ || blocked_ || stopping_ || room(priority) < count) {
    direct_ = false;
    return false;
  }
  in_hand_count_ += count;
  return true;
}

void Deliverer::release(std::size_t count) {
  in_hand_count_ -= count;
}

bool Deliverer::takes_once() const noexcept {
  return !blocked_ || std::chrono::steady_clock::now() >= next_probe_.load();
}

void Deliverer::hand(std::vector<queue::Leased> messages) {
  {
    const std::lock_guard lock(mutex_);
    std::ranges::move(messages, std::back_inserter(inbox_.leased));
  }
  port_.interrupt();
}

void Deliverer::look() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(inbox_.look, true)) return;
  }
  port_.interrupt();
}

void Deliverer::stop() {
  stopping_ = true;
  port_.interrupt();
}

void Deliverer::abandon() {
  abandoned_ = true;
  stop();
}

void Deliverer::ask_breakers_now() {
  {
    const std::lock_guard lock(mutex_);
    inbox_.ask_breakers = true;
  }
  port_.interrupt();
}

Deliverer::Stats Deliverer::stats() const {
  const std::lock_guard lock(mutex_);
  Stats stats = stats_;
  stats.in_hand = in_hand_count_;
  return stats;
}

// The deliverer's thread -----------------------------------------------------------------------

void Deliverer::run() {
  record();  // Learns what the brake must know.
  while (!abandoned_ && (!stopping_ || !hand_.empty() || in_hand_count_ > 0 || lease_under_way_)) {
    turn();
    wait();
  }
  if (!abandoned_) record();
  ended_ = true;
}

void Deliverer::turn() {
  take_inbox();
  if (stopping_) loop_.stop();
  ask_store();
  note_events();
  send();
  give_back_idle(port_.now() + options_.keep_in_hand);
  const bool waited = dirty_since_ && port_.now() >= *dirty_since_ + options_.record_within;
  const bool nothing_follows = loop_.sending() == 0;
  if (waited || nothing_follows || endings_.size() + returns_.size() >= full_batch) record();
  tell_breaker_changes();
  publish_stats();
}

void Deliverer::take_inbox() {
  Inbox inbox;
  {
    const std::lock_guard lock(mutex_);
    std::swap(inbox, inbox_);
  }
  for (const queue::MessageId id : inbox.recorded) hand_.erase(id);
  in_hand_count_ -= inbox.recorded.size();
  if (!inbox.endings_failed.empty() || !inbox.returns_failed.empty() ||
      !inbox.news_failed.empty()) {
    std::ranges::move(inbox.endings_failed, std::back_inserter(endings_));
    std::ranges::move(inbox.returns_failed, std::back_inserter(returns_));
    std::ranges::move(inbox.news_failed, std::back_inserter(news_));
    std::ranges::move(inbox.answers_failed, std::back_inserter(answers_));
    record_again_at_ = port_.now() + failed_pause;
    if (!dirty_since_) dirty_since_ = port_.now();
  }
  if (inbox.look) more_in_store_ = true;
  if (inbox.ask_breakers) {
    breakers_.ask_now(port_.now());
    more_in_store_ = true;
  }
  if (inbox.lease_answered) {
    lease_under_way_ = false;
    more_in_store_ = !inbox.all_leased;
    const auto wait =
        inbox.next_due ? *inbox.next_due - options_.clock() : SystemTime::duration(1h);
    look_at_ = port_.now() + std::clamp<SystemTime::duration>(wait, 0s, 1h);
    if (inbox.leased.empty()) breakers_.no_probe();
  }
  for (queue::Leased& message : inbox.leased) submit(std::move(message));
}

// A lease that expired here while its message waits for its turn gives it to us again.
void Deliverer::submit(queue::Leased message) {
  const queue::MessageId id = message.id;
  const auto [at, fresh] = hand_.try_emplace(id, InHand{.message = std::move(message)});
  if (!fresh) {
    --in_hand_count_;
    return;
  }
  InHand& in_hand = at->second;
  auto device = recorder_.find(in_hand.message.target, options_.clock());
  if (!device) {
    hooks_.on_warning(device.error().what);
  } else {
    in_hand.device = std::move(*device);
  }
  if (in_hand.device && in_hand.message.platform.empty()) {
    in_hand.message.platform = in_hand.device->platform;
  }
  if (!refused_unsent(in_hand)) start(in_hand);
}

// A text that is wrong for everyone, or a platform whose credential is broken.
bool Deliverer::refused_unsent(InHand& in_hand) {
  if (const auto verdict = payload_breaker_.refuses(*in_hand.message.message)) {
    if (in_hand.message.once)
      answers_.emplace_back(in_hand.message.id, client::Attempt{.answer = {}, .verdict = *verdict});
    end(in_hand, ending_of(*verdict, in_hand.message));
    return true;
  }
  const SteadyTime now = port_.now();
  const std::string& platform = in_hand.message.platform;
  switch (breakers_.admit_platform(platform, now)) {
    case Breakers::Admission::all:
      return false;
    case Breakers::Admission::one:
      loop_.release_platform(platform);
      return false;
    case Breakers::Admission::none: {
      Delivery untried;
      untried.attempts = in_hand.message.attempts;
      give_back(in_hand, to_system(breakers_.platform_wait(platform, now)), untried);
      return true;
    }
  }
  return false;
}

void Deliverer::start(InHand& in_hand) {
  const queue::Leased& message = in_hand.message;
  DeliveryPtr delivery = stock_.make();
  delivery->id = static_cast<client::DeliveryId>(message.id);
  delivery->target = message.target;
  delivery->platform = message.platform;
  delivery->attempts = message.attempts;
  delivery->priority = message.priority;
  delivery->message = encode(message);
  delivery->drop_unknown = message.on_unknown == queue::OnUnknown::drop;
  delivery->max_attempts = message.once ? 1 : 0;
  const SteadyTime now = port_.now();
  if (message.expires_at) delivery->expires = now + (*message.expires_at - options_.clock());
  if (in_hand.suspicion) {
    delivery->probe = true;
    delivery->attempts = 0;
  }
  loop_.submit(std::move(delivery), now);
}

// Messages of one submission share a text, which comes in a row.
std::shared_ptr<const fcm::EncodedMessage> Deliverer::encode(const queue::Leased& message) {
  if (encoded_text_ != message.message || encoded_validate_only_ != message.validate_only) {
    encoded_text_ = message.message;
    encoded_validate_only_ = message.validate_only;
    encoded_ = std::make_shared<const fcm::EncodedMessage>(
        fcm::EncodedMessage::from_written(*message.message, message.validate_only));
  }
  return encoded_;
}

void Deliverer::ask_store() {
  const SteadyTime now = port_.now();
  if (stopping_ || lease_under_way_ || (!more_in_store_ && now < look_at_)) return;
  if (!is_blocked()) {
    if (room(Priority::urgent) > 0) lease(options_.window);
    return;
  }
  // When everything has come back, one message asks whether it still is.
  if (!hand_.empty() || loop_.sending() > 0) return;
  if (!breakers_.blocks()) {
    // An answer to what was under way has said already that it is not.
    loop_.start_over(options_.retry.first_window);
    blocked_by_.reset();
    note_blocked();
    return lease(options_.window);
  }
  if (breakers_.admit(now) != Breakers::Admission::one) return;
  loop_.start_over(1);
  blocked_by_.reset();
  lease(1);
}

bool Deliverer::is_blocked() const noexcept {
  return breakers_.blocks() || loop_.project_held();
}

void Deliverer::note_blocked() noexcept {
  next_probe_ = breakers_.next_probe().value_or(SteadyTime::max());
  blocked_ = is_blocked();
}

void Deliverer::lease(std::size_t most) {
  lease_under_way_ = true;
  const auto lease = std::make_shared<Lease>();
  writer_.post([this, most, lease] { take_lease(most, *lease); },
               [this, lease](const Result<void>& result) {
                 if (!result) {
                   in_hand_count_ -= lease->counted;
                   *lease = {.all = true, .next_due = options_.clock() + failed_pause};
                 }
                 {
                   const std::lock_guard lock(mutex_);
                   inbox_.lease_answered = true;
                   inbox_.all_leased = lease->all;
                   inbox_.next_due = lease->next_due;
                   std::ranges::move(lease->messages, std::back_inserter(inbox_.leased));
                 }
                 port_.interrupt();
               });
}

// On the writer's thread, where nothing is accepted meanwhile.
void Deliverer::take_lease(std::size_t most, Lease& lease) {
  const SystemTime now = options_.clock();
  lease.all = true;
  for (const Priority priority : {Priority::urgent, Priority::normal, Priority::bulk}) {
    const std::size_t wanted = std::min(most - lease.messages.size(), room(priority));
    const std::size_t before = lease.messages.size();
    if (wanted > 0) {
      messages_.lease(options_.project, priority, now, wanted, lease.messages);
    }
    const std::size_t got = lease.messages.size() - before;
    in_hand_count_ += got;
    lease.counted += got;
    lease.all = lease.all && got < wanted;
    const auto due = messages_.next_due(options_.project, priority);
    if (due) lease.next_due = std::min(lease.next_due.value_or(*due), *due);
  }
  if (lease.all) direct_ = true;
}

void Deliverer::send() {
  loop_.take_sends(port_.now(), sends_);
  if (!sends_.empty()) port_.start(sends_);
}

void Deliverer::wait() {
  const SteadyTime now = port_.now();
  SteadyTime until = now + longest_sleep;
  const bool may_ask = !stopping_ && !lease_under_way_ && !blocked_ && room(Priority::urgent) > 0;
  if (may_ask) until = std::min(until, std::max(look_at_, now));
  if (const auto due = loop_.next_due()) until = std::min(until, *due);
  if (const auto probe = breakers_.next_probe()) until = std::min(until, *probe);
  if (record_again_at_) {
    until = std::min(until, *record_again_at_);
  } else if (dirty_since_) {
    until = std::min(until, *dirty_since_ + options_.record_within);
  }
  done_.clear();
  port_.wait(std::max(until, now), done_);
  const SteadyTime later = port_.now();
  for (DeliveryPtr& done : done_) {
    if (!done->probe) breakers_.on_attempt(done->verdict, done->platform, later);
    loop_.on_attempt(std::move(done), later);
  }
}

void Deliverer::note_events() {
  loop_events_ = {};
  loop_.take_events(loop_events_);
  for (const client::Hold& hold : loop_events_.holds) {
    breakers_.on_hold(hold, port_.now());
    if (hold.scope == client::Hold::Scope::project) blocked_by_ = hold.attempt;
  }
  note_blocked();
  for (DeliveryPtr& result : loop_events_.finals) note_final(std::move(result));
  for (DeliveryPtr& held : loop_events_.held) note_held(std::move(held));
  // But for the probe itself.
  if (blocked_ && breakers_.next_probe()) give_back_idle(SteadyTime::min());
}

void Deliverer::note_final(DeliveryPtr result) {
  const auto at = hand_.find(static_cast<queue::MessageId>(result->id));
  if (at == hand_.end()) return;
  InHand& in_hand = at->second;
  payload_breaker_.note(*in_hand.message.message, result->verdict);
  if (in_hand.suspicion) {
    conclude_probe(in_hand, *result);
  } else if (probes(in_hand, *result)) {
    return;
  }
  if (in_hand.device) {
    recorder_.note(*in_hand.device, *result, breakers_.freezes_retirements());
  }
  if (in_hand.message.once) answers_.emplace_back(in_hand.message.id, result->attempt());
  const SystemTime now = options_.clock();
  if (result->verdict.kind == VerdictKind::accepted) {
    fresh_.seconds.add(now - in_hand.message.accepted_at);
  }
  end(in_hand, ending_of(*result, in_hand.message, now));
  stock_.give_back(std::move(result));
}

// A refusal that names nobody: an empty message to the same device tells whose fault it was.
bool Deliverer::probes(InHand& in_hand, const Delivery& result) {
  if (result.verdict.kind != VerdictKind::device_suspect || stopping_) return false;
  if (!in_hand.device || in_hand.message.validate_only || in_hand.message.once) return false;
  if (!recorder_.may_probe(*in_hand.device, options_.clock())) return false;
  in_hand.suspicion = result.attempt();
  in_hand.message.attempts = result.attempts;
  start(in_hand);
  return true;
}

// What a probe proves about one device alone; what it does not prove leaves the suspicion.
void Deliverer::conclude_probe(InHand& in_hand, Delivery& result) const {
  const Verdict verdict = fcm::settle_suspect(in_hand.suspicion->verdict, result.verdict, false);
  if (verdict.kind == VerdictKind::device_suspect || verdict.kind == VerdictKind::message_invalid) {
    result.answer = in_hand.suspicion->answer;
  }
  result.verdict = verdict;
  result.attempts = in_hand.message.attempts;
}

void Deliverer::note_held(DeliveryPtr held) {
  const auto at = hand_.find(static_cast<queue::MessageId>(held->id));
  if (at == hand_.end()) return;
  InHand& in_hand = at->second;
  if (in_hand.suspicion) {
    conclude_probe(in_hand, *held);
    return end(in_hand, ending_of(*held, in_hand.message, options_.clock()));
  }
  if (in_hand.message.once) client::explain_hold(*held, blocked_by_);
  const SteadyTime now = port_.now();
  give_back(in_hand, to_system(breakers_.platform_wait(held->platform, now)), *held);
  stock_.give_back(std::move(held));
}

// A message that is sent once is not kept: whoever waits for the answer repeats it.
void Deliverer::give_back(InHand& in_hand, SystemTime due, const Delivery& idle) {
  if (!in_hand.message.once) {
    returns_.push_back({.id = in_hand.message.id,
                        .due = due,
                        .attempts = idle.attempts,
                        .rule = std::string(idle.tried ? idle.verdict.rule : "")});
    in_hand.ended = true;
    if (!dirty_since_) dirty_since_ = port_.now();
    return;
  }
  Delivery ended;
  ended.id = idle.id;
  ended.target = in_hand.message.target;
  ended.attempts = idle.attempts;
  ended.set_attempt(idle.tried || idle.answer.status != 0
                        ? idle.attempt()
                        : client::unsent_attempt(ended.target, "it would have to wait"));
  answers_.emplace_back(in_hand.message.id, ended.attempt());
  end(in_hand, ending_of(ended, in_hand.message, options_.clock()));
}

void Deliverer::give_back_idle(SteadyTime later_than) {
  std::vector<DeliveryPtr> idle;
  loop_.take_idle(later_than, idle);
  for (DeliveryPtr& each : idle) {
    const auto at = hand_.find(static_cast<queue::MessageId>(each->id));
    if (at == hand_.end()) continue;
    give_back(at->second, to_system(each->not_before.value_or(port_.now())), *each);
    stock_.give_back(std::move(each));
  }
}

void Deliverer::end(InHand& in_hand, queue::Ending ending) {
  const auto counted = fresh_.by_rule.try_emplace(ending.rule, 0).first;
  ++counted->second;
  endings_.push_back(std::move(ending));
  in_hand.ended = true;
  if (!dirty_since_) dirty_since_ = port_.now();
}

// The devices first: a message whose end is stored is never sent again, so what it taught about its
// device must be stored before.
void Deliverer::record() {
  const SteadyTime now = port_.now();
  if (record_again_at_ && now < *record_again_at_) return;
  record_again_at_.reset();
  if (auto recorded = recorder_.record(options_.clock()); !recorded) {
    hooks_.on_warning(recorded.error().what);
    record_again_at_ = now + failed_pause;
    return;
  }
  dirty_since_.reset();
  post_endings();
}

void Deliverer::post_endings() {
  if (endings_.empty() && returns_.empty() && news_.empty()) return;
  struct Batch {
    std::vector<queue::Ending> endings;
    std::vector<queue::Postponed> returns;
    std::vector<queue::Event> news;
    std::vector<std::pair<queue::MessageId, client::Attempt>> answers;
    bool turn_came = false;
  };
  const auto batch =
      std::make_shared<Batch>(Batch{std::exchange(endings_, {}), std::exchange(returns_, {}),
                                    std::exchange(news_, {}), std::exchange(answers_, {})});
  writer_.post(
      [this, batch] {
        const SystemTime now = options_.clock();
        messages_.end(batch->endings, now);
        messages_.postpone(batch->returns, now);
        batch->turn_came = messages_.take_turns();
        for (queue::Event event : batch->news) {
          event.at = now;
          event.project = options_.project;
          events_.add(event);
        }
      },
      [this, batch](const Result<void>& result) {
        if (result) {
          for (const auto& [id, attempt] : batch->answers) {
            hooks_.on_answer(id, attempt.answer, attempt.verdict);
          }
        }
        {
          const std::lock_guard lock(mutex_);
          if (result) {
            for (const auto& ending : batch->endings) inbox_.recorded.push_back(ending.id);
            for (const auto& back : batch->returns) inbox_.recorded.push_back(back.id);
            if (!batch->returns.empty() || batch->turn_came) inbox_.look = true;
          } else {
            std::ranges::move(batch->endings, std::back_inserter(inbox_.endings_failed));
            std::ranges::move(batch->returns, std::back_inserter(inbox_.returns_failed));
            std::ranges::move(batch->news, std::back_inserter(inbox_.news_failed));
            std::ranges::move(batch->answers, std::back_inserter(inbox_.answers_failed));
          }
        }
        port_.interrupt();
      });
}

void Deliverer::tell_breaker_changes() {
  for (const BreakerChange& change : breakers_.take_changes()) {
    news_.push_back({.type = change.opened ? "breaker.opened" : "breaker.closed",
                     .data = breaker_event(change.state)});
    if (change.opened) {
      hooks_.on_warning(fmt::format("{}: {} is blocked ({}): {}", options_.project,
                                    change.state.scope, change.state.rule, change.state.remedy));
    }
  }
  if (!news_.empty() && !dirty_since_) dirty_since_ = port_.now();
}

void Deliverer::publish_stats() {
  if (port_.now() < published_at_ + 50ms && !stopping_) return;
  published_at_ = port_.now();
  fresh_.retries = loop_.retries();
  fresh_.breakers = breakers_.open();
  fresh_.brakes = recorder_.brakes();
  const std::lock_guard lock(mutex_);
  stats_ = fresh_;
}

SystemTime Deliverer::to_system(SteadyTime time) const {
  const auto ahead = time - std::chrono::steady_clock::now();
  return options_.clock() + std::chrono::duration_cast<SystemTime::duration>(ahead);
}

}  // namespace fanfare::gateway
