#include "queue/store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "queue/schema.h"

namespace fanfare::queue {

using sqlite::Database;
using sqlite::Failure;

namespace {

[[noreturn]] void refuse(std::string what, std::string remedy) {
  throw Failure{{Error::Kind::storage, std::move(what), std::move(remedy)}};
}

// A log of some 16 MB is written back at a time, and cut to that when it has been.
constexpr const char* settings =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;"
    "PRAGMA journal_size_limit = 33554432; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF";

void configure(Database& database, const StoreOptions& options) {
  sqlite3_busy_timeout(database.handle(), static_cast<int>(options.lock_wait.count()));
  const std::string cache =
      fmt::format("PRAGMA cache_size = -{}", std::max<std::size_t>(1, options.cache_bytes / 1024));
  database.execute(cache.c_str());
}

// Says whose file it is before anything is written to it.
void make_or_check(Database& database, bool may_make) {
  const auto id = database.integer("PRAGMA application_id");
  const auto version = database.integer("PRAGMA user_version");
  const std::string path = database.path().string();
  if (id == 0 && version == 0 && database.integer("SELECT count(*) FROM sqlite_schema") == 0) {
    if (!may_make) refuse(fmt::format("{} is empty", path), "start the gateway once to make it");
    database.execute(settings);
    sqlite::Transaction transaction(database);
    database.execute(schema_sql);
    database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                 application_id, format_version)
                         .c_str());
    transaction.commit();
    return;
  }
  if (id != application_id) {
    refuse(fmt::format("{} is not a gateway's store", path), "check the path; nothing was changed");
  }
  if (version > format_version) {
    refuse(fmt::format("{} has format {}, which is newer than {}, the newest this program knows",
                       path, version, format_version),
           "use the newer program; nothing was changed");
  }
  if (may_make) database.execute(settings);
}

}  // namespace

// The kernel gives the lock back when the process dies.
class Store::OwnerLock {
 public:
  explicit OwnerLock(const std::filesystem::path& store) {
    const std::string path = store.string() + ".lock";
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) {
      refuse(fmt::format("can't create {}: {}", path, std::strerror(errno)),
             "choose a place that can be written");
    }
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd_);
      refuse(fmt::format("another gateway is using {}", store.string()),
             "stop it first, or give this one another store");
    }
  }
  OwnerLock(const OwnerLock&) = delete;
  OwnerLock& operator=(const OwnerLock&) = delete;
  ~OwnerLock() { ::close(fd_); }

 private:
  int fd_ = -1;
};

Store::Store(std::unique_ptr<OwnerLock> lock, std::unique_ptr<Database> database)
    : lock_(std::move(lock)), database_(std::move(database)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& path,
                                           const StoreOptions& options) {
  const bool own = options.mode == StoreOptions::Mode::own;
  return sqlite::guarded([&] {
    std::error_code unknown;
    if (!own && !std::filesystem::exists(path, unknown) && !unknown) {
      refuse(fmt::format("there is no store {}", path.string()),
             "check the path, or start the gateway once to make it");
    }
    auto lock = own ? std::make_unique<OwnerLock>(path) : nullptr;
    const int flags = own ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    auto database = std::make_unique<Database>(path, flags);
    configure(*database, options);
    // SQLite opens what can't be written as a reader, without a word.
    if (own && sqlite3_db_readonly(database->handle(), "main") == 1)
      database->raise(SQLITE_READONLY);
    make_or_check(*database, own);
    return std::unique_ptr<Store>(new Store(std::move(lock), std::move(database)));
  });
}

Result<void> Store::transact(const std::function<void()>& body) {
  bool committed = false;
  // Also told when something else than a Failure passes through.
  const auto tell = [&](const void*) {
    for (Participant* each : participants_) committed ? each->committed() : each->rolled_back();
  };
  const std::unique_ptr<const void, decltype(tell)> told(this, tell);
  return sqlite::guarded([&] {
    sqlite::Transaction transaction(*database_);
    body();
    for (Participant* each : participants_) each->before_commit();
    transaction.commit();
    committed = true;
  });
}

Result<void> Store::look(const std::function<void()>& body) {
  return sqlite::guarded([&] {
    const sqlite::Snapshot snapshot(*database_);
    body();
  });
}

void Store::enlist(Participant& participant) {
  participants_.push_back(&participant);
}

void Store::dismiss(Participant& participant) noexcept {
  std::erase(participants_, &participant);
}

Store::Space Store::space() const noexcept {
  Space space;
  std::error_code ignored;
  for (const char* suffix : {"", "-wal"}) {
    const auto bytes = std::filesystem::file_size(database_->path().string() + suffix, ignored);
    if (!ignored) space.used_bytes += bytes;
  }
  struct statvfs disk{};
  if (::statvfs(database_->path().c_str(), &disk) == 0) {
    space.free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  }
  return space;
}

}  // namespace fanfare::queue
