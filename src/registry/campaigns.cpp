// Registry: audiences, campaigns and what is recorded of them.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "registry/evidence.h"
#include "registry/hash.h"
#include "registry/keys.h"
#include "registry/registry_impl.h"

namespace fanfare::registry {

using sqlite::Blob;
using sqlite::guarded;
using sqlite::Statement;
using sqlite::Transaction;

// Audiences -----------------------------------------------------------------------------------

namespace {

// Condition and source of an audience; parameters are bound in the order in which they stand.
struct AudienceSql {
  std::string from;             // Tables and condition, up to the range of ids.
  SqlCondition rest;            // Condition behind it.
  bool spares_retired = false;  // Those that are retired are left out besides.
  bool is_whole_fleet = false;  // Of its project, but for these.
};

// Most audiences are all but the retired, or some of these. To walk over those that are not active
// beside the devices is far cheaper than to look for each device among them.
Result<AudienceSql> audience_sql(const Audience& audience) {
  // Ages were turned into dates by make_audience, so no clock is needed to read it again.
  const auto filter = Filter::parse(audience.filter, SystemTime{}, max_normal_filter_bytes);
  if (!filter) return std::unexpected(filter.error());
  const auto of_not_retired = audience.list == 0 ? filter->of_not_retired() : std::nullopt;
  const Filter& rest = of_not_retired ? *of_not_retired : *filter;
  AudienceSql sql{.from = {},
                  .rest = rest.sql(),
                  .spares_retired = of_not_retired.has_value(),
                  .is_whole_fleet = of_not_retired && rest.is_all()};
  const char* const devices = rest.names_standing() ? "device" : "dev AS device";
  if (audience.list != 0) {
    // The members are walked, and each device looked up; never the other way round.
    sql.from = fmt::format(
        "list_member CROSS JOIN {} WHERE device.id = list_member.dev"
        " AND list_member.list = ? AND list_member.dev > ? AND list_member.dev <= ?",
        devices);
  } else {
    sql.from = fmt::format("{} WHERE project IN (?, '') AND id > ? AND id <= ?", devices);
  }
  return sql;
}

void bind_audience(Statement& statement, const Audience& audience, const SqlCondition& condition) {
  if (audience.list != 0) {
    statement.bind(1, audience.list);
  } else {
    statement.bind(1, std::string_view(audience.project));
  }
  bind_condition(statement, 4, condition);
}

// Over an earlier one, whose strings' memory is used again; as an active one.
void read_receiver_into(Receiver& receiver, const Statement::Rows& row) {
  receiver.id = row.integer(0);
  receiver.registration.kind = static_cast<TargetKind>(row.integer(1));
  receiver.registration.value = row.view(2);
  receiver.platform = row.view(3);
  receiver.state = State::active;
  receiver.suspected_by.clear();
}

Receiver read_receiver(const Statement::Rows& row) {
  Receiver receiver;
  read_receiver_into(receiver, row);
  receiver.state = read_state(row.integer(4));
  receiver.suspected_by = row.view(5);
  return receiver;
}

// Those that are not active, beside a walk over devices in the order of their ids.
class NotActive {
 public:
  NotActive(sqlite::Database& database, DeviceId after, DeviceId last)
      : rows_(database
                  .prepared("SELECT dev, state, rule FROM standing"
                            " WHERE dev > ? AND dev <= ? AND state <> 0 ORDER BY dev")
                  .rows(after, last)) {
    advance();
  }

  void tell(Receiver& receiver) {
    while (next_ < receiver.id) advance();
    if (next_ != receiver.id) return;
    receiver.state = read_state(rows_.integer(1));
    receiver.suspected_by = rows_.view(2);
  }

 private:
  void advance() { next_ = rows_.next() ? rows_.integer(0) : std::numeric_limits<DeviceId>::max(); }

