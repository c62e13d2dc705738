#include "queue/messages.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <ranges>
#include <utility>

#include <fmt/format.h>
#include <openssl/sha.h>

#include "base/json_text.h"
#include "queue/events.h"
#include "queue/messages_impl.h"

namespace fanfare::queue {

using sqlite::Blob;
using sqlite::Statement;
using sqlite::to_millis;

namespace {

std::string short_hash(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return {reinterpret_cast<const char*>(digest.data()), 16};
}

constexpr Receipt key_reused{.kind = Receipt::Kind::key_reused};

std::int64_t flags_of(const Submission& submission) {
  std::int64_t flags = 0;
  if (submission.on_unknown != OnUnknown::retry) flags |= flag_drop_unknown;
  if (submission.validate_only) flags |= flag_validate_only;
  if (submission.once) flags |= flag_once;
  return flags;
}

std::optional<SystemTime> optional_time(const Statement::Rows& row, int column) {
  return row.time(column);
}

// Data of the event "message.failed".
std::string failure(const Ending& ending, TargetKind target) {
  std::string out = fmt::format(R"({{"message":"{}","state":"{}","rule":)",
                                format_message_id(ending.id), to_string(ending.state));
  append_json_string(out, ending.rule);
  fmt::format_to(std::back_inserter(out), R"(,"status":{},"attempts":{},"target_kind":"{}"}})",
                 ending.status, ending.attempts, to_string(target));
  return out;
}

// Used by more than one of them: then it is stored once.
std::int64_t sharers(const Submission& submission) {
  if (submission.message.empty()) return 0;
  std::int64_t count = 0;
  for (const NewMessage& message : submission.messages) count += message.message.empty() ? 1 : 0;
  return count;
}

// One submission on its way into the table.
class Acceptance {
 public:
  Acceptance(Messages::Impl& impl, const Submission& submission, std::int64_t now,
             std::vector<Leased>* leased)
      : impl_(impl),
        submission_(submission),
        now_(now),
        leased_(leased),
        project_(impl.project_of(submission.project)),
        due_(std::max(now, submission.send_at ? to_millis(*submission.send_at) : now)),
        expired_(submission.expires_at && to_millis(*submission.expires_at) <= now) {}

  Receipt take() {
    share_text();
    Receipt receipt{.kind = Receipt::Kind::accepted, .count = submission_.messages.size()};
    for (const NewMessage& message : submission_.messages) {
      const MessageId id = insert(message);
      if (receipt.first == 0) receipt.first = id;
    }
    Books& books = impl_.books_of(project_);
    books.accepted += receipt.count;
    books.in[static_cast<std::size_t>(State::in_flight)] += leased_count_;
    books.in[static_cast<std::size_t>(State::waiting)] += receipt.count - leased_count_;
    return receipt;
  }

 private:
  void share_text() {
    if (!submission_.message.empty()) {
      shared_ = std::make_shared<const std::string>(submission_.message);
    }
    const std::int64_t users = sharers(submission_);
    if (users < 2) return;
    auto& add = impl_.database.prepared("INSERT INTO text (message, users) VALUES (?, ?)");
    add.run(std::string_view(submission_.message), users);
    text_ = impl_.database.last_id();
  }

  // Behind another of its key it has to wait for its turn.
  [[nodiscard]] bool has_turn() {
    if (submission_.order_key.empty()) return true;
    auto rows =
        impl_.database.prepared("SELECT 1 FROM message WHERE project = ? AND order_key = ? LIMIT 1")
            .rows(project_, std::string_view(submission_.order_key));
    return !rows.next();
  }

  MessageId insert(const NewMessage& message) {
    const bool turn = has_turn();
    const bool lease = leased_ != nullptr && turn && due_ <= now_ && !expired_;
    const bool own = !message.message.empty();
    const std::optional<std::int64_t> due =
        lease ? std::nullopt : std::optional(turn ? due_ : due_ + parked);
    std::string_view text;
    if (own) {
      text = message.message;
    } else if (!text_) {
      text = submission_.message;
    }
    const auto order_key = submission_.order_key.empty()
                               ? std::nullopt
                               : std::optional<std::string_view>(submission_.order_key);
    add_.run(project_, static_cast<int>(submission_.priority), due, submission_.expires_at, now_,
             static_cast<int>(message.target.kind), std::string_view(message.target.value),
             std::string_view(message.platform), own ? std::nullopt : text_, text,
             flags_of(submission_), order_key, std::string_view(submission_.labels),
             std::string_view(submission_.trace));
    const MessageId id = impl_.database.last_id();
    if (lease) hand_out(id, message);
    return id;
  }

