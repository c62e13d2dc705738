// Store: the gateway's own file, in which everything lies that it has promised to remember: the
// messages it has accepted, how each ended, what it told whom, its keys. One SQLite file (WAL,
// synchronous=FULL), so that whatever belongs together changes in one transaction.
//
// docs/queue-format.md has the layout. Messages, Events, Keys, Audit and Campaigns are views of one
// Store: their writing members may only be called inside transact(), and throw sqlite::Failure,
// which transact() turns into a Result after rolling everything back. A transaction takes one fsync
// whatever it holds, so a busy writer puts the work of many requests into each (the gateway's
// CommitThread).
//
// Errors are Error::Kind::storage and name the file. One Store per thread. One process owns the
// file at a time (the kernel gives the lock back when it dies); any number may read.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "fanfare/result.h"

#include "sqlite/sqlite.h"

namespace fanfare::queue {

struct StoreOptions {
  enum class Mode : std::uint8_t {
    own,   ///< Creates the file if it is missing; Error::Kind::storage while another process owns
           ///< it.
    read,  ///< Beside the owner; must exist.
  };
  Mode mode = Mode::own;
  std::chrono::milliseconds lock_wait{5'000};  ///< For a backup's or a checkpoint's lock.
  std::size_t cache_bytes = 16U << 20;
};

/// Told how the transaction ended in which it changed something, so that what it keeps in memory
/// stays what the file says.
class Participant {
 public:
  virtual ~Participant() = default;
  /// The last words inside the transaction; may throw sqlite::Failure.
  virtual void before_commit() {}
  virtual void committed() noexcept = 0;
  virtual void rolled_back() noexcept = 0;
};

class Store {
 public:
  /// Migrates an older format first, with a copy beside it (FILE.format-N.backup). A file of a
  /// newer one, or of something else, is refused and left untouched.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::filesystem::path& path,
                                                           const StoreOptions& options = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Runs `body` inside one transaction that is on the disk when this returns well. When `body`
  /// throws a Failure or the commit fails, nothing of it has happened.
  [[nodiscard]] Result<void> transact(const std::function<void()>& body);
  /// Runs `body`, which only reads, on one state of the file.
  [[nodiscard]] Result<void> look(const std::function<void()>& body);

  [[nodiscard]] bool owned() const noexcept { return lock_ != nullptr; }

  /// `participant` is told of the end of every transaction until it is dismissed.
  void enlist(Participant& participant);
  void dismiss(Participant& participant) noexcept;

  /// Bytes of the file and its log, and what is left on their disk.
  struct Space {
    std::uint64_t used_bytes = 0;
    std::uint64_t free_bytes = 0;
  };
  [[nodiscard]] Space space() const noexcept;

  /// Only for the views of this module.
  [[nodiscard]] sqlite::Database& database() noexcept { return *database_; }

 private:
  class OwnerLock;
  Store(std::unique_ptr<OwnerLock> lock, std::unique_ptr<sqlite::Database> database);

  std::unique_ptr<OwnerLock> lock_;  // Null for a reader.
  std::unique_ptr<sqlite::Database> database_;
  std::vector<Participant*> participants_;
};

}  // namespace fanfare::queue
