#include "registry/registry.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "registry/evidence.h"
#include "registry/hash.h"
#include "registry/registry_impl.h"
#include "registry/schema.h"

namespace fanfare::registry {

using sqlite::guarded;
using sqlite::Statement;
using sqlite::Transaction;

// Opening -------------------------------------------------------------------------------------

namespace {

std::unexpected<Error> refuse(const std::filesystem::path& path, std::string_view why,
                              std::string remedy) {
  return fail(Error::Kind::storage, fmt::format("can't open the store {}: {}", path.string(), why),
              std::move(remedy));
}

// SQLite says "unable to open" to all of these; a person needs to know which it is.
Result<void> check_path(const std::filesystem::path& path, OpenOptions::Mode mode) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return refuse(path, "it is a folder", "name a file in it, such as fanfare.db");
  }
  if (std::filesystem::exists(path, ignored)) return {};
  if (mode != OpenOptions::Mode::create) {
    return refuse(path, "there is no such file",
                  "check the path, or import devices first: fanfare devices import FILE");
  }
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder, ignored)) {
    return refuse(path, fmt::format("there is no folder {}", folder.string()),
                  "make the folder first, or check the path");
  }
  return {};
}

void configure(sqlite::Database& database, const OpenOptions& options) {
  // 40 MB of log between checkpoints: an import dirties pages of the hash index at random, and
  // each is then written back once for many batches. The file is cut to its limit afterwards, so
  // that one large transaction does not keep its size for ever.
  database.execute("PRAGMA wal_autocheckpoint = 10000");
  database.execute("PRAGMA journal_size_limit = 67108864");
  database.execute("PRAGMA trusted_schema = OFF");
  database.execute(options.durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  // Work lists of purge and of the brake; they belong to this connection alone.
  database.execute(
      "CREATE TEMP TABLE purged (id INTEGER PRIMARY KEY);"
      "CREATE TEMP TABLE braked (id INTEGER PRIMARY KEY);");
  const std::string cache = fmt::format("PRAGMA cache_size = -{}", options.cache_bytes / 1024 + 1);
  database.execute(cache.c_str());
}

int open_flags(OpenOptions::Mode mode) {
  switch (mode) {
    case OpenOptions::Mode::create:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case OpenOptions::Mode::existing:
      return SQLITE_OPEN_READWRITE;
    case OpenOptions::Mode::read_only:
      return SQLITE_OPEN_READONLY;
  }
  return SQLITE_OPEN_READONLY;
}

// SQLite quietly opens a file it may not write for reading; the first change would fail then,
// which for a campaign is after the first message.
void require_writable(const sqlite::Database& database) {
  if (sqlite3_db_readonly(database.handle(), "main") != 0) database.raise(SQLITE_READONLY);
}

}  // namespace

void own_process() noexcept {
  sqlite::count_no_memory();
}

