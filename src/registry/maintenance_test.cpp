// Copies, migration and compaction, with others at work, on full disks, and interrupted.
#include "registry/maintenance.h"

#include <fstream>
#include <tuple>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "registry/store_check.h"
#include "registry/testing/storage.h"
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

class Maintenance : public TempStore {
 protected:
  std::filesystem::path copy_ = {};

  void SetUp() override {
    TempStore::SetUp();
    copy_ = folder_ / "copy.db";
  }
  // Some 200 bytes each.
  void fill(std::size_t count) {
    auto registry = open();
    ASSERT_TRUE(registry.upsert(tokens(count, "token" + std::string(100, 'x') + "-"), day0));
  }
  void make_old() {
    Sqlite(path_).run(read_file(FANFARE_SOURCE_DIR "/testdata/format-3.sql").value().c_str());
  }
  // But for the log, which a reader can't remove.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      if (!name.ends_with("-wal") && !name.ends_with("-shm")) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
  }
};

// A child that stores batches of 100 until it is killed.
class Writer {
 public:
  explicit Writer(const std::filesystem::path& path) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    child_ = ::fork();
    if (child_ == 0) {
      auto registry = Registry::open(path);
      for (int batch = 0; registry; ++batch) {
        const auto devices = tokens(100, "written-" + std::to_string(batch) + "-");
        if (!registry->upsert(devices, day0) || !registry->retire(batch * 100 + 1, day0)) break;
        if (batch % 10 == 0 && !registry->purge(day0 + 1h)) break;
        if (::write(ends[1], "x", 1) != 1) break;
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    told_ = ends[0];
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    ::close(told_);
  }
  void wait_for_batches(int count) const {
    char byte = 0;
    while (count > 0 && ::read(told_, &byte, 1) == 1) --count;
    EXPECT_EQ(count, 0) << "the writer stopped";
  }

 private:
  pid_t child_ = -1;
  int told_ = -1;
};

// Copy ----------------------------------------------------------------------------------------

TEST_F(Maintenance, ACopyOpensAsAStore) {
  fill(100);
  const auto bytes = copy_store(path_, copy_).value();
  EXPECT_EQ(bytes, std::filesystem::file_size(copy_));
  path_ = copy_;
  auto registry = open();
  EXPECT_EQ(registry.stats()->total, 100U);
  EXPECT_EQ(put(registry, a_token("new")).id, 101);
}

TEST_F(Maintenance, ACopyIsOneMomentOfAStoreThatIsWrittenTo) {
  fill(20'000);
  const Writer writer(path_);
  for (int round = 0; round < 3; ++round) {
    writer.wait_for_batches(2);
    int steps = 0;
    const auto wait = [&](std::uint64_t, std::uint64_t) {
      ++steps;
      writer.wait_for_batches(2);
      return true;
    };
    ASSERT_TRUE(copy_store(path_, copy_, {.replace = true, .progress = wait}));
    EXPECT_LT(steps, 20) << "it began again each time something was written";
    const auto report = check_store(copy_).value();
    EXPECT_TRUE(report.findings.empty()) << report.findings.front().what;
  }
}

TEST_F(Maintenance, ACopyReplacesAFileOnlyWhenTold) {
  fill(1);
  ASSERT_TRUE(write_file(copy_, "precious"));
  const auto refused = copy_store(path_, copy_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::usage);
  EXPECT_EQ(read_file(copy_).value(), "precious");
  EXPECT_TRUE(copy_store(path_, copy_, {.replace = true}));
  EXPECT_EQ(store_info(copy_)->rows.at("dev"), 1U);
}

TEST_F(Maintenance, ACopyThatIsGivenUpLeavesNothing) {
  fill(20'000);
  const auto before = files();
  const auto stop = [](std::uint64_t done, std::uint64_t) { return done == 0; };
  EXPECT_FALSE(copy_store(path_, copy_, {.progress = stop}));
  EXPECT_EQ(files(), before);
}

TEST_F(Maintenance, ACopyTakesOverWhatAKilledOneLeftButNotFromALivingOne) {
  fill(10);
  const std::string part = copy_.string() + ".part";
  ASSERT_TRUE(write_file(part, "half of it"));
  const int living = ::open(part.c_str(), O_RDWR);
  ASSERT_EQ(::flock(living, LOCK_EX), 0);
  const auto refused = copy_store(path_, copy_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("another process"), std::string::npos);
  ::close(living);
  EXPECT_TRUE(copy_store(path_, copy_));
  EXPECT_FALSE(std::filesystem::exists(part));
}

TEST_F(Maintenance, ACopyIsAsPrivateAsTheStore) {
  fill(1);
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  ASSERT_TRUE(copy_store(path_, copy_));
  struct stat status{};
  ASSERT_EQ(::stat(copy_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(Maintenance, ACopyThatHasNoRoomIsRefusedAndOneThatFailsLeavesNothing) {
  fill(5'000);
  const auto before = files();
  {
    const SmallFiles small;
    const auto failed = copy_store(path_, copy_);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, Error::Kind::storage);
  }
  EXPECT_EQ(files(), before);
  const SmallDisk disk(folder_ / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "only root may mount a small disk";
  const auto refused = copy_store(path_, folder_ / "disk" / "copy.db");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("the copy needs"), std::string::npos) << refused.error().what;
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "disk"));
}

TEST_F(Maintenance, ACopyOnADiskThatFillsUpLeavesNothing) {
  fill(20'000);
  const SmallDisk disk(folder_ / "disk", "12m");
  if (!disk.mounted()) GTEST_SKIP() << "only root may mount a small disk";
  const auto fill_up = [&](std::uint64_t, std::uint64_t) {
    std::ofstream other(folder_ / "disk" / "other", std::ios::app);
    other << std::string(13'000'000, 'x') << std::flush;
    return true;
  };
  const auto failed = copy_store(path_, folder_ / "disk" / "copy.db", {.progress = fill_up});
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().what.find("the disk is full"), std::string::npos) << failed.error().what;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "disk" / "copy.db"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "disk" / "copy.db.part"));
}

// Info ----------------------------------------------------------------------------------------

TEST_F(Maintenance, InfoCountsWhatThereIs) {
  {
    auto registry = open();
    ASSERT_TRUE(registry.upsert(tokens(10), day0));
    ASSERT_TRUE(registry.retire(1, day0 + 1h));
    ASSERT_TRUE(registry.retire(2, day0 + 2h));
    std::ignore = a_campaign(registry);
  }
  const StoreInfo info = store_info(path_).value();
  EXPECT_EQ(info.format, 7);
  EXPECT_EQ(info.bytes, info.pages * info.page_bytes);
  EXPECT_EQ(info.rows.at("dev"), 10U);
  EXPECT_EQ(info.rows.at("event"), 2U);
  EXPECT_EQ(info.oldest_event, day0 + 1h);
  EXPECT_EQ(info.newest_event, day0 + 2h);
  EXPECT_EQ(info.campaigns, (std::map<std::string, std::uint64_t>{{"running", 1}}));
}

TEST_F(Maintenance, WhatIsNoStoreIsNamed) {
  EXPECT_NE(store_info(path_).error().what.find("no such file"), std::string::npos);
  EXPECT_NE(store_info(folder_).error().what.find("it is a folder"), std::string::npos);
  ASSERT_TRUE(write_file(path_, std::string(5'000, 'x')));
  for (const Error& error : {store_info(path_).error(), copy_store(path_, copy_).error(),
                             check_store(path_).error(), vacuum_store(path_).error()}) {
    EXPECT_NE(error.what.find("is not a Fanfare store"), std::string::npos) << error.what;
  }
}

// Migration -----------------------------------------------------------------------------------

TEST_F(Maintenance, APlanChangesNothing) {
  make_old();
  const Migration plan = plan_migration(path_).value();
  EXPECT_EQ(plan.from, 3);
  EXPECT_EQ(plan.to, 7);
  EXPECT_EQ(plan.steps.size(), 4U);
  EXPECT_EQ(plan.backup, path_.string() + ".format-3.backup");
  EXPECT_EQ(Sqlite(path_).text("PRAGMA user_version"), "3");
  EXPECT_FALSE(std::filesystem::exists(plan.backup));
}

TEST_F(Maintenance, AMigrationTellsItsBackup) {
  make_old();
  const Migration done = migrate_store(path_).value();
  EXPECT_EQ(done.backup_bytes, std::filesystem::file_size(done.backup));
  EXPECT_EQ(store_info(done.backup)->format, 3);
  EXPECT_EQ(store_info(path_)->format, 7);
  EXPECT_TRUE(check_store(path_)->findings.empty());
  EXPECT_EQ(migrate_store(path_)->from, 7) << "a second one has nothing to do";
}

TEST_F(Maintenance, AnOldStoreCanBeLookedAtAndCopiedButNotChecked) {
  make_old();
  EXPECT_EQ(store_info(path_)->format, 3);
  EXPECT_TRUE(copy_store(path_, copy_));
  EXPECT_EQ(store_info(copy_)->rows.at("dev"), 4U);
  EXPECT_NE(check_store(path_).error().remedy.find("store migrate"), std::string::npos);
}

// Each waits for the one that came first; nobody takes the new store for the old one's backup.
TEST_F(Maintenance, SeveralProcessesThatOpenAnOldStoreAtOnceKeepOneBackup) {
  for (int round = 0; round < 10; ++round) {
    path_ = folder_ / (std::to_string(round) + ".db");
    make_old();
    int start[2];
    ASSERT_EQ(::pipe(start), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(::fork());
      if (children.back() == 0) {
        ::close(start[1]);
        char byte = 0;
        std::ignore = ::read(start[0], &byte, 1);
        const auto registry = Registry::open(path_);
        ::_exit(registry ? 0 : 1);
      }
    }
    ::close(start[0]);
    ::close(start[1]);
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(store_info(path_)->format, 7);
    EXPECT_EQ(store_info(path_.string() + ".format-3.backup")->format, 3);
    EXPECT_FALSE(std::filesystem::exists(path_.string() + ".format-3.backup.part"));
  }
}

TEST_F(Maintenance, AMigrationThatHasNoRoomIsRefusedAndLeavesTheOldStore) {
  const SmallDisk disk(folder_ / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "only root may mount a small disk";
  path_ = folder_ / "disk" / "fanfare.db";
  make_old();
  const std::string bytes = read_file(path_).value();
  ASSERT_TRUE(write_file(folder_ / "disk" / "other", std::string(380'000, 'x')));
  EXPECT_NE(migrate_store(path_).error().what.find("the migration needs"), std::string::npos);
  EXPECT_FALSE(Registry::open(path_)) << "opening does not ask first";
  EXPECT_EQ(store_info(path_)->format, 3);
}

// Vacuum --------------------------------------------------------------------------------------

TEST_F(Maintenance, VacuumGivesSpaceBackAndKeepsTheRest) {
  {
    auto registry = open();
    auto devices = tokens(10'000);
    for (std::size_t i = 1; i < devices.size(); ++i) devices[i].state = State::retired;
    ASSERT_TRUE(registry.upsert(devices, day0));
    ASSERT_EQ(registry.purge(day0 + 1h).value(), 9'999U);
  }
  const Compaction done = vacuum_store(path_).value();
  EXPECT_LT(done.bytes_after, done.bytes_before / 5);
  EXPECT_EQ(done.bytes_after, std::filesystem::file_size(path_));
  EXPECT_EQ(store_info(path_)->free_pages, 0U);
  EXPECT_TRUE(check_store(path_)->findings.empty());
  EXPECT_EQ(read_file(path_)->find("token-777"), std::string::npos) << "a purged token is left";
  auto registry = open();
  EXPECT_EQ(get(registry, "token-0").id, 1);
  EXPECT_EQ(put(registry, a_token("new")).id, 10'001) << "an id was given twice";
}

TEST_F(Maintenance, VacuumLeavesTheStoreWhereThereIsNoRoomOrItIsLocked) {
  fill(5'000);
  {
    const SmallFiles small;
    EXPECT_FALSE(vacuum_store(path_));
  }
  EXPECT_EQ(check_store(path_)->devices, 5'000U);
  {
    Sqlite other(path_);
    other.run("BEGIN IMMEDIATE");
    EXPECT_NE(vacuum_store(path_, 1ms).error().what.find("locked"), std::string::npos);
  }
  const SmallDisk disk(folder_ / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "only root may mount a small disk";
  ASSERT_TRUE(vacuum_store(path_));
  path_ = folder_ / "disk" / "fanfare.db";
  fill(1'000);
  const auto refused = vacuum_store(path_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("to compact the store needs"), std::string::npos)
      << refused.error().what;
  EXPECT_EQ(check_store(path_)->devices, 1'000U);
}

}  // namespace
}  // namespace fanfare::registry