  Statement::Rows rows_;
  DeviceId next_ = 0;
};

// `query` counts the devices of an audience with ids above its second parameter, up to its third.
std::uint64_t count_in_windows(Statement& query, DeviceId last) {
  std::uint64_t count = 0;
  for (DeviceId after = 0; after < last; after += id_window) {
    query.bind(2, after);
    query.bind(3, std::min(after + id_window, last));
    auto rows = query.rows();
    if (rows.next()) count += rows.count(0);
  }
  return count;
}

// The audience of most campaigns is about to be read to its end: what is stored of its size spares
// it the first time.
std::uint64_t fleet_size(sqlite::Database& database, const std::string& project) {
  auto rows =
      database.prepared("SELECT ifnull(sum(devices), 0) FROM fleet WHERE project IN (?, '')")
          .rows(project);
  return rows.next() ? rows.count(0) : 0;
}

std::uint64_t count_audience(sqlite::Database& database, const Audience& audience,
                             const AudienceSql& sql) {
  const auto count = [&](std::string_view from) {
    Statement query(database, fmt::format("SELECT count(*) FROM {} AND ({})", from, sql.rest.sql));
    bind_audience(query, audience, sql.rest);
    return count_in_windows(query, audience.last_id);
  };
  const std::uint64_t all =
      sql.is_whole_fleet ? fleet_size(database, audience.project) : count(sql.from);
  if (!sql.spares_retired) return all;
  const std::uint64_t retired = count(
      "standing CROSS JOIN dev AS device WHERE device.id = standing.dev AND project IN (?, '')"
      " AND standing.dev > ? AND standing.dev <= ? AND state = 2");
  return all - std::min(all, retired);  // Some may be purged while this counts.
}

}  // namespace

Result<Audience> Registry::make_audience(const std::string& filter, std::int64_t list,
                                         const std::string& project, SystemTime now) {
  const auto parsed = Filter::parse(filter, now);
  if (!parsed) return std::unexpected(parsed.error());
  Audience audience{.filter = parsed->text(), .list = list, .project = project};
  if (list == 0 && !parsed->names_state()) {
    audience.filter = fmt::format("not state:retired and ({})", audience.filter);
  }
  const auto sql = audience_sql(audience);
  if (!sql) return std::unexpected(sql.error());

  return guarded([&] {
    audience.last_id = impl_->last_device();
    audience.count = count_audience(impl_->database, audience, *sql);
    return audience;
  });
}

Result<void> Registry::next_receivers(const Audience& audience, DeviceId after, std::size_t limit,
                                      std::vector<Receiver>& out) {
  const auto sql = audience_sql(audience);
  if (!sql) return std::unexpected(sql.error());
  return guarded([&] {
    std::string text =
        fmt::format("SELECT id, kind, value, platform FROM {} AND ({}) ORDER BY {}", sql->from,
                    sql->rest.sql, audience.list != 0 ? "list_member.dev" : "id");
    auto& kept = impl_->audience_query;
    if (!kept || kept->sql != text) {
      Statement statement(impl_->database, text);
      kept.emplace(std::move(text), std::move(statement));
    }
    Statement& query = kept->statement;
    bind_audience(query, audience, sql->rest);

    std::size_t count = 0;
    while (after < audience.last_id && count < limit) {
      const DeviceId window_end = std::min(after + id_window, audience.last_id);
      query.bind(2, after);
      query.bind(3, window_end);
      auto rows = query.rows();
      // In one view of the store: the walk over the devices has begun.
      if (rows.next()) {
        NotActive not_active(impl_->database, after, window_end);
        do {
          if (count == out.size()) out.emplace_back();
          Receiver& receiver = out[count];
          read_receiver_into(receiver, rows);
          not_active.tell(receiver);
          if (!sql->spares_retired || receiver.state != State::retired) ++count;
        } while (count < limit && rows.next());
      }
      after = window_end;
    }
    out.resize(count);
  });
}

Result<std::vector<Receiver>> Registry::devices_of(const std::string& user,
                                                   const std::string& project) {
  return guarded([&] {
    std::vector<Receiver> found;
    auto rows = impl_->database
                    .prepared("SELECT id, kind, value, platform, state, rule FROM device"
                              " WHERE " FANFARE_KEYED_IN("key_user") " AND user = ?"
                              " AND project IN (?, '') AND state <> 2")
                    .rows(text_hash(user), std::string_view(user), std::string_view(project));
    while (rows.next()) found.push_back(read_receiver(rows));
    return found;
  });
}

Result<bool> Registry::any_device() {
  return guarded([&] {
    auto rows = impl_->database.prepared("SELECT 1 FROM dev LIMIT 1").rows();
    return rows.next();
  });
}

// Campaigns -----------------------------------------------------------------------------------

namespace {

// A rule that was counted once stays counted, so there is none to delete.
void write_rules(sqlite::Database& database, const Campaign& campaign) {
  auto& write = database.prepared(
      "INSERT OR REPLACE INTO campaign_rule (campaign, rule, count) VALUES (?, ?, ?)");
  for (const auto& [rule, count] : campaign.counts.by_rule) write.run(campaign.id, rule, count);
}

Campaign::State read_campaign_state(std::int64_t number) noexcept {
  switch (number) {
    case 0:
      return Campaign::State::running;
    case 1:
      return Campaign::State::finished;
    default:
      return Campaign::State::stopped;
  }
}

Campaign read_campaign(const Statement::Rows& row) {
  Campaign campaign;
  campaign.id = row.integer(0);
  campaign.state = read_campaign_state(row.integer(1));
  campaign.project = row.text(2);
  campaign.message = row.text(3);
  campaign.validate_only = row.integer(4) != 0;
  campaign.audience = {.filter = row.text(5),
                       .list = row.integer(6),
                       .project = row.text(7),
                       .last_id = row.integer(8),
                       .count = row.count(9)};
  campaign.cursor = row.integer(10);
  campaign.done = row.text(11);
  campaign.counts = {.accepted = row.count(12),
                     .retired = row.count(13),
                     .failed = row.count(14),
                     .unknown = row.count(15),
                     .retries = row.count(16),
                     .by_rule = {}};
  campaign.report_bytes = row.count(17);
  campaign.started = sqlite::from_millis(row.integer(18));
  campaign.steered = row.integer(19) != 0;
  return campaign;
}

}  // namespace

Result<void> Registry::add_campaign(Campaign& campaign) {
  return guarded([&] {
    const Audience& audience = campaign.audience;
    const CampaignCounts& counts = campaign.counts;
    Transaction transaction(impl_->database);
    impl_->database
        .prepared(
            "INSERT INTO campaign (state, project, message, validate_only, filter, list,"
            " audience_project, last_id, audience_count, cursor, done, accepted, retired,"
            " failed, unknown, retries, report_bytes, started, steered)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .run(static_cast<int>(campaign.state), campaign.project, campaign.message,
             campaign.validate_only, audience.filter, audience.list, audience.project,
             audience.last_id, audience.count, campaign.cursor, Blob{campaign.done},
             counts.accepted, counts.retired, counts.failed, counts.unknown, counts.retries,
             campaign.report_bytes, campaign.started, campaign.steered);
    const std::int64_t id = impl_->database.last_id();
    Campaign stored = campaign;
    stored.id = id;
    write_rules(impl_->database, stored);
    transaction.commit();
    campaign.id = id;
  });
}

Result<std::optional<Campaign>> Registry::latest_campaign() {
  return guarded([&] {
    return impl_->campaign_of(
        impl_->database.integer("SELECT ifnull(max(id), 0) FROM campaign WHERE steered = 0"));
  });
}

Result<std::optional<Campaign>> Registry::find_campaign(std::int64_t id) {
  return guarded([&] { return impl_->campaign_of(id); });
}

std::optional<Campaign> Registry::Impl::campaign_of(std::int64_t id) {
  auto rows = database
                  .prepared(
                      "SELECT id, state, project, message, validate_only, filter, list,"
                      " audience_project, last_id, audience_count, cursor, done, accepted,"
                      " retired, failed, unknown, retries, report_bytes, started, steered"
                      " FROM campaign WHERE id = ?")
                  .rows(id);
  if (!rows.next()) return std::nullopt;
  Campaign campaign = read_campaign(rows);
  auto rules = database.prepared("SELECT rule, count FROM campaign_rule WHERE campaign = ?")
                   .rows(campaign.id);
  while (rules.next()) campaign.counts.by_rule[rules.text(0)] = rules.count(1);
  return campaign;
}

Result<void> Registry::next_retries(std::int64_t campaign, DeviceId after, std::size_t limit,
                                    std::vector<RetryRow>& out) {
  return guarded([&] {
    auto rows = impl_->database
                    .prepared(
                        "SELECT id, kind, value, platform, state, rule, attempts, due"
                        " FROM retry_row CROSS JOIN device WHERE device.id = retry_row.dev"
                        " AND campaign = ? AND retry_row.dev > ?"
                        " ORDER BY retry_row.dev LIMIT ?")
                    .rows(campaign, after, limit);
    while (rows.next()) {
      out.push_back({read_receiver(rows), static_cast<int>(rows.integer(6)),
                     sqlite::from_millis(rows.integer(7))});
    }
  });
}

Result<std::optional<Probe>> Registry::latest_probe(DeviceId id) {
  return guarded([&]() -> std::optional<Probe> {
    auto rows = impl_->database.prepared("SELECT at, rule FROM probe WHERE dev = ?").rows(id);
    if (!rows.next()) return std::nullopt;
    return Probe{id, sqlite::from_millis(rows.integer(0)), rows.text(1)};
  });
}

Result<std::uint64_t> Registry::probe_count(std::int64_t campaign) {
  return guarded([&]() -> std::uint64_t {
    auto rows =
        impl_->database.prepared("SELECT count(*) FROM probe WHERE campaign = ?").rows(campaign);
    return rows.next() ? rows.count(0) : 0;
  });
}

Result<std::vector<Failed>> Registry::failed_of(std::int64_t campaign, DeviceId after,
                                                std::size_t limit) {
  return guarded([&] {
    std::vector<Failed> found;
    auto rows = impl_->database
                    .prepared(
                        "SELECT id, campaign_failed.rule, kind, value, platform"
                        " FROM campaign_failed CROSS JOIN device"
                        " WHERE device.id = campaign_failed.dev"
                        " AND campaign_failed.campaign = ? AND campaign_failed.dev > ?"
                        " AND state <> 2 ORDER BY campaign_failed.dev LIMIT ?")
                    .rows(campaign, after, limit);
    while (rows.next()) {
      found.push_back({.id = rows.integer(0),
                       .rule = rows.text(1),
                       .registration = {static_cast<TargetKind>(rows.integer(2)), rows.text(3)},
                       .platform = rows.text(4)});
    }
    return found;
  });
}

Result<std::uint64_t> Registry::forget_failed(std::int64_t campaign, DeviceId last) {
  return guarded([&] {
    Transaction transaction(impl_->database);
    impl_->database.prepared("DELETE FROM campaign_failed WHERE campaign = ? AND dev <= ?")
        .run(campaign, last);
    std::uint64_t left = 0;
    {
      auto rows = impl_->database
                      .prepared(
                          "SELECT count(*) FROM campaign_failed CROSS JOIN device"
                          " WHERE device.id = campaign_failed.dev AND campaign = ? AND state <> 2")
                      .rows(campaign);
      if (rows.next()) left = rows.count(0);
    }
    transaction.commit();
    return left;
  });
}

// Recording -----------------------------------------------------------------------------------

namespace {

class Recorder {
 public:
  Recorder(Registry::Impl& impl, const Campaign& campaign, SystemTime at)
      : impl_(impl), campaign_(campaign), at_(at) {}

