// sqlite::back_up: a copy that is whole or is not there.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite/sqlite.h"

namespace fanfare::sqlite {
namespace {

// Steps of 1 MB: between two of them a person may give up.
constexpr int pages_a_step = 256;

[[noreturn]] void refuse(const std::filesystem::path& path, const char* deed, int error) {
  throw Failure{
      {Error::Kind::storage, fmt::format("can't {} {}: {}", deed, path.string(), strerror(error)),
       error == ENOSPC || error == EDQUOT ? "free some space and repeat; the store is as it was"
                                          : "check the folder; the store is as it was"}};
}

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

bool same_file(int descriptor, const std::filesystem::path& path) {
  struct stat open_one{};
  struct stat named{};
  return ::fstat(descriptor, &open_one) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

// Empty and locked, so that a second copy to the same name is refused, while what a killed process
// left is taken over.
File open_part(const std::filesystem::path& part, mode_t mode) {
  while (true) {
    File file(::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
    if (file.get() < 0) refuse(part, "create", errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      throw Failure{{Error::Kind::storage,
                     fmt::format("another process is making this copy: it holds {}", part.string()),
                     "wait for it, or name another file"}};
    }
    // The other process may have finished, and given the file its name, between our two calls.
    if (!same_file(file.get(), part)) continue;
    if (::fchmod(file.get(), mode) != 0 || ::ftruncate(file.get(), 0) != 0) {
      refuse(part, "write", errno);
    }
    return file;
  }
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0600;
}

void copy_pages(Database& from, Database& to, const BackUpOptions& options) {
  const Snapshot snapshot(from);
  sqlite3_backup* const backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) to.raise(sqlite3_errcode(to.handle()));
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    code = sqlite3_backup_step(backup, pages_a_step);
    const bool wanted = !options.progress || options.progress(sqlite3_backup_remaining(backup),
                                                              sqlite3_backup_pagecount(backup));
    if (code == SQLITE_OK && !wanted) code = SQLITE_INTERRUPT;
  }
  sqlite3_backup_finish(backup);
  if (code == SQLITE_DONE) return;
  const bool source = (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_BUSY;
  (source ? from : to).raise(code);
}

void sync_folder(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const File open_folder(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems can't, and need not.
  if (open_folder.get() < 0 || (::fsync(open_folder.get()) != 0 && errno != EINVAL)) {
    refuse(folder, "write to the disk", errno);
  }
}

void give_name(const std::filesystem::path& part, const std::filesystem::path& to, bool replace) {
  const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, to.c_str(), flags) == 0) return;
  // A file system without that flag: the moment between the question and the deed stays open.
  const bool unknown_flag = errno == EINVAL && !replace;
  if (unknown_flag && ::access(to.c_str(), F_OK) == 0) refuse(to, "name the copy", EEXIST);
  if (unknown_flag && ::rename(part.c_str(), to.c_str()) == 0) return;
  refuse(to, "name the copy", errno);
}

}  // namespace

Snapshot::Snapshot(Database& database) : database_(&database) {
  database.execute("BEGIN");
  // The snapshot is that of the first read.
  std::ignore = database.integer("PRAGMA schema_version");
}

Snapshot::~Snapshot() {
  sqlite3_exec(database_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void back_up(Database& database, const std::filesystem::path& to, const BackUpOptions& options) {
  auto part = to;
  part += ".part";
  const File file = open_part(part, mode_of(database.path()));
  try {
    {
      Database copy(part, SQLITE_OPEN_READWRITE);
      // It has no name yet: what would protect it from a crash is for nothing.
      copy.execute("PRAGMA journal_mode = OFF");
      copy.execute("PRAGMA synchronous = OFF");
      copy_pages(database, copy, options);
    }
    if (::fsync(file.get()) != 0) refuse(part, "write", errno);
    sync_folder(part);
    give_name(part, to, options.replace);
  } catch (...) {
    ::unlink(part.c_str());
    throw;
  }
  sync_folder(to);
}

}  // namespace fanfare::sqlite
