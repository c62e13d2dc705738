#include "queue/testing/model.h"

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

namespace fanfare::queue {
namespace {

using Kind = Deed::Kind;
using std::chrono::seconds;

constexpr std::array<const char*, 2> projects = {"one", "two"};
constexpr std::array priorities = {Priority::normal, Priority::bulk};

std::string ids_of(const std::vector<Leased>& leased) {
  std::string words;
  for (const Leased& each : leased) {
    words += fmt::format(" {}({},{})", each.id, each.attempts, *each.message);
  }
  return words;
}

std::string words_of(const Receipt& receipt) {
  return fmt::format("receipt {} {} {}", static_cast<int>(receipt.kind), receipt.first,
                     receipt.count);
}

std::string words_of(const MessageStatus& status) {
  const auto due = status.due ? status.due->time_since_epoch() / seconds(1) : 0;
  const auto ended = status.ended_at ? status.ended_at->time_since_epoch() / seconds(1) : 0;
  return fmt::format("{} {} {} due {} ended {} attempts {} rule {} accepted {}\n", status.project,
                     status.id, to_string(status.state), due, ended, status.attempts, status.rule,
                     status.accepted_at.time_since_epoch() / seconds(1));
}

std::string words_of(const std::string& project, const Books& books) {
  std::string words = fmt::format("{} accepted {}:", project, books.accepted);
  for (const std::uint64_t count : books.in) words += fmt::format(" {}", count);
  return words + "\n";
}

std::string words_of(const Messages::Upkeep& upkeep) {
  return fmt::format("upkeep {} {} {}", upkeep.leases, upkeep.expired, upkeep.purged);
}

// A name of a few, or none.
std::string a_name(Random& random, const char* prefix, std::uint64_t share) {
  if (random.below(share) != 0) return {};
  return prefix + std::to_string(random.below(3));
}

Submission a_submission(Random& random, const std::string& project, Priority priority,
                        SystemTime now) {
  Submission made{.project = project, .message = "shared", .messages = {}};
  const std::uint64_t count = 1 + random.below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    made.messages.push_back({.target = {TargetKind::token, "t"},
                             .message = random.below(4) == 0 ? "own" : std::string()});
  }
  made.priority = priority;
  if (random.below(5) == 0) made.send_at = now + seconds(random.below(100));
  if (random.below(3) == 0) made.expires_at = now + seconds(random.below(200));
  made.order_key = a_name(random, "key-", 3);
  made.idempotency_key = a_name(random, "request-", 4);
  if (random.below(2) == 0) made.fingerprint = "another";
  return made;
}

}  // namespace

std::string perform(const Deed& deed, Messages& messages) {
  switch (deed.kind) {
    case Kind::accept: {
      std::vector<Leased> leased;
      const auto receipt =
          messages.accept(deed.submission, deed.now, deed.direct ? &leased : nullptr);
      return words_of(receipt) + ids_of(leased);
    }
    case Kind::lease: {
      std::vector<Leased> leased;
      messages.lease(deed.project, deed.priority, deed.now, deed.limit, leased);
      return "leased" + ids_of(leased);
    }
    case Kind::end: {
      const Ending ending{
          .id = deed.id, .state = deed.state, .rule = "ended", .attempts = deed.attempts};
      messages.end({&ending, 1}, deed.now);
      return {};
    }
    case Kind::postpone: {
      const Postponed postponed{
          .id = deed.id, .due = deed.now + deed.span, .attempts = deed.attempts, .rule = "later"};
      messages.postpone({&postponed, 1}, deed.now);
      return {};
    }
    case Kind::cancel:
      return fmt::format("cancel {}",
                         static_cast<int>(messages.cancel(deed.project, deed.id, deed.now)));
    case Kind::cancel_all:
      return fmt::format("cancelled {}", messages.cancel_all(deed.project, deed.now, 1'000'000));
    case Kind::replay:
      return fmt::format("replay {}", messages.replay(deed.project, deed.id, deed.now).value_or(0));
    case Kind::keep_up:
      return words_of(messages.keep_up(model_retention, deed.now));
    case Kind::wait:
      return {};
  }
  return {};
}

std::string picture_of(Messages& messages, MessageId last, SystemTime now) {
  std::string words;
  for (const char* project : projects) {
    for (MessageId id = 1; id <= last; ++id) {
      if (const auto status = messages.find(project, id)) words += words_of(*status);
    }
    words += "dead:";
    for (const auto& dead : messages.dead_letters(project, 0, 1'000'000)) {
      words += fmt::format(" {}", dead.id);
    }
    for (const Priority priority : priorities) {
      const auto due = messages.next_due(project, priority);
      words += fmt::format(" next {}", due ? due->time_since_epoch() / seconds(1) : 0);
    }
    words += "\n";
  }
  for (const auto& [project, books] : messages.books()) words += words_of(project, books);
  for (const std::string& fault : messages.check_books()) words += fault + "\n";
  const auto oldest = messages.oldest_due(now);
  return words + fmt::format("oldest {}\n", oldest ? oldest->time_since_epoch() / seconds(1) : 0);
}