Registry::Registry(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;
Registry::~Registry() = default;

Result<Registry> Registry::open(const std::filesystem::path& path, OpenOptions options) {
  if (auto checked = check_path(path, options.mode); !checked) {
    return std::unexpected(checked.error());
  }
  return guarded([&] {
    auto impl = std::make_unique<Impl>(path, open_flags(options.mode));
    const bool may_write = options.mode != OpenOptions::Mode::read_only;
    if (may_write) require_writable(impl->database);
    sqlite3_busy_timeout(impl->database.handle(), static_cast<int>(options.lock_wait.count()));
    prepare_store(impl->database, options.mode == OpenOptions::Mode::create, may_write,
                  options.lock_wait);
    configure(impl->database, options);
    return Registry(std::move(impl));
  });
}

// Rows ----------------------------------------------------------------------------------------

State read_state(std::int64_t number) noexcept {
  switch (number) {
    case 0:
      return State::active;
    case 1:
      return State::suspect;
    default:
      return State::retired;
  }
}

Device read_device(const Statement::Rows& row) {
  Device device;
  device.id = row.integer(0);
  device.registration = {static_cast<TargetKind>(row.integer(1)), row.text(2)};
  device.project = row.text(3);
  device.user = row.text(4);
  device.installation = row.text(5);
  device.platform = row.text(6);
  device.locale = row.text(7);
  device.time_zone = row.text(8);
  device.app_version = row.text(9);
  device.tags = split_tags(row.text(10));
  device.last_seen = row.time(11);
  device.state = read_state(row.integer(12));
  device.rule = row.text(13);
  device.created = row.time(14);
  device.refreshed = row.time(15);
  device.changed = row.time(16);
  device.last_accepted = read_accepted_stamp(row.text(17));
  return device;
}

void Registry::Impl::add_event(DeviceId id, const Event& event,
                               std::optional<std::int64_t> campaign) {
  const PackedEvidence evidence(event.evidence);
  database
      .prepared(
          "INSERT INTO event (dev, at, from_state, to_state, cause, rule, evidence, packed, "
          "campaign)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(id, event.at, static_cast<int>(event.from), static_cast<int>(event.to), event.cause,
           event.rule, evidence.text(), evidence.bytes(), campaign);
}

void Registry::Impl::set_state(DeviceId id, State state, std::string_view rule, SystemTime now) {
  database
      .prepared("INSERT OR REPLACE INTO standing (dev, state, rule, changed) VALUES (?, ?, ?, ?)")
      .run(id, static_cast<int>(state), rule, now);
}

std::optional<State> Registry::Impl::state_of(DeviceId id) {
  auto rows = database.prepared("SELECT state FROM device WHERE id = ?").rows(id);
  if (!rows.next()) return std::nullopt;
  return read_state(rows.integer(0));
}

void Registry::Impl::count_fleet(const FleetChange& change) {
  auto& add = database.prepared(
      "INSERT INTO fleet (project, devices) VALUES (?1, ?2)"
      " ON CONFLICT DO UPDATE SET devices = devices + ?2");
  for (const auto& [project, devices] : change) {
    if (devices != 0) add.run(project, devices);
  }
}

DeviceId Registry::Impl::last_device() {
  auto rows = database.prepared("SELECT max(id) FROM dev").rows();
  return rows.next() ? rows.integer(0) : 0;
}

// Lists ---------------------------------------------------------------------------------------

Result<std::int64_t> Registry::make_list() {
  return guarded([&] {
    impl_->database.prepared("INSERT INTO list DEFAULT VALUES").run();
    return impl_->database.last_id();
  });
}

Result<void> Registry::drop_list(std::int64_t list) {
  return guarded([&] {
    Transaction transaction(impl_->database);
    impl_->database.prepared("DELETE FROM list_member WHERE list = ?").run(list);
    impl_->database.prepared("DELETE FROM list WHERE id = ?").run(list);
    transaction.commit();
  });
}

// Reading -------------------------------------------------------------------------------------

// By its key; else among those whose keys another process has not written yet.
Result<std::optional<Device>> Registry::find(const Target& registration) {
  if (!is_registration(registration.kind)) return std::nullopt;
  return guarded([&]() -> std::optional<Device> {
    const auto kind = static_cast<int>(registration.kind);
    auto rows = impl_->database
                    .prepared("SELECT " FANFARE_DEVICE_COLUMNS
                              " FROM key_registration CROSS JOIN device"
                              " WHERE device.id = key_registration.dev"
                              " AND hash = ? AND kind = ? AND value = ?")
                    .rows(registration_hash(registration.kind, registration.value), kind,
                          registration.value);
    if (rows.next()) return read_device(rows);
    auto unkeyed = impl_->database
                       .prepared("SELECT " FANFARE_DEVICE_COLUMNS
                                 " FROM device WHERE id > (SELECT up_to FROM keyed)"
                                 " AND kind = ? AND value = ?")
                       .rows(kind, registration.value);
    if (unkeyed.next()) return read_device(unkeyed);
    return std::nullopt;
  });
}

Result<std::optional<Device>> Registry::find(const std::string& value) {
  auto token = find(Target{TargetKind::token, value});
  if (!token || *token) return token;
  return find(Target{TargetKind::fid, value});
}

namespace {

void append_history(sqlite::Database& database, DeviceId id, const std::string& predecessor,
                    std::vector<Event>& events) {
  auto rows = database
                  .prepared(
                      "SELECT at, from_state, to_state, cause, rule, evidence, packed FROM event"
                      " WHERE dev = ? ORDER BY id")
                  .rows(id);
  while (rows.next()) {
    events.push_back({sqlite::from_millis(rows.integer(0)), read_state(rows.integer(1)),
                      read_state(rows.integer(2)), rows.text(3), rows.text(4),
                      stored_evidence(rows.text(5), rows.text(6)), predecessor});
  }
}

// The earlier registrations of a device, the nearest first; so many that nobody has had more.
std::vector<std::pair<DeviceId, std::string>> predecessors(sqlite::Database& database,
                                                           DeviceId id) {
  constexpr std::size_t most = 100;
  std::vector<std::pair<DeviceId, std::string>> found;
  auto& of = database.prepared(
      "SELECT dev.id, value FROM replaced CROSS JOIN dev ON dev.id = replaced.dev WHERE successor "
      "= ?");
  std::vector<DeviceId> open{id};
  while (!open.empty() && found.size() < most) {
    const DeviceId next = open.front();
    open.erase(open.begin());
    auto rows = of.rows(next);
    while (rows.next()) {
      const DeviceId earlier = rows.integer(0);
      // Two may have replaced each other in turn.
      const bool known = earlier == id || std::ranges::any_of(found, [&](const auto& other) {
                           return other.first == earlier;
                         });
      if (known) continue;
      found.emplace_back(earlier, rows.text(1));
      open.push_back(earlier);
    }
  }
  return found;
}

}  // namespace

Result<std::vector<Event>> Registry::history(DeviceId id) {
  return guarded([&] {
    std::vector<Event> events;
    for (const auto& [earlier, value] : predecessors(impl_->database, id)) {
      append_history(impl_->database, earlier, value, events);
    }
    append_history(impl_->database, id, {}, events);
    std::ranges::stable_sort(events, {}, &Event::at);
    return events;
  });
}

Result<Stats> Registry::stats(const std::optional<std::string>& project) {
  return guarded([&] {
    Stats stats;
    const DeviceId last = impl_->last_device();
    auto& query = impl_->database.prepared(
        "SELECT state, platform, rule, count(*) FROM device WHERE id > ?1 AND id <= ?2"
        " AND (?3 IS NULL OR project IN (?3, '')) GROUP BY state, platform, rule");
    for (DeviceId after = 0; after < last; after += id_window) {
      auto rows = query.rows(after, after + id_window, project);
      while (rows.next()) {
        const State state = read_state(rows.integer(0));
        const auto count = rows.count(3);
        stats.total += count;
        stats.by_state[std::string(to_string(state))] += count;
        if (state == State::active) {
          stats.by_platform[rows.text(1)] += count;
        } else {
          stats.by_rule[rows.text(2)] += count;
        }
      }
    }
    return stats;
  });
}

void bind_condition(Statement& statement, int first, const SqlCondition& condition) {
  for (const auto& value : condition.values) {
    std::visit([&](const auto& v) { statement.bind(first, v); }, value);
    ++first;
  }
}

Result<void> Registry::each(const std::string& filter,
                            const std::function<bool(const Device&)>& visit, SystemTime now,
                            DeviceId after) {
  const auto parsed = Filter::parse(filter, now);
  if (!parsed) return std::unexpected(parsed.error());
  return guarded([&] {
    const SqlCondition condition = parsed->sql();
    Statement query(
        impl_->database,
        fmt::format("SELECT " FANFARE_DEVICE_COLUMNS
                    " FROM device WHERE id > ? AND id <= ? AND ({}) ORDER BY id LIMIT ?",
                    condition.sql));
    bind_condition(query, 3, condition);
    const int limit_index = 3 + static_cast<int>(condition.values.size());
    constexpr std::size_t chunk_size = 1'000;
    query.bind(limit_index, chunk_size);

    std::vector<Device> chunk;
    const DeviceId last = impl_->last_device();
    while (after < last) {
      const DeviceId window_end = std::min(after + id_window, last);
      chunk.clear();
      {
        auto rows = query.rows(after, window_end);
        while (rows.next()) chunk.push_back(read_device(rows));
      }
      after = chunk.size() < chunk_size ? window_end : chunk.back().id;
      for (const Device& device : chunk) {
        if (!visit(device)) return;
      }
    }
  });
}

}  // namespace fanfare::registry