  /// The campaign that an event is part of; none has the id 0.
  [[nodiscard]] std::optional<std::int64_t> part_of() const {
    return campaign_.id == 0 ? std::nullopt : std::optional(campaign_.id);
  }

  void update_campaign() {
    const CampaignCounts& counts = campaign_.counts;
    impl_.database
        .prepared(
            "UPDATE campaign SET state = ?, cursor = ?, done = ?, accepted = ?, retired = ?,"
            " failed = ?, unknown = ?, retries = ?, report_bytes = ? WHERE id = ?")
        .run(static_cast<int>(campaign_.state), campaign_.cursor, Blob{campaign_.done},
             counts.accepted, counts.retired, counts.failed, counts.unknown, counts.retries,
             campaign_.report_bytes, campaign_.id);
    if (impl_.database.changes() == 0) {
      throw sqlite::Failure{{Error::Kind::usage,
                             fmt::format("the store has no campaign {}", campaign_.id),
                             "start the campaign again"}};
    }
    write_rules(impl_.database, campaign_);
  }

  void accepted(std::vector<DeviceId> ids) {
    std::ranges::sort(ids);
    for (auto begin = ids.begin(); begin != ids.end();) {
      const DeviceId number = AcceptedBlock::number_of(*begin);
      const auto end = std::find_if(
          begin, ids.end(), [&](DeviceId id) { return AcceptedBlock::number_of(id) != number; });
      const std::span<const DeviceId> together(begin, end);
      stamp(number, together);
      for (const DeviceId id : not_active_among(together)) revive(id);
      begin = end;
    }
  }