Deed Model::draw(Random& random) const {
  constexpr std::array often = {
      Kind::accept, Kind::accept, Kind::accept,   Kind::lease,   Kind::lease, Kind::lease,
      Kind::end,    Kind::end,    Kind::end,      Kind::end,     Kind::end,   Kind::end,
      Kind::cancel, Kind::replay, Kind::postpone, Kind::keep_up, Kind::wait,  Kind::wait};
  constexpr std::array ends = {State::delivered, State::delivered, State::rejected, State::dropped,
                               State::unknown};
  Deed deed{.kind = often[random.below(often.size())], .now = now_};
  if (random.below(200) == 0) deed.kind = Kind::cancel_all;
  deed.project = projects[random.below(projects.size())];
  deed.priority = priorities[random.below(priorities.size())];
  deed.direct = random.below(2) == 0;
  deed.limit = 1 + random.below(5);
  // Mostly a young one.
  const std::uint64_t back = random.below(random.below(4) == 0 ? 200 : 30);
  deed.id = std::max<MessageId>(1, last_ + 1 - static_cast<MessageId>(back));
  deed.state = ends[random.below(ends.size())];
  deed.attempts = static_cast<int>(random.below(4));
  deed.span = seconds(random.below(random.below(20) == 0 ? 700 : 60));
  if (deed.kind == Kind::accept) {
    deed.submission = a_submission(random, deed.project, deed.priority, now_);
  }
  return deed;
}

std::string Model::apply(const Deed& deed) {
  switch (deed.kind) {
    case Kind::accept:
      return accept(deed.submission, deed.direct);
    case Kind::lease:
      return lease(deed);
    case Kind::end:
      if (Message* const message = open(deed.id)) {
        end(*message, deed.state, deed.attempts, "ended");
      }
      return {};
    case Kind::postpone:
      if (Message* const message = open(deed.id);
          message != nullptr && message->status.state == State::in_flight) {
        move(*message, State::waiting);
        message->status.due = now_ + deed.span;
        message->status.attempts = deed.attempts;
        message->status.rule = "later";
      }
      return {};
    case Kind::cancel:
      return cancel(deed);
    case Kind::cancel_all: {
      int count = 0;
      for (auto& [id, each] : messages_) {
        if (each.status.project != deed.project || each.status.state != State::waiting) continue;
        end(each, State::cancelled, 0, {});
        ++count;
      }
      return fmt::format("cancelled {}", count);
    }
    case Kind::replay:
      return replay(deed);
    case Kind::keep_up:
      return keep_up();
    case Kind::wait:
      now_ += deed.span;
      return {};
  }
  return {};
}

std::string Model::accept(const Submission& submission, bool direct) {
  const auto& name = submission.idempotency_key;
  const auto known = keys_.find({submission.project, name});
  if (!name.empty() && known != keys_.end()) {
    const Key& key = known->second;
    if (key.fingerprint != submission.fingerprint) {
      return words_of(Receipt{.kind = Receipt::Kind::key_reused});
    }
    return words_of(
        Receipt{.kind = Receipt::Kind::repeated, .first = key.first, .count = key.count});
  }
  const Receipt receipt{.first = last_ + 1, .count = submission.messages.size()};
  std::string words = words_of(receipt);
  for (const NewMessage& asked : submission.messages) {
    Message made{.status = {.id = ++last_, .project = submission.project},
                 .order_key = submission.order_key};
    made.status.priority = submission.priority;
    made.status.accepted_at = now_;
    made.status.due = std::max(now_, submission.send_at.value_or(now_));
    made.status.expires_at = submission.expires_at;
    made.status.evidence = asked.message.empty() ? submission.message : asked.message;
    auto& message = messages_.emplace(last_, made).first->second;
    ++books_[submission.project].accepted;
    ++books_[submission.project].in[static_cast<std::size_t>(State::waiting)];
    const bool expired = submission.expires_at.value_or(SystemTime::max()) <= now_;
    if (!direct || expired || *message.status.due > now_ || !has_turn(message)) continue;
    move(message, State::in_flight);
    words += fmt::format(" {}(0,{})", last_, message.status.evidence);
  }
  if (!name.empty()) {
    keys_[{submission.project, name}] = {submission.fingerprint, receipt.first, receipt.count,
                                         now_};
  }
  return words;
}

std::string Model::lease(const Deed& deed) {
  std::vector<std::pair<SystemTime, MessageId>> due;
  for (const auto& [id, each] : messages_) {
    const MessageStatus& status = each.status;
    if (status.project == deed.project && status.priority == deed.priority &&
        status.state == State::waiting && has_turn(each) && *status.due <= now_) {
      due.emplace_back(*status.due, id);
    }
  }
  std::ranges::sort(due);
  due.resize(std::min(due.size(), deed.limit));
  std::string words = "leased";
  for (const auto& [at, id] : due) {
    Message& message = messages_.at(id);
    if (message.status.expires_at.value_or(SystemTime::max()) <= now_) {
      end(message, State::expired, 0, {});
    } else {
      move(message, State::in_flight);
      words += fmt::format(" {}({},{})", id, message.status.attempts, message.status.evidence);
    }
  }
  return words;
}

