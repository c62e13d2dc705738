#include "registry/registry.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "registry/hash.h"
#include "registry/merge.h"
#include "registry/registry_impl.h"
#include "registry/schema.h"

namespace fanfare::registry {

using sqlite::Blob;
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
  device.platform = row.text(5);
  device.locale = row.text(6);
  device.app_version = row.text(7);
  device.tags = split_tags(row.text(8));
  device.last_seen = row.time(9);
  device.state = read_state(row.integer(10));
  device.rule = row.text(11);
  device.created = row.time(12);
  device.changed = row.time(13);
  device.last_accepted = read_accepted_stamp(row.text(15));
  if (!device.last_accepted) device.last_accepted = row.time(14);  // From before format 3.
  return device;
}

void Registry::Impl::add_event(DeviceId id, const Event& event,
                               std::optional<std::int64_t> campaign) {
  database
      .prepared(
          "INSERT INTO event (dev, at, from_state, to_state, cause, rule, evidence, campaign)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .run(id, event.at, static_cast<int>(event.from), static_cast<int>(event.to), event.cause,
           event.rule, event.evidence, campaign);
}

void Registry::Impl::set_state(DeviceId id, State state, std::string_view rule, SystemTime now) {
  database.prepared("UPDATE dev SET state = ?, rule = ?, changed = ? WHERE id = ?")
      .run(static_cast<int>(state), rule, now, id);
}

std::optional<State> Registry::Impl::state_of(DeviceId id) {
  auto rows = database.prepared("SELECT state FROM dev WHERE id = ?").rows(id);
  if (!rows.next()) return std::nullopt;
  return read_state(rows.integer(0));
}

DeviceId Registry::Impl::last_device() {
  auto rows = database.prepared("SELECT max(id) FROM dev").rows();
  return rows.next() ? rows.integer(0) : 0;
}

// Registering ---------------------------------------------------------------------------------

namespace {

std::string device_fault(const Device& device) {
  if (!is_registration(device.registration.kind)) {
    return fmt::format("a {} is not a device", to_string(device.registration.kind));
  }
  return registration_fault(device.registration.value);
}

// What the store would give back for it: times in milliseconds, tags without ';'.
Device as_stored(Device device) {
  if (device.last_seen)
    device.last_seen = sqlite::from_millis(sqlite::to_millis(*device.last_seen));
  if (!device.tags.empty()) device.tags = split_tags(join_tags(device.tags));
  if (device.state == State::active) device.rule.clear();
  return device;
}

std::optional<std::int64_t> user_key(const Device& device) {
  if (device.user.empty()) return std::nullopt;
  return user_hash(device.user);
}

class Upsert {
 public:
  Upsert(Registry::Impl& impl, SystemTime now, std::int64_t list)
      : impl_(impl), now_(now), list_(list) {}

  void take(const Device& incoming) {
    const auto hash = device_hash(incoming.registration.kind, incoming.registration.value);
    const Blob key{{hash.data(), hash.size()}};
    auto stored = find(key);
    const DeviceId id = stored ? refresh(*stored, as_stored(incoming)) : insert(key, incoming);
    if (list_ != 0) join_.run(list_, id);
  }
  [[nodiscard]] const UpsertCounts& counts() const { return counts_; }

 private:
  std::optional<Device> find(Blob key) {
    auto rows = find_.rows(key);
    if (!rows.next()) return std::nullopt;
    return read_device(rows);
  }

  // A device that comes from another store's export keeps its state: it is dead there too.
  DeviceId insert(Blob key, const Device& incoming) {
    const Device device = as_stored(incoming);
    std::optional<SystemTime> changed;
    if (device.state != State::active) changed = now_;
    insert_.run(key, device.project, static_cast<int>(device.registration.kind),
                device.registration.value, device.user, user_key(device), device.platform,
                device.locale, device.app_version, join_tags(device.tags), device.last_seen,
                static_cast<int>(device.state), device.rule, now_, changed);
    const DeviceId id = impl_.database.last_id();
    ++counts_.added;
    if (device.state != State::active) {
      impl_.add_event(id, {now_, State::active, device.state, "import", device.rule, {}}, {});
    }
    return id;
  }