  void changed(const Change& change) {
    if (retire_active(change)) return add_event(change, State::active, State::retired);
    const auto from = impl_.state_of(change.id);
    if (!from) return;
    const State to = believed(change, *from);
    add_event(change, *from, to);
    if (to != *from) {
      impl_.set_state(change.id, to, to == State::active ? "" : change.rule, at_);
    } else if (to != State::active) {
      rule_.run(change.rule, change.id);
    }
  }

  void failed(const Failed& failed) {
    impl_.database
        .prepared("INSERT OR REPLACE INTO campaign_failed (campaign, dev, rule) VALUES (?, ?, ?)")
        .run(campaign_.id, failed.id, failed.rule);
  }

  void waits(const RetryRow& row) {
    wait_.run(campaign_.id, row.receiver.id, row.attempts, row.due);
  }
  void settled(DeviceId id) { settle_.run(campaign_.id, id); }
  void probed(const Probe& probe) { probe_.run(probe.id, probe.at, campaign_.id, probe.rule); }

 private:
  void add_event(const Change& change, State from, State to) {
    impl_.add_event(change.id,
                    {at_, from, to, "verdict", change.rule, bounded_evidence(change.evidence)},
                    part_of());
  }

  // The usual change, in one statement; false, with nothing done, when it is another.
  bool retire_active(const Change& change) {
    if (change.to != State::retired || anything_holds()) return false;
    retire_active_.run(change.id, change.rule, at_);
    return impl_.database.changes() > 0;
  }