  void hand_out(MessageId id, const NewMessage& message) {
    ++leased_count_;
    impl_.hold(id, now_ + std::chrono::milliseconds(Messages::lease_for).count());
    leased_->push_back({.id = id,
                        .target = message.target,
                        .platform = message.platform,
                        .priority = submission_.priority,
                        .message = message.message.empty()
                                       ? shared_
                                       : std::make_shared<const std::string>(message.message),
                        .attempts = 0,
                        .accepted_at = sqlite::from_millis(now_),
                        .expires_at = submission_.expires_at,
                        .on_unknown = submission_.on_unknown,
                        .validate_only = submission_.validate_only,
                        .once = submission_.once,
                        .trace = submission_.trace});
  }

  Messages::Impl& impl_;
  const Submission& submission_;
  std::int64_t now_;
  std::vector<Leased>* leased_;
  ProjectId project_;
  std::int64_t due_;
  bool expired_;  // Before it came: it ends so when it would be leased.
  std::optional<std::int64_t> text_;
  std::shared_ptr<const std::string> shared_;
  std::uint64_t leased_count_ = 0;
  Statement& add_ = impl_.database.prepared(
      "INSERT INTO message (project, priority, due, expires, accepted, kind, value, platform, text,"
      " message, attempts, flags, rule, order_key, labels, trace)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, '', ?, ?, ?)");
};

// An idempotency key of a project. Ids of campaigns are kept as negative ones.
class KeyUse {
 public:
  KeyUse(Messages::Impl& impl, const std::string& project, const std::string& key,
         const std::string& fingerprint)
      : database_(impl.database),
        project_(impl.project_of(project)),
        hash_(short_hash(key)),
        fingerprint_(short_hash(fingerprint)) {}

  /// What it made when it was used before.
  [[nodiscard]] std::optional<Receipt> before() const {
    auto rows = database_
                    .prepared(
                        "SELECT first, count, fingerprint FROM idempotency"
                        " WHERE project = ? AND hash = ?")
                    .rows(project_, Blob{hash_});
    if (!rows.next()) return std::nullopt;
    if (rows.text(2) != fingerprint_) return key_reused;
    return Receipt{
        .kind = Receipt::Kind::repeated, .first = rows.integer(0), .count = rows.count(1)};
  }
  void remember(const Receipt& receipt, std::int64_t at) const {
    database_
        .prepared(
            "INSERT INTO idempotency (first, project, hash, fingerprint, count, at)"
            " VALUES (?, ?, ?, ?, ?, ?)")
        .run(receipt.first, project_, Blob{hash_}, Blob{fingerprint_}, receipt.count, at);
  }