  DeviceId refresh(const Device& stored, const Device& incoming) {
    const Merged merged = merge(stored, incoming, now_);
    const Device& device = merged.device;
    ++counts_.updated;
    if (merged.differs) {
      update_.run(device.project, device.user, user_key(device), device.platform, device.locale,
                  device.app_version, join_tags(device.tags), device.last_seen,
                  static_cast<int>(device.state), device.rule, device.changed, device.id);
    }
    if (merged.revived) {
      ++counts_.revived;
      impl_.add_event(device.id, {now_, stored.state, State::active, "import", {}, {}}, {});
    }
    return device.id;
  }

  Registry::Impl& impl_;
  SystemTime now_;
  std::int64_t list_;
  UpsertCounts counts_;
  Statement& find_ =
      impl_.database.prepared("SELECT " FANFARE_OWN_COLUMNS ", NULL FROM dev WHERE hash = ?");
  Statement& insert_ = impl_.database.prepared(
      "INSERT INTO dev (hash, project, kind, value, user, user_hash, platform, locale,"
      " app_version, tags, last_seen, state, rule, created, changed)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  Statement& update_ = impl_.database.prepared(
      "UPDATE dev SET project = ?, user = ?, user_hash = ?, platform = ?, locale = ?,"
      " app_version = ?, tags = ?, last_seen = ?, state = ?, rule = ?, changed = ? WHERE id = ?");
  Statement& join_ =
      impl_.database.prepared("INSERT OR IGNORE INTO list_member (list, dev) VALUES (?, ?)");
};

}  // namespace

Result<UpsertCounts> Registry::upsert(std::span<const Device> devices, SystemTime now,
                                      std::int64_t list) {
  for (const Device& device : devices) {
    if (auto fault = device_fault(device); !fault.empty()) {
      return fail(Error::Kind::usage, std::move(fault), "nothing was stored; leave the device out");
    }
  }
  return guarded([&] {
    Transaction transaction(impl_->database);
    Upsert upsert(*impl_, now, list);
    for (const Device& device : devices) upsert.take(device);
    transaction.commit();
    return upsert.counts();
  });
}

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

Result<std::optional<Device>> Registry::find(const Target& registration) {
  return guarded([&]() -> std::optional<Device> {
    const auto hash = device_hash(registration.kind, registration.value);
    auto rows =
        impl_->database.prepared("SELECT " FANFARE_DEVICE_COLUMNS " FROM dev WHERE hash = ?")
            .rows(Blob{{hash.data(), hash.size()}});
    if (!is_registration(registration.kind) || !rows.next()) return std::nullopt;
    return read_device(rows);
  });
}

Result<std::optional<Device>> Registry::find(const std::string& value) {
  auto token = find(Target{TargetKind::token, value});
  if (!token || *token) return token;
  return find(Target{TargetKind::fid, value});
}

Result<std::vector<Event>> Registry::history(DeviceId id) {
  return guarded([&] {
    std::vector<Event> events;
    auto rows = impl_->database
                    .prepared(
                        "SELECT at, from_state, to_state, cause, rule, evidence FROM event"
                        " WHERE dev = ? ORDER BY id")
                    .rows(id);
    while (rows.next()) {
      events.push_back({sqlite::from_millis(rows.integer(0)), read_state(rows.integer(1)),
                        read_state(rows.integer(2)), rows.text(3), rows.text(4), rows.text(5)});
    }
    return events;
  });
}

Result<Stats> Registry::stats() {
  return guarded([&] {
    Stats stats;
    const DeviceId last = impl_->last_device();
    auto& query = impl_->database.prepared(
        "SELECT state, platform, rule, count(*) FROM dev WHERE id > ? AND id <= ?"
        " GROUP BY state, platform, rule");
    for (DeviceId after = 0; after < last; after += id_window) {
      auto rows = query.rows(after, after + id_window);
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
                            const std::function<bool(const Device&)>& visit, SystemTime now) {
  const auto parsed = Filter::parse(filter, now);
  if (!parsed) return std::unexpected(parsed.error());
  return guarded([&] {
    const SqlCondition condition = parsed->sql();
    Statement query(impl_->database,
                    fmt::format("SELECT " FANFARE_DEVICE_COLUMNS
                                " FROM dev WHERE id > ? AND id <= ? AND ({}) ORDER BY id LIMIT ?",
                                condition.sql));
    bind_condition(query, 3, condition);
    const int limit_index = 3 + static_cast<int>(condition.values.size());
    constexpr std::size_t chunk_size = 1'000;
    query.bind(limit_index, chunk_size);

    std::vector<Device> chunk;
    const DeviceId last = impl_->last_device();
    for (DeviceId after = 0; after < last;) {
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
