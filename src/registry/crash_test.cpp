// The registry against the model while the process that changes it is killed again and again.
//
// A child does random operations and tells of each through a pipe once it has returned. It is
// killed (SIGKILL) at a moment drawn beforehand: by its parent after so many reports, or in the
// middle of its so-many-th write to a file, of which then all, half or nothing has arrived. The
// parent repeats on the model what was told. The store must be like the model then, or like the
// model with the operation that was under way, whole.
//
// OPERATIONS=100000 says how many, SEED=N repeats a run that failed.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <tuple>

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "registry/maintenance.h"
#include "registry/store_check.h"
#include "registry/testing/model.h"
#include "registry/testing/storage.h"
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  int operator()(int low, int high) {
    return low + static_cast<int>(engine_() % static_cast<std::uint64_t>(high - low));
  }

 private:
  std::mt19937_64 engine_;
};

// How SQLite writes, from now on in this process: until the last write, which is the death of it.
int writes_left = 0;
int last_write_quarters = 0;  // How much of the last write arrives.

ssize_t write_until_death(int file, const void* bytes, std::size_t size, off_t at) {
  if (--writes_left <= 0) {
    const std::size_t part = size * static_cast<std::size_t>(last_write_quarters) / 4;
    if (part == 0 || ::pwrite(file, bytes, part, at) >= 0) ::raise(SIGKILL);
  }
  return ::pwrite(file, bytes, size, at);
}

void die_at_write(int number, int quarters) {
  writes_left = number;
  last_write_quarters = quarters;
  sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  for (const char* name : {"pwrite", "pwrite64"}) {
    vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(write_until_death));
  }
}

// What a child is to do, and when it dies.
struct Life {
  int reports = 0;
  int writes = 0;
  int last_write_quarters = 0;
};

// Closing a store and opening it again writes the log back; so it is done now and then.
bool closes_now(Dice& dice) {
  return dice(0, 200) == 0;
}

void tell(int pipe, std::string_view text) {
  if (::write(pipe, text.data(), text.size()) < 0) ::_exit(1);
}

[[noreturn]] void live(const std::filesystem::path& path, Model model, Dice dice, const Life& life,
                       int pipe) {
  die_at_write(life.writes, life.last_write_quarters);
  std::optional<Result<Registry>> registry;
  while (true) {
    if (!registry || closes_now(dice)) {
      registry.reset();
      registry.emplace(Registry::open(path));
      if (!*registry) break;
    }
    const Operation operation = model.random_operation(std::ref(dice));
    const std::string done = model.perform(operation, **registry);
    const std::string expected = model.apply(operation);
    if (done != expected) {
      tell(pipe, "!" + to_string(operation) + "\ngave: " + done + "\nnot: " + expected);
      ::_exit(1);
    }
    tell(pipe, ".");
  }
  tell(pipe, "!" + registry->error().what);
  ::_exit(1);
}

// What a child told until it died.
std::string run_and_kill(const std::filesystem::path& path, const Model& model, const Dice& dice,
                         const Life& life) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("no child");
  if (child == 0) live(path, model, dice, life, ends[1]);
  ::close(ends[1]);
  std::string told;
  char bytes[4096];
  bool killed = false;
  while (true) {
    const ssize_t count = ::read(ends[0], bytes, sizeof bytes);
    if (count <= 0) break;
    told.append(bytes, static_cast<std::size_t>(count));
    if (!killed && told.size() >= static_cast<std::size_t>(life.reports)) {
      ::kill(child, SIGKILL);
      killed = true;
    }
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return told;
}

class Crash : public TempStore {
 protected:
  std::string look(const Model& model) {
    auto registry = open({.mode = OpenOptions::Mode::existing});
    return model.picture_of(registry);
  }
};

struct Tally {
  std::uint64_t operations = 0;
  std::uint64_t deaths = 0;
  std::uint64_t in_a_write = 0;
  std::uint64_t done_untold = 0;
};