std::string Model::cancel(const Deed& deed) {
  using Cancelled = Messages::Cancelled;
  const auto answer = [](Cancelled what) {
    return fmt::format("cancel {}", static_cast<int>(what));
  };
  const auto at = messages_.find(deed.id);
  if (at == messages_.end() || at->second.status.project != deed.project) {
    return answer(Cancelled::unknown_id);
  }
  if (is_final(at->second.status.state)) return answer(Cancelled::ended);
  if (at->second.status.state == State::in_flight) return answer(Cancelled::in_flight);
  end(at->second, State::cancelled, 0, {});
  return answer(Cancelled::cancelled);
}

std::string Model::replay(const Deed& deed) {
  const auto at = messages_.find(deed.id);
  if (at == messages_.end() || at->second.status.project != deed.project || !at->second.dead) {
    return "replay 0";
  }
  at->second.dead = false;
  Submission again{.project = deed.project, .messages = {}};
  again.messages.push_back({.target = {}, .message = at->second.status.evidence});
  again.priority = at->second.status.priority;
  std::ignore = accept(again, false);
  return fmt::format("replay {}", last_);
}

std::string Model::keep_up() {
  Messages::Upkeep upkeep;
  for (auto& [id, each] : messages_) {
    if (each.status.state == State::in_flight && each.until <= now_) {
      move(each, State::waiting);
      each.status.due = now_;
      ++upkeep.leases;
    }
  }
  for (auto& [id, each] : messages_) {
    if (each.status.state == State::waiting &&
        each.status.expires_at.value_or(SystemTime::max()) <= now_) {
      end(each, State::expired, 0, {});
      ++upkeep.expired;
    }
  }
  upkeep.purged = forget();
  return words_of(upkeep);
}

std::uint64_t Model::forget() {
  const auto old_messages = std::erase_if(messages_, [&](const auto& each) {
    const auto& ended = each.second.status.ended_at;
    return ended && *ended < now_ - model_retention.ended;
  });
  const auto old_keys = std::erase_if(keys_, [&](const auto& each) {
    return each.second.at < now_ - model_retention.idempotency_keys;
  });
  return old_messages + old_keys;
}

void Model::end(Message& message, State state, int attempts, const std::string& rule) {
  move(message, state);
  message.status.ended_at = now_;
  message.status.attempts = std::max(message.status.attempts, attempts);
  if (!rule.empty()) message.status.rule = rule;
  message.dead = state != State::delivered && state != State::cancelled;
}

void Model::move(Message& message, State to) {
  auto& in = books_[message.status.project].in;
  --in[static_cast<std::size_t>(message.status.state)];
  ++in[static_cast<std::size_t>(to)];
  message.status.state = to;
  if (to == State::in_flight) message.until = now_ + Messages::lease_for;
  if (to != State::waiting) message.status.due.reset();
}

bool Model::has_turn(const Message& message) const {
  if (message.order_key.empty()) return true;
  return std::ranges::none_of(messages_, [&](const auto& other) {
    return other.first < message.status.id && other.second.order_key == message.order_key &&
           other.second.status.project == message.status.project &&
           !is_final(other.second.status.state);
  });
}

Model::Message* Model::open(MessageId id) {
  const auto at = messages_.find(id);
  return at == messages_.end() || is_final(at->second.status.state) ? nullptr : &at->second;
}

void Model::reopen() {
  for (auto& [id, each] : messages_) {
    if (each.status.state != State::in_flight) continue;
    move(each, State::waiting);
    each.status.due = each.status.accepted_at;
  }
}

std::string Model::picture() const {
  std::string words;
  std::optional<SystemTime> oldest;
  for (const char* project : projects) {
    std::map<Priority, SystemTime> next;
    std::string dead;
    for (const auto& [id, each] : messages_) {
      const MessageStatus& status = each.status;
      if (status.project != project) continue;
      words += words_of(status);
      if (each.dead) dead += fmt::format(" {}", id);
      if (status.state != State::waiting || !has_turn(each)) continue;
      auto& first = next.try_emplace(status.priority, *status.due).first->second;
      first = std::min(first, *status.due);
      if (*status.due <= now_) oldest = std::min(oldest.value_or(*status.due), *status.due);
    }
    words += "dead:" + dead;
    for (const Priority priority : priorities) {
      const auto at = next.find(priority);
      words += fmt::format(" next {}",
                           at == next.end() ? 0 : at->second.time_since_epoch() / seconds(1));
    }
    words += "\n";
  }
  for (const auto& [project, books] : books_) words += words_of(project, books);
  return words + fmt::format("oldest {}\n", oldest ? oldest->time_since_epoch() / seconds(1) : 0);
}

}  // namespace fanfare::queue