  // A suspicion must not soften a verdict; only pull_brake and a person do that.
  State believed(const Change& change, State from) {
    if (from == State::retired) {
      return change.to == State::suspect ? State::retired : change.to;
    }
    if (change.to == State::retired && anything_holds() &&
        impl_.is_braked(change.id, change.rule, campaign_)) {
      return State::suspect;
    }
    return change.to;
  }

  // Asked once: within our transaction nobody else adds any.
  bool anything_holds() {
    if (!anything_holds_) anything_holds_ = impl_.any_brake_or_canary();
    return *anything_holds_;
  }

  // The time of a purged device does no harm: its id is not given again.
  void stamp(DeviceId number, std::span<const DeviceId> ids) {
    AcceptedBlock block(stored_block(number));
    for (const DeviceId id : ids) block.set(id, at_);
    write_block_.run(number, Blob{block.bytes()});
  }

  std::string stored_block(DeviceId number) {
    auto rows = read_block_.rows(number);
    return rows.next() ? rows.text(0) : std::string();
  }

  // `ids` rise. Read to the end before anything is changed: it would change under the reader.
  std::vector<DeviceId> not_active_among(std::span<const DeviceId> ids) {
    std::vector<DeviceId> found;
    auto rows = not_active_.rows(ids.front(), ids.back());
    while (rows.next()) {
      if (std::ranges::binary_search(ids, rows.integer(0))) found.push_back(rows.integer(0));
    }
    return found;
  }