 private:
  sqlite::Database& database_;
  ProjectId project_;
  std::string hash_;
  std::string fingerprint_;
};

}  // namespace

// Impl ------------------------------------------------------------------------------------------

Messages::Impl::Impl(Store& opened) : store(opened), database(opened.database()) {
  auto rows = database
                  .prepared(
                      "SELECT id, name, accepted, delivered, rejected, dropped, expired,"
                      " cancelled, unknown FROM project")
                  .rows();
  while (rows.next()) {
    const std::string name = rows.text(1);
    ids.emplace(name, rows.integer(0));
    names.emplace(rows.integer(0), name);
    Books& each = books[name];
    each.accepted = rows.count(2);
    for (std::size_t i = 2; i < state_count; ++i) each.in[i] = rows.count(static_cast<int>(i) + 1);
  }
  store.enlist(*this);
}

Messages::Impl::~Impl() {
  store.dismiss(*this);
}

ProjectId Messages::Impl::project_of(const std::string& name) {
  if (const auto at = ids.find(name); at != ids.end()) return at->second;
  database.prepared("INSERT INTO project (name) VALUES (?)").run(std::string_view(name));
  const ProjectId id = database.last_id();
  ids.emplace(name, id);
  names.emplace(id, name);
  projects_made.push_back(name);
  return id;
}

std::optional<ProjectId> Messages::Impl::known_project(const std::string& name) const {
  const auto at = ids.find(name);
  return at == ids.end() ? std::nullopt : std::optional(at->second);
}

const std::string& Messages::Impl::name_of(ProjectId id) const {
  return names.at(id);
}

Books& Messages::Impl::books_of(ProjectId id) {
  const std::string& name = name_of(id);
  Books& current = books[name];
  books_before.try_emplace(name, current);
  return current;
}

void Messages::Impl::move(ProjectId project, State from, State to) {
  Books& current = books_of(project);
  --current.in[static_cast<std::size_t>(from)];
  ++current.in[static_cast<std::size_t>(to)];
}

void Messages::Impl::before_commit() {
  flush_texts();
  auto& write = database.prepared(
      "UPDATE project SET accepted = ?, delivered = ?, rejected = ?, dropped = ?, expired = ?,"
      " cancelled = ?, unknown = ? WHERE id = ?");
  for (const auto& [name, before] : books_before) {
    const Books& now = books.at(name);
    write.run(now.accepted, now.of(State::delivered), now.of(State::rejected),
              now.of(State::dropped), now.of(State::expired), now.of(State::cancelled),
              now.of(State::unknown), ids.at(name));
  }
}

void Messages::Impl::committed() noexcept {
  books_before.clear();
  projects_made.clear();
  leases_before.clear();
}

void Messages::Impl::rolled_back() noexcept {
  for (auto& [name, before] : books_before) books[name] = before;
  for (const std::string& name : projects_made) {
    names.erase(ids.at(name));
    ids.erase(name);
    books.erase(name);
  }
  for (const auto& [id, until] : std::views::reverse(leases_before)) {
    if (until) {
      leases[id] = *until;
    } else {
      leases.erase(id);
    }
  }
  texts_released.clear();
  committed();
}

void Messages::Impl::hold(MessageId id, std::int64_t until) {
  leases_before.emplace_back(id, std::nullopt);
  leases[id] = until;
}

void Messages::Impl::let_go(MessageId id) {
  const auto at = leases.find(id);
  if (at == leases.end()) return;
  leases_before.emplace_back(id, at->second);
  leases.erase(at);
}

bool Messages::Impl::finish(Ending ending, std::int64_t now) {
  auto rows = database
                  .prepared(
                      "DELETE FROM message WHERE id = ? RETURNING project, due, accepted,"
                      " priority, text, order_key, labels, trace, kind, value, platform,"
                      " message, flags, attempts, rule")
                  .rows(ending.id);
  if (!rows.next()) return false;
  const ProjectId project = rows.integer(0);
  const bool waited = !rows.is_null(1);
  const std::int64_t text = rows.is_null(4) ? 0 : rows.integer(4);
  const std::string order_key = rows.text(5);
  ending.attempts = std::max(ending.attempts, static_cast<int>(rows.integer(13)));
  if (ending.rule.empty()) ending.rule = rows.text(14);
  database
      .prepared(
          "INSERT INTO ended (id, project, state, accepted, at, attempts, rule, status, name,"
          " priority, labels, trace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(ending.id, project, static_cast<int>(ending.state), rows.integer(2), now,
           ending.attempts, std::string_view(ending.rule), ending.status,
           std::string_view(ending.name), rows.integer(3), std::string_view(rows.text(6)),
           std::string_view(rows.text(7)));
  if (ending.state != State::delivered && ending.state != State::cancelled) {
    std::string message = rows.text(11);
    if (text != 0) {
      auto shared = database.prepared("SELECT message FROM text WHERE id = ?").rows(text);
      if (shared.next()) message = shared.text(0);
    }
    database
        .prepared(
            "INSERT INTO dead (id, project, kind, value, platform, message, flags, evidence)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .run(ending.id, project, rows.integer(8), std::string_view(rows.text(9)),
             std::string_view(rows.text(10)), std::string_view(message), rows.integer(12),
             std::string_view(ending.evidence));
    Events(store).add({.at = sqlite::from_millis(now),
                       .type = "message.failed",
                       .project = name_of(project),
                       .data = failure(ending, static_cast<TargetKind>(rows.integer(8)))});
  }
  if (text != 0) ++texts_released[text];
  move(project, waited ? State::waiting : State::in_flight, ending.state);
  let_go(ending.id);
  if (!order_key.empty()) let_next_go(project, order_key);
  return true;
}

void Messages::Impl::lose(MessageId id) {
  finish({.id = id, .state = State::unknown, .rule = "gateway.interrupted"},
         to_millis(std::chrono::system_clock::now()));
}

void Messages::Impl::flush_texts() {
  for (const auto& [text, users] : texts_released) release_text(text, users);
  texts_released.clear();
}

void Messages::Impl::release_text(std::int64_t text, std::int64_t users) {
  database.prepared("UPDATE text SET users = users - ? WHERE id = ?").run(users, text);
  database.prepared("DELETE FROM text WHERE id = ? AND users <= 0").run(text);
}

void Messages::Impl::let_next_go(ProjectId project, std::string_view order_key) {
  database
      .prepared(
          "UPDATE message SET due = due - ?1 WHERE due >= ?1 AND id ="
          " (SELECT min(id) FROM message WHERE project = ?2 AND order_key = ?3)")
      .run(parked, project, order_key);
  turn_came = turn_came || database.changes() > 0;
}

// Messages --------------------------------------------------------------------------------------

Messages::Messages(Store& store) : impl_(std::make_unique<Impl>(store)) {
  if (!store.owned()) return;
  auto& database = impl_->database;
  // Those of a process that is gone. They have been accepted, so they were due; but nobody waits
  // any more for the answer to one that is sent once, and it may have been sent.
  std::vector<MessageId> once;
  {
    auto rows = database.prepared("SELECT id FROM message WHERE due IS NULL AND flags & 4").rows();
    while (rows.next()) once.push_back(rows.integer(0));
  }
  database.prepared("UPDATE message SET due = accepted WHERE due IS NULL").run();
  auto rows = database
                  .prepared(
                      "SELECT project, count(*) FROM message INDEXED BY message_ready"
                      " WHERE due IS NOT NULL GROUP BY project")
                  .rows();
  while (rows.next()) {
    impl_->books.at(impl_->name_of(rows.integer(0))).in[static_cast<std::size_t>(State::waiting)] =
        rows.count(1);
  }
  for (const MessageId id : once) impl_->lose(id);
}

Messages::~Messages() = default;

Receipt Messages::accept(const Submission& submission, SystemTime now,
                         std::vector<Leased>* leased) {
  const std::int64_t at = to_millis(now);
  const auto take = [&] { return Acceptance(*impl_, submission, at, leased).take(); };
  if (submission.idempotency_key.empty()) return take();
  const KeyUse use(*impl_, submission.project, submission.idempotency_key, submission.fingerprint);
  if (const auto before = use.before()) return before->first < 0 ? key_reused : *before;
  const Receipt receipt = take();
  use.remember(receipt, at);
  return receipt;
}

Receipt Messages::accept_campaign(const KeyedRequest& request, SystemTime now,
                                  const std::function<std::int64_t()>& make) {
  if (request.key.empty()) return {.first = make(), .count = 1};
  const KeyUse use(*impl_, request.project, request.key, request.fingerprint);
  if (const auto before = use.before()) {
    if (before->first >= 0) return key_reused;
    return {.kind = Receipt::Kind::repeated, .first = -before->first, .count = 1};
  }
  const std::int64_t made = make();
  use.remember({.first = -made, .count = 1}, to_millis(now));
  return {.first = made, .count = 1};
}

void Messages::lease(const std::string& project, Priority priority, SystemTime now,
                     std::size_t limit, std::vector<Leased>& out) {
  const auto id = impl_->known_project(project);
  if (!id) return;
  const std::int64_t at = to_millis(now);
  const std::size_t before = out.size();
  std::vector<MessageId> expired;
  std::map<std::int64_t, std::shared_ptr<const std::string>> texts;
  {
    auto rows = impl_->database
                    .prepared(
                        "SELECT message.id, kind, value, platform, text, message.message, attempts,"
                        " accepted, expires, flags, trace, text.message FROM message"
                        " LEFT JOIN text ON text.id = message.text"
                        " WHERE project = ? AND priority = ? AND due <= ?"
                        " ORDER BY due, message.id LIMIT ?")
                    .rows(*id, static_cast<int>(priority), at, limit);
    while (rows.next()) {
      const auto expires_at = optional_time(rows, 8);
      if (expires_at && *expires_at <= now) {
        expired.push_back(rows.integer(0));
        continue;
      }
      std::shared_ptr<const std::string> text;
      if (rows.is_null(4)) {
        text = std::make_shared<const std::string>(rows.text(5));
      } else if (auto& shared = texts[rows.integer(4)]; shared) {
        text = shared;
      } else {
        text = shared = std::make_shared<const std::string>(rows.text(11));
      }
      const std::int64_t flags = rows.integer(9);
      out.push_back(
          {.id = rows.integer(0),
           .target = {static_cast<TargetKind>(rows.integer(1)), rows.text(2)},
           .platform = rows.text(3),
           .priority = priority,
           .message = std::move(text),
           .attempts = static_cast<int>(rows.integer(6)),
           .accepted_at = sqlite::from_millis(rows.integer(7)),
           .expires_at = expires_at,
           .on_unknown = (flags & flag_drop_unknown) != 0 ? OnUnknown::drop : OnUnknown::retry,
           .validate_only = (flags & flag_validate_only) != 0,
           .once = (flags & flag_once) != 0,
           .trace = rows.text(10)});
    }
  }
  for (const MessageId each : expired) impl_->finish({.id = each, .state = State::expired}, at);
  auto& take = impl_->database.prepared("UPDATE message SET due = NULL WHERE id = ?");
  for (std::size_t i = before; i < out.size(); ++i) {
    take.run(out[i].id);
    impl_->move(*id, State::waiting, State::in_flight);
    impl_->hold(out[i].id, at + std::chrono::milliseconds(lease_for).count());
  }
}

void Messages::end(std::span<const Ending> endings, SystemTime now) {
  const std::int64_t at = to_millis(now);
  for (const Ending& ending : endings) impl_->finish(ending, at);
}

void Messages::postpone(std::span<const Postponed> postponed, SystemTime now) {
  auto& give_back = impl_->database.prepared(
      "UPDATE message SET due = ?, attempts = ?, rule = CASE WHEN ?3 = '' THEN rule ELSE ?3 END"
      " WHERE id = ? AND due IS NULL RETURNING project");
  for (const Postponed& each : postponed) {
    auto rows = give_back.rows(std::max(to_millis(each.due), to_millis(now)), each.attempts,
                               std::string_view(each.rule), each.id);
    if (!rows.next()) continue;
    impl_->move(rows.integer(0), State::in_flight, State::waiting);
    impl_->let_go(each.id);
  }
}

bool Messages::take_turns() noexcept {
  return std::exchange(impl_->turn_came, false);
}

Messages::Cancelled Messages::cancel(const std::string& project, MessageId id, SystemTime now) {
  const auto number = impl_->known_project(project);
  if (!number) return Cancelled::unknown_id;
  {
    auto rows = impl_->database.prepared("SELECT due FROM message WHERE id = ? AND project = ?")
                    .rows(id, *number);
    if (rows.next()) {
      if (rows.is_null(0)) return Cancelled::in_flight;
    } else {
      auto ended = impl_->database.prepared("SELECT 1 FROM ended WHERE id = ? AND project = ?")
                       .rows(id, *number);
      return ended.next() ? Cancelled::ended : Cancelled::unknown_id;
    }
  }
  impl_->finish({.id = id, .state = State::cancelled}, to_millis(now));
  return Cancelled::cancelled;
}

std::uint64_t Messages::cancel_all(const std::string& project, SystemTime now, std::size_t limit) {
  const auto number = impl_->known_project(project);
  if (!number) return 0;
  std::vector<MessageId> found;
  {
    auto rows =
        impl_->database
            .prepared("SELECT id FROM message WHERE project = ? AND due IS NOT NULL LIMIT ?")
            .rows(*number, limit);
    while (rows.next()) found.push_back(rows.integer(0));
  }
  for (const MessageId id : found) {
    impl_->finish({.id = id, .state = State::cancelled}, to_millis(now));
  }
  return found.size();
}

std::optional<MessageId> Messages::replay(const std::string& project, MessageId id,
                                          SystemTime now) {
  const auto number = impl_->known_project(project);
  if (!number) return std::nullopt;
  Submission again{.project = project, .messages = {}};
  {
    auto rows = impl_->database
                    .prepared(
                        "DELETE FROM dead WHERE id = ? AND project = ?"
                        " RETURNING kind, value, platform, message, flags")
                    .rows(id, *number);
    if (!rows.next()) return std::nullopt;
    again.messages.push_back({.target = {static_cast<TargetKind>(rows.integer(0)), rows.text(1)},
                              .platform = rows.text(2),
                              .message = rows.text(3)});
    const std::int64_t flags = rows.integer(4);
    again.on_unknown = (flags & flag_drop_unknown) != 0 ? OnUnknown::drop : OnUnknown::retry;
    again.validate_only = (flags & flag_validate_only) != 0;
  }
  {
    auto rows =
        impl_->database.prepared("SELECT priority, labels, trace FROM ended WHERE id = ?").rows(id);
    if (rows.next()) {
      again.priority = static_cast<Priority>(rows.integer(0));
      again.labels = rows.text(1);
      again.trace = rows.text(2);
    }
  }
  return accept(again, now).first;
}

const std::map<std::string, Books>& Messages::books() const noexcept {
  return impl_->books;
}

Books Messages::total() const noexcept {
  Books sum;
  for (const auto& [name, each] : impl_->books) {
    sum.accepted += each.accepted;
    for (std::size_t i = 0; i < state_count; ++i) sum.in[i] += each.in[i];
  }
  return sum;
}

}  // namespace fanfare::queue
