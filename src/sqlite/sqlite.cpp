#include "sqlite/sqlite.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace fanfare::sqlite {

void count_no_memory() noexcept {
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

Error storage_error(int code, int system_error, const std::string& words,
                    const std::filesystem::path& path) {
  const auto make = [&](std::string_view pattern, std::string remedy) {
    return Error{Error::Kind::storage, fmt::format(fmt::runtime(pattern), path.string()),
                 std::move(remedy)};
  };
  // A full disk can also show while SQLite grows its shared-memory file, as an I/O error.
  const bool no_space = system_error == ENOSPC || system_error == EDQUOT;
  switch (no_space ? SQLITE_FULL : code & 0xff) {
    case SQLITE_FULL:
      return make("can't write the store {}: the disk is full",
                  "free some space and repeat; nothing was half-written");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make("the store {} is locked by another process",
                  "wait for the other fanfare to finish, or use another store");
    case SQLITE_READONLY:
      return make("can't write the store {}: the file or its folder is read-only",
                  "change its permissions, or choose a place that can be written");
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return make("can't open the store {}: the file, or a file beside it, can't be opened",
                  "check the permissions of the file and its folder");
    case SQLITE_CORRUPT:
      return make("the store {} is damaged",
                  "restore it from a copy, or save what can be read with sqlite3's .recover");
    case SQLITE_INTERRUPT:
      return make("the work on {} was interrupted", "start it again; nothing was half-written");
    case SQLITE_NOTADB:
      return make("{} is not a Fanfare store", "check the path; nothing was changed");
    default:
      break;
  }
  const std::string cause =
      system_error == 0 ? words : fmt::format("{} ({})", words, std::strerror(system_error));
  return {Error::Kind::storage, fmt::format("the store {} failed: {}", path.string(), cause),
          "check the disk and the file system it is on"};
}

std::int64_t to_millis(SystemTime time) noexcept {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

SystemTime from_millis(std::int64_t millis) noexcept {
  return SystemTime(std::chrono::milliseconds(millis));
}

Statement::Statement(Database& database, std::string_view sql) : database_(&database) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  handle_.reset(handle);
  check(code);
}

void Statement::bind(int index, std::string_view value, sqlite3_destructor_type copy) {
  // A null pointer would bind NULL instead of an empty text.
  const char* data = value.data() == nullptr ? "" : value.data();
  check(sqlite3_bind_text64(handle_.get(), index, data, value.size(), copy, SQLITE_UTF8));
}

void Statement::bind(int index, Blob value, sqlite3_destructor_type copy) {
  const char* data = value.bytes.data() == nullptr ? "" : value.bytes.data();
  check(sqlite3_bind_blob64(handle_.get(), index, data, value.bytes.size(), copy));
}

void Statement::bind(int index, SystemTime value, sqlite3_destructor_type /*copy*/) {
  check(sqlite3_bind_int64(handle_.get(), index, to_millis(value)));
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  const int system_error = sqlite3_system_errno(database_->handle());
  // Before the reset, which replaces the words by its own.
  Error error =
      storage_error(code, system_error, sqlite3_errmsg(database_->handle()), database_->path());
  reset();
  throw Failure{std::move(error), code};
}

void Statement::finish() {
  while (step()) {
  }
  reset();
}

void Statement::check(int code) {
  if (code != SQLITE_OK) database_->raise(code);
}

std::int64_t Statement::Rows::integer(int column) const {
  return sqlite3_column_int64(statement_->handle_.get(), column);
}

std::uint64_t Statement::Rows::count(int column) const {
  return static_cast<std::uint64_t>(integer(column));
}

double Statement::Rows::real(int column) const {
  return sqlite3_column_double(statement_->handle_.get(), column);
}

bool Statement::Rows::is_null(int column) const {
  return sqlite3_column_type(statement_->handle_.get(), column) == SQLITE_NULL;
}

std::string Statement::Rows::text(int column) const {
  return std::string(view(column));
}

std::string_view Statement::Rows::view(int column) const {
  sqlite3_stmt* handle = statement_->handle_.get();
  const void* data = sqlite3_column_blob(handle, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(handle, column))};
}

std::optional<SystemTime> Statement::Rows::time(int column) const {
  if (is_null(column)) return std::nullopt;
  return from_millis(integer(column));
}

Database::Database(const std::filesystem::path& path, int flags) : path_(path) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) raise(code);
}

// The statements go first: a database that still has some is closed only with the last of them.
Database::~Database() {
  kept_.clear();
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise(code);
}

std::int64_t Database::integer(const char* sql) {
  Statement statement(*this, sql);
  auto rows = statement.rows();
  return rows.next() ? rows.integer(0) : 0;
}

Statement& Database::prepared(const char* literal) {
  const auto known = kept_.find(literal);
  if (known != kept_.end()) return known->second;
  return kept_.emplace(literal, Statement(*this, literal)).first->second;
}

std::int64_t Database::changes() const noexcept {
  return sqlite3_changes64(handle_.get());
}

std::int64_t Database::last_id() const noexcept {
  return sqlite3_last_insert_rowid(handle_.get());
}

void Database::raise(int code) const {
  const int system_error = handle_ ? sqlite3_system_errno(handle_.get()) : 0;
  const std::string words = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
  throw Failure{storage_error(code, system_error, words, path_), code};
}

Transaction::Transaction(Database& database) : database_(&database) {
  database.prepared("BEGIN IMMEDIATE").run();
}

Transaction::~Transaction() {
  // After some failures SQLite has rolled back by itself; asking again is an error we don't need.
  if (open_ && sqlite3_get_autocommit(database_->handle()) == 0) {
    sqlite3_exec(database_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() {
  database_->prepared("COMMIT").run();
  open_ = false;
}

}  // namespace fanfare::sqlite