  // FCM is the authority: it took a message for a device that we had given up.
  void revive(DeviceId id) {
    const auto state = impl_.state_of(id);
    if (!state) return;
    impl_.set_state(id, State::active, {}, at_);
    impl_.add_event(id,
                    {at_,
                     *state,
                     State::active,
                     "verdict",
                     {},
                     campaign_.id == 0
                         ? std::string(R"({"verdict":"accepted"})")
                         : fmt::format(R"({{"verdict":"accepted","campaign":{}}})", campaign_.id)},
                    part_of());
  }

  Registry::Impl& impl_;
  const Campaign& campaign_;
  SystemTime at_;
  std::optional<bool> anything_holds_;
  Statement& read_block_ = impl_.database.prepared("SELECT times FROM accepted WHERE block = ?");
  Statement& write_block_ =
      impl_.database.prepared("INSERT OR REPLACE INTO accepted (block, times) VALUES (?, ?)");
  // Most of a fleet is active: to ask for the others among these ids is far cheaper than to look
  // at the row of each.
  Statement& not_active_ = impl_.database.prepared(
      "SELECT dev FROM standing WHERE dev >= ? AND dev <= ? AND state <> 0");
  Statement& retire_active_ = impl_.database.prepared(
      "INSERT INTO standing (dev, state, rule, changed)"
      " SELECT ?1, 2, ?2, ?3 WHERE EXISTS (SELECT 1 FROM dev WHERE id = ?1) ON CONFLICT"
      " DO UPDATE SET state = 2, rule = ?2, changed = ?3 WHERE state = 0");
  Statement& rule_ = impl_.database.prepared("UPDATE standing SET rule = ? WHERE dev = ?");
  Statement& wait_ = impl_.database.prepared(
      "INSERT OR REPLACE INTO retry_row (campaign, dev, attempts, due) VALUES (?, ?, ?, ?)");
  Statement& settle_ =
      impl_.database.prepared("DELETE FROM retry_row WHERE campaign = ? AND dev = ?");
  Statement& probe_ = impl_.database.prepared(
      "INSERT OR REPLACE INTO probe (dev, at, campaign, rule) VALUES (?, ?, ?, ?)");
};

}  // namespace

Result<void> Registry::apply(std::span<const Change> changes, SystemTime at) {
  return guarded([&] {
    Transaction transaction(impl_->database);
    const Campaign none;
    Recorder recorder(*impl_, none, at);
    for (const Change& change : changes) recorder.changed(change);
    transaction.commit();
  });
}

Result<void> Registry::record(const Campaign& campaign, const Progress& progress) {
  return guarded([&] {
    Transaction transaction(impl_->database);
    Recorder recorder(*impl_, campaign, progress.at);
    if (campaign.id != 0) recorder.update_campaign();
    recorder.accepted(progress.accepted);
    for (const Change& change : progress.changes) recorder.changed(change);
    // In this order: a device that waited and then came to its end within one batch is in both.
    for (const RetryRow& row : progress.waiting) recorder.waits(row);
    for (const DeviceId id : progress.settled) recorder.settled(id);
    for (const Probe& probe : progress.probes) recorder.probed(probe);
    for (const Failed& failed : progress.failed) recorder.failed(failed);
    impl_->add_counts(campaign.project, progress.answers);
    transaction.commit();
  });
}

}  // namespace fanfare::registry