class LifeAfterLife : public Crash {
 protected:
  // One store, through many deaths.
  void run(std::uint64_t wanted, Dice& lots, Tally& tally) {
    auto registry = std::optional(open());
    Model model(*registry, day0);
    registry.reset();
    for (std::uint64_t done = 0; done < wanted && !HasFatalFailure();) {
      const Life life{lots(1, 600), lots(1, 6'000), lots(0, 5)};
      const Dice dice(static_cast<std::uint64_t>(lots(0, 1 << 30)));
      const std::string told = run_and_kill(path_, model, dice, life);
      ASSERT_EQ(told.find('!'), std::string::npos) << told.substr(told.find('!'));
      ++tally.deaths;
      tally.in_a_write += told.size() < static_cast<std::size_t>(life.reports) ? 1U : 0U;
      done += told.size();
      tally.operations += told.size();
      compare(told.size(), dice, model, tally);
    }
  }

 private:
  void compare(std::size_t told, Dice dice, Model& model, Tally& tally) {
    for (std::size_t i = 0; i < told; ++i) {
      model.apply(model.random_operation(std::ref(dice)));
      // The child draws it before each operation but the first.
      std::ignore = closes_now(dice);
    }
    const std::string found = look(model);
    const CheckReport checked = check_store(path_).value();
    ASSERT_TRUE(checked.sound()) << checked.findings.front().id;
    if (found == model.picture()) return;
    const Operation under_way = model.random_operation(std::ref(dice));
    model.apply(under_way);
    ASSERT_EQ(found, model.picture()) << "under way was: " << to_string(under_way);
    ++tally.operations;
    ++tally.done_untold;
  }
};

TEST_F(LifeAfterLife, LeavesWhatWasReportedAndTheOperationUnderWayWholeOrNotAtAll) {
  const std::uint64_t seed = setting("SEED", std::random_device{}());
  const std::uint64_t wanted = setting("OPERATIONS", 20'000);
  SCOPED_TRACE("repeat with SEED=" + std::to_string(seed));
  Dice lots(seed);
  Tally tally;
  for (int store = 0; tally.operations < wanted && !HasFatalFailure(); ++store) {
    path_ = folder_ / (std::to_string(store) + ".db");
    run(std::min<std::uint64_t>(wanted - tally.operations, 10'000), lots, tally);
  }
  std::cout << tally.operations << " operations, " << tally.deaths << " deaths, "
            << tally.in_a_write << " of them in the middle of a write; " << tally.done_untold
            << " operations were done but not reported\n";
  EXPECT_GT(tally.in_a_write, 0U);
}

// Runs `deed` in a child that dies in its `number`-th write. True: it came to its end before.
bool survives(int number, int quarters, const std::function<bool()>& deed) {
  const pid_t child = ::fork();
  if (child == 0) {
    die_at_write(number, quarters);
    ::_exit(deed() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "write " << number;
  return !WIFSIGNALED(status);
}

// At each write of a migration: the old store or the new one is left, and so is a whole backup or
// none.
TEST_F(Crash, AMigrationLeavesTheOldStoreOrTheNewOne) {
  const auto dump = read_file(FANFARE_SOURCE_DIR "/testdata/format-3.sql").value();
  int old_ones = 0;
  bool survived = false;
  for (int number = 1; !survived; number += 1 + number / 50) {
    path_ = folder_ / (std::to_string(number) + ".db");
    Sqlite(path_).run(("PRAGMA journal_mode = WAL;" + dump).c_str());
    survived = survives(number, number % 5, [&] { return Registry::open(path_).has_value(); });
    const auto info = store_info(path_).value();
    ASSERT_TRUE(info.format == 3 || info.format == 7);
    old_ones += info.format == 3 ? 1 : 0;
    ASSERT_EQ(Sqlite(path_).text("PRAGMA integrity_check"), "ok");
    const auto backup = std::filesystem::path(path_.string() + ".format-3.backup");
    if (std::filesystem::exists(backup)) {
      ASSERT_EQ(Sqlite(backup).text("PRAGMA integrity_check"), "ok");
      ASSERT_EQ(store_info(backup)->format, 3);
    } else {
      ASSERT_EQ(info.format, 3) << "migrated without a backup";
    }
    auto registry = open();
    ASSERT_EQ(get(registry, "t-0").user, "u1");
    ASSERT_EQ(registry.stats()->total, 4U);
    ASSERT_TRUE(check_store(path_)->findings.empty());
    ASSERT_FALSE(std::filesystem::exists(backup.string() + ".part"));
  }
  EXPECT_GT(old_ones, 10);
}

TEST_F(Crash, AVacuumLeavesTheStoreAsItWas) {
  {
    auto registry = open();
    ASSERT_TRUE(registry.upsert(tokens(500), day0));
    for (DeviceId id = 100; id < 400; ++id) ASSERT_TRUE(registry.retire(id, day0));
    ASSERT_EQ(registry.purge(day0 + 1h).value(), 300U);
  }
  const std::string bytes = read_file(path_).value();
  bool survived = false;
  for (int number = 1; !survived; number += 7) {
    ASSERT_TRUE(write_file(path_, bytes));
    std::filesystem::remove(path_.string() + "-wal");
    std::filesystem::remove(path_.string() + "-shm");
    survived = survives(number, number % 5, [&] { return vacuum_store(path_).has_value(); });
    const auto report = check_store(path_).value();
    ASSERT_TRUE(report.findings.empty()) << report.findings.front().id;
    ASSERT_EQ(report.devices, 200U);
  }
}

}  // namespace
}  // namespace fanfare::registry
