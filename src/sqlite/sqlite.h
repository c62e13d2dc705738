// SQLite, as our stores need it: a database, prepared statements that are kept, a transaction
// that rolls back unless it is committed.
//
// Inside this module a failing step throws Failure, so that a transaction of twenty statements
// reads as twenty lines and unwinding rolls it back. `guarded` turns it into a Result at the
// module's edge; nothing else may let it out.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include <sqlite3.h>

#include "fanfare/result.h"

#include "base/time_text.h"

namespace fanfare::sqlite {

/// SQLite counts each piece of memory that it takes, under one lock for the whole process, for
/// whoever may ask; nobody here does. Has an effect before the first Database only.
void count_no_memory() noexcept;

/// A storage error on its way to the module's edge.
struct Failure {
  Error error;
  int code = SQLITE_OK;  ///< SQLite's extended result code; SQLITE_OK: not SQLite's complaint.
};

/// The error for what SQLite says of the file at `path`: locked, full, read-only, damaged, …
/// `code` is an extended result code, `system_error` the errno behind it or 0.
[[nodiscard]] Error storage_error(int code, int system_error, const std::string& words,
                                  const std::filesystem::path& path);

/// Times are kept as milliseconds since 1970.
[[nodiscard]] std::int64_t to_millis(SystemTime time) noexcept;
[[nodiscard]] SystemTime from_millis(std::int64_t millis) noexcept;

struct Blob {
  std::string_view bytes;
};

class Database;

/// A prepared statement. Parameters are bound in order, from the first.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);

  /// Rows of one execution; the statement is reset when it goes out of scope.
  class Rows {
   public:
    explicit Rows(Statement& statement) : statement_(&statement) {}
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;
    ~Rows() { statement_->reset(); }

    [[nodiscard]] bool next() { return statement_->step(); }
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::uint64_t count(int column) const;
    [[nodiscard]] double real(int column) const;
    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] std::string text(int column) const;
    /// The same without a copy; valid until the next row.
    [[nodiscard]] std::string_view view(int column) const;
    [[nodiscard]] std::optional<SystemTime> time(int column) const;

   private:
    Statement* statement_;
  };

  /// Binds copies of the values and starts the statement.
  template <class... Values>
  [[nodiscard]] Rows rows(const Values&... values) {
    int index = 0;
    (bind(++index, values, SQLITE_TRANSIENT), ...);
    return Rows(*this);
  }

  /// Binds the values without copying them, and runs the statement to its end.
  template <class... Values>
  void run(const Values&... values) {
    int index = 0;
    (bind(++index, values, SQLITE_STATIC), ...);
    finish();
  }

  template <std::integral T>
  void bind(int index, T value, sqlite3_destructor_type /*copy*/ = SQLITE_TRANSIENT) {
    check(sqlite3_bind_int64(handle_.get(), index, static_cast<sqlite3_int64>(value)));
  }
  void bind(int index, double value, sqlite3_destructor_type /*copy*/ = SQLITE_TRANSIENT) {
    check(sqlite3_bind_double(handle_.get(), index, value));
  }
  void bind(int index, std::string_view value, sqlite3_destructor_type copy = SQLITE_TRANSIENT);
  void bind(int index, Blob value, sqlite3_destructor_type copy = SQLITE_TRANSIENT);
  void bind(int index, SystemTime value, sqlite3_destructor_type copy = SQLITE_TRANSIENT);
  template <class T>
  void bind(int index, const std::optional<T>& value,
            sqlite3_destructor_type copy = SQLITE_TRANSIENT) {
    if (value) {
      bind(index, *value, copy);
    } else {
      check(sqlite3_bind_null(handle_.get(), index));
    }
  }

 private:
  friend class Rows;
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const noexcept { sqlite3_finalize(handle); }
  };

  bool step();
  void finish();
  void reset() noexcept { sqlite3_reset(handle_.get()); }
  void check(int code);

  Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Database {
 public:
  /// `flags` are those of sqlite3_open_v2. Throws Failure.
  Database(const std::filesystem::path& path, int flags);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Runs statements that have no parameters and no rows.
  void execute(const char* sql);
  [[nodiscard]] std::int64_t integer(const char* sql);  ///< The one value of a one-row query.

  /// The prepared form of a string literal, kept for the life of the database: the address of the
  /// literal is the key.
  [[nodiscard]] Statement& prepared(const char* literal);

  [[nodiscard]] std::int64_t changes() const noexcept;  ///< Rows of the last statement.
  [[nodiscard]] std::int64_t last_id() const noexcept;
  [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  [[noreturn]] void raise(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<const char*, Statement> kept_;
};

/// Takes the writer's lock at once: a transaction that starts as a reader may find at its first
/// write that its snapshot is stale, and then no waiting helps.
class Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database* database_;
  bool open_ = true;
};

/// A read that sees the database as it was at its first look, whatever others write meanwhile.
class Snapshot {
 public:
  explicit Snapshot(Database& database);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot();

 private:
  Database* database_;
};

struct BackUpOptions {
  bool replace = true;  ///< False: a file that has the name already stays, and that is a Failure.
  /// Told of pages left and pages in all; returns false to give up.
  std::function<bool(int left, int pages)> progress{};
};

/// Copies the database, as it is at this moment, into a file of its own. Others may read and write
/// meanwhile; the log grows by what they write. The copy has the database's permissions, and its
/// name only once it is whole and on the disk; a failure leaves nothing. Throws Failure, also when
/// another process is copying to the same name.
void back_up(Database& database, const std::filesystem::path& to,
             const BackUpOptions& options = {});

/// Runs `body` and turns its Failure into a Result.
template <class Body>
[[nodiscard]] auto guarded(Body&& body) -> Result<std::invoke_result_t<Body>> {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
      std::forward<Body>(body)();
      return {};
    } else {
      return std::forward<Body>(body)();
    }
  } catch (Failure& failure) {
    return std::unexpected(std::move(failure.error));
  }
}

}  // namespace fanfare::sqlite
