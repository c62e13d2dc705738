// What the gateway's store says when the disk, the file or another process is against it, and that
// what is kept in memory stays what the file says.
#include <algorithm>
#include <csignal>
#include <map>

#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/schema.h"
#include "queue/testing/world.h"

namespace fanfare::queue {
namespace {

using Mode = StoreOptions::Mode;

class Storage : public World {
 protected:
  [[nodiscard]] Error refusal(const std::filesystem::path& path, Mode mode = Mode::own) {
    auto opened = Store::open(path, {.mode = mode});
    return opened ? Error{Error::Kind::usage, "it opened", ""} : opened.error();
  }
  static void expect_storage(const Error& error, std::string_view words,
                             const std::filesystem::path& path) {
    EXPECT_EQ(error.kind, Error::Kind::storage);
    EXPECT_NE(error.what.find(words), std::string::npos) << error.what;
    EXPECT_NE(error.what.find(path.string()), std::string::npos) << error.what;
    EXPECT_NE(error.remedy, "");
  }
  static void make_database(const std::filesystem::path& path, const char* sql) {
    sqlite::Database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE).execute(sql);
  }
  // Many messages in one transaction, more than fits where little fits.
  [[nodiscard]] Result<void> accept_many() {
    return store_->transact([&] {
      for (int i = 0; i < 2'000; ++i) (void)messages_->accept(one(std::string(400, 't')), now_);
    });
  }
};

TEST_F(Storage, HasOneOwner) {
  expect_storage(refusal(path()), "another gateway is using", path());
  EXPECT_TRUE(Store::open(path(), {.mode = Mode::read}));
  close();
  EXPECT_TRUE(Store::open(path()));
}

TEST_F(Storage, NamesAMissingFileOrFolder) {
  const auto missing = folder_ / "missing.db";
  expect_storage(refusal(missing, Mode::read), "there is no", missing);
  EXPECT_FALSE(std::filesystem::exists(missing));
  const auto nowhere = folder_ / "no" / "queue.db";
  expect_storage(refusal(nowhere), "No such file", nowhere);
}

TEST_F(Storage, RefusesFilesThatAreNotItsOwnAndLeavesThemAlone) {
  const auto text = folder_ / "text.db";
  const std::string bytes(5'000, 'x');
  ASSERT_TRUE(write_file(text, bytes));
  expect_storage(refusal(text), "is not a", text);
  EXPECT_EQ(read_file(text).value(), bytes);

  const auto other = folder_ / "other.db";
  make_database(other, "CREATE TABLE notes (text)");
  const auto before = read_file(other).value();
  expect_storage(refusal(other), "is not a gateway's store", other);
  EXPECT_EQ(read_file(other).value(), before);
}

TEST_F(Storage, RefusesANewerFormatAndLeavesItAlone) {
  close();
  make_database(path(), "PRAGMA user_version = 1000");
  expect_storage(refusal(path()), "has format 1000, which is newer than 1", path());
  expect_storage(refusal(path(), Mode::read), "has format 1000", path());
  EXPECT_EQ(sqlite::Database(path(), SQLITE_OPEN_READONLY).integer("PRAGMA user_version"), 1'000);
}

TEST_F(Storage, AReaderFindsNothingInAnEmptyFile) {
  const auto empty = folder_ / "empty.db";
  ASSERT_TRUE(write_file(empty, ""));
  expect_storage(refusal(empty, Mode::read), "is empty", empty);
  EXPECT_TRUE(Store::open(empty));
}

TEST_F(Storage, AReaderCannotWrite) {
  auto reader = Store::open(path(), {.mode = Mode::read}).value();
  Messages messages(*reader);
  const auto written = reader->transact([&] { (void)messages.accept(one(), now_); });
  ASSERT_FALSE(written);
  expect_storage(written.error(), "read-only", path());
  EXPECT_EQ(messages.total(), Books{});
}

// Permissions mean nothing to root, so root steps down.
TEST_F(Storage, SaysThatTheFileIsReadOnly) {
  close();
  ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
  ASSERT_EQ(::chmod((path().string() + ".lock").c_str(), 0666), 0);
  ASSERT_EQ(::chmod(path().c_str(), 0444), 0);
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::seteuid(65'534), 0);
  }
  expect_storage(refusal(path()), "read-only", path());
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
}

// No file of this process may pass a size: a full disk for those who have none of their own.
class SmallFiles {
 public:
  SmallFiles() {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{512U << 10, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST_F(Storage, KeepsWhatItHadWhenTheDiskIsFullAndGoesOnAfterwards) {
  const MessageId kept = accept(one());
  (void)lease();
  const Books before = messages_->total();
  {
    const SmallFiles small;
    const auto done = accept_many();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, Error::Kind::storage);
    EXPECT_EQ(messages_->total(), before);
    EXPECT_EQ(state(kept), State::in_flight);
  }
  expect_sound();
  ASSERT_TRUE(accept_many());
  end(kept, State::delivered);
  expect_sound();
  reopen();
  EXPECT_EQ(messages_->total().accepted, 2'001U);
  expect_sound();
}

// A VFS whose files can't be synced while `failing`: the system's own, but for that.
class FailingSync {
 public:
  FailingSync() {
    system_ = sqlite3_vfs_find(nullptr);
    vfs_ = *system_;
    vfs_.zName = "failing-sync";
    vfs_.xOpen = open;
    failing = false;
    sqlite3_vfs_register(&vfs_, 1);
  }
  FailingSync(const FailingSync&) = delete;
  FailingSync& operator=(const FailingSync&) = delete;
  ~FailingSync() { sqlite3_vfs_unregister(&vfs_); }

  static inline bool failing = false;

 private:
  struct Methods {
    sqlite3_io_methods ours;  // First: a file points to it.
    const sqlite3_io_methods* system;
  };

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    const int code = system_->xOpen(vfs, name, file, flags, out);
    if (file->pMethods == nullptr) return code;
    auto& methods = methods_[file->pMethods];
    methods = {*file->pMethods, file->pMethods};
    methods.ours.xSync = sync;
    file->pMethods = &methods.ours;
    return code;
  }
  static int sync(sqlite3_file* file, int flags) {
    if (failing) return SQLITE_IOERR_FSYNC;
    return reinterpret_cast<const Methods*>(file->pMethods)->system->xSync(file, flags);
  }

  static inline sqlite3_vfs* system_ = nullptr;
  static inline std::map<const sqlite3_io_methods*, Methods> methods_;
  sqlite3_vfs vfs_{};
};

class FailingDisk : public Storage {
 protected:
  FailingDisk() { reopen(); }
  ~FailingDisk() override { close(); }

  FailingSync disk_;
};

TEST_F(FailingDisk, NothingIsAcceptedThatCouldNotBeSynced) {
  const MessageId kept = accept(one());
  (void)lease();
  const Books before = messages_->total();
  FailingSync::failing = true;
  const auto done = store_->transact([&] {
    (void)messages_->accept(one(), now_);
    const Ending ending{.id = kept, .state = State::delivered};
    messages_->end({&ending, 1}, now_);
  });
  FailingSync::failing = false;
  ASSERT_FALSE(done);
  expect_storage(done.error(), "failed", path());
  EXPECT_EQ(messages_->total(), before);
  EXPECT_EQ(state(kept), State::in_flight);
  expect_sound();
}

TEST_F(FailingDisk, GoesOnWhenTheDiskDoesAgain) {
  const MessageId first = accept(one());
  FailingSync::failing = true;
  EXPECT_FALSE(accept_many());
  EXPECT_FALSE(accept_many());
  FailingSync::failing = false;
  const MessageId second = accept(one());
  EXPECT_EQ(second, first + 1);
  expect_sound();
  reopen();
  EXPECT_EQ(lease().size(), 2U);
  expect_sound();
}

}  // namespace
}  // namespace fanfare::queue
