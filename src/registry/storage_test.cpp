// What the store says when the disk, the file or another process is against it, and what is left
// of it after a crash.
#include "registry/testing/storage.h"

#include <csignal>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

// Permissions mean nothing to root; so root steps down while it tries.
class AsOrdinaryUser {
 public:
  AsOrdinaryUser() {
    if (::geteuid() == 0) stepped_down_ = ::seteuid(65'534) == 0;
  }
  AsOrdinaryUser(const AsOrdinaryUser&) = delete;
  AsOrdinaryUser& operator=(const AsOrdinaryUser&) = delete;
  ~AsOrdinaryUser() {
    if (stepped_down_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }

 private:
  bool stepped_down_ = false;
};

class Storage : public TempStore {
 protected:
  Error refusal(OpenOptions options = {}) {
    auto registry = Registry::open(path_, options);
    if (registry) return {Error::Kind::usage, "it opened", ""};
    return registry.error();
  }
  static void expect_storage(const Error& error, std::string_view words) {
    EXPECT_EQ(error.kind, Error::Kind::storage);
    EXPECT_NE(error.what.find(words), std::string::npos) << error.what;
    EXPECT_NE(error.what.find("fanfare-registry-"), std::string::npos) << error.what;
    EXPECT_NE(error.remedy, "");
  }
};

TEST_F(Storage, NamesAMissingFileFolderOrAFolderInItsPlace) {
  expect_storage(refusal({.mode = OpenOptions::Mode::existing}), "there is no such file");
  EXPECT_FALSE(std::filesystem::exists(path_));
  path_ = folder_ / "no" / "fanfare.db";
  expect_storage(refusal(), "there is no folder");
  path_ = folder_;
  expect_storage(refusal(), "it is a folder");
}

TEST_F(Storage, RefusesFilesThatAreNotItsOwnAndLeavesThemAlone) {
  const std::string text(5'000, 'x');
  ASSERT_TRUE(write_file(path_, text));
  expect_storage(refusal(), "is not a Fanfare store");
  EXPECT_EQ(read_file(path_).value(), text);

  path_ = folder_ / "other.db";
  Sqlite(path_).run("CREATE TABLE notes (text)");
  const auto before = read_file(path_).value();
  expect_storage(refusal(), "another program's database");
  EXPECT_EQ(read_file(path_).value(), before);
}

TEST_F(Storage, RefusesAStoreOfANewerVersion) {
  {
    auto registry = open();
  }
  Sqlite(path_).run("PRAGMA user_version = 1000");
  expect_storage(refusal(), "newer version of Fanfare (format 1000; this one knows 7)");
}

// As version 0.1 wrote it: two devices were accepted, the first before format 3, the second since;
// the fifth is purged.
TEST_F(Storage, BringsAStoreOfFormat3UpToDate) {
  const auto dump = read_file(FANFARE_SOURCE_DIR "/testdata/format-3.sql").value();
  Sqlite(path_).run(dump.c_str());
  auto registry = open();
  EXPECT_EQ(Sqlite(path_).text("PRAGMA user_version"), "7");
  EXPECT_EQ(Sqlite(path_).text("SELECT max(up_to) FROM keyed"), "5");
  EXPECT_EQ(Sqlite(path_).text("SELECT sum(devices) FROM fleet"),
            Sqlite(path_).text("SELECT count(*) FROM dev"));
  EXPECT_EQ(Sqlite(path_).text("SELECT count(*) FROM standing"), "2");

  const Device first = get(registry, "t-0");
  EXPECT_EQ(first.user, "u1");
  EXPECT_EQ(first.tags, (std::vector<std::string>{"news", "sport"}));
  EXPECT_EQ(first.last_accepted, day0);
  EXPECT_EQ(get(registry, "t-1").last_accepted, day0 + 1h);
  EXPECT_EQ(get(registry, "t-2").rule, "token.unregistered");
  EXPECT_EQ(get(registry, "f-3").state, State::suspect);
  EXPECT_EQ(registry.history(3)->front().rule, "token.unregistered");
  EXPECT_EQ(registry.make_audience("user:u1", 0, "", day0)->count, 1U);
  EXPECT_EQ(put(registry, a_token("new")).id, 6) << "an id was given twice";

  const auto backup = path_.string() + ".format-3.backup";
  EXPECT_EQ(Sqlite(backup).text("PRAGMA user_version"), "3");
  EXPECT_EQ(Sqlite(backup).text("SELECT count(*) FROM dev"), "4");
  EXPECT_FALSE(std::filesystem::exists(backup + ".part"));
}

TEST_F(Storage, LeavesAnOldStoreAsItIsWhereItCannotBeBackedUp) {
  const auto dump = read_file(FANFARE_SOURCE_DIR "/testdata/format-3.sql").value();
  Sqlite(path_).run(dump.c_str());
  std::filesystem::create_directory(path_.string() + ".format-3.backup");
  expect_storage(refusal(), "can't name the copy");
  EXPECT_EQ(Sqlite(path_).text("PRAGMA user_version"), "3");
}

TEST_F(Storage, PurgeTakesTheTimesOfABlockThatHasNoDeviceLeft) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(1'001), day0));
  ASSERT_TRUE(registry.record(a_campaign(registry), {.at = day0, .accepted = {1, 999, 1'000}}));
  ASSERT_TRUE(registry.retire(1'000, day0));
  ASSERT_TRUE(registry.retire(1'001, day0));
  ASSERT_TRUE(registry.retire(1, day0));
  EXPECT_EQ(registry.purge(day0 + 1h).value(), 3U);
  EXPECT_EQ(Sqlite(path_).text("SELECT block FROM accepted"), "0");
  EXPECT_EQ(get(registry, "token-998").last_accepted, day0);
}

TEST_F(Storage, RefusesAnEmptyFileWhereAStoreIsExpected) {
  ASSERT_TRUE(write_file(path_, ""));
  expect_storage(refusal({.mode = OpenOptions::Mode::existing}), "is empty");
  EXPECT_TRUE(Registry::open(path_));
}

TEST_F(Storage, RefusesADamagedStore) {
  {
    auto registry = open();
    ASSERT_TRUE(registry.upsert(tokens(2'000), day0));
  }
  std::string bytes = read_file(path_).value();
  for (std::size_t at = 4'096; at < bytes.size(); at += 64) bytes.replace(at, 32, 32, '\xEE');
  ASSERT_TRUE(write_file(path_, bytes));
  auto registry = Registry::open(path_);
  const auto error = registry ? registry->stats().error() : registry.error();
  expect_storage(error, "is damaged");
}

TEST_F(Storage, SaysThatAnotherProcessHoldsTheLock) {
  auto registry = open({.lock_wait = 1ms});
  Sqlite other(path_);
  other.run("BEGIN EXCLUSIVE");
  const auto stored = registry.upsert(tokens(1), day0);
  ASSERT_FALSE(stored);
  expect_storage(stored.error(), "locked by another process");
  other.run("COMMIT");
  EXPECT_TRUE(registry.upsert(tokens(1), day0));
}

TEST_F(Storage, SaysThatTheDiskIsFullAndHalfWritesNothing) {
  const SmallDisk disk(folder_ / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "only root may mount a small disk";
  path_ = folder_ / "disk" / "fanfare.db";
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(10), day0));
  const auto stored = registry.upsert(tokens(20'000, "more-"), day0);
  ASSERT_FALSE(stored);
  expect_storage(stored.error(), "the disk is full");
  EXPECT_EQ(registry.stats()->total, 10U);
}

TEST_F(Storage, KeepsWhatItHadWhenWritingFailsAndGoesOnAfterwards) {
  auto registry = open();
  ASSERT_TRUE(registry.upsert(tokens(10), day0));
  {
    const SmallFiles small;
    const auto stored = registry.upsert(tokens(20'000, "more-"), day0);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().kind, Error::Kind::storage);
  }
  EXPECT_EQ(registry.stats()->total, 10U);
  EXPECT_TRUE(registry.upsert(tokens(2'000, "more-"), day0));
}

TEST_F(Storage, SaysThatTheFileIsReadOnly) {
  {
    auto registry = open();
  }
  ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
  ASSERT_EQ(::chmod(path_.c_str(), 0444), 0);
  const AsOrdinaryUser ordinary;
  expect_storage(refusal(), "read-only");
}

TEST_F(Storage, SaysThatTheFolderIsReadOnly) {
  {
    auto registry = open();
  }
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(folder_.c_str(), 0555), 0);
  {
    const AsOrdinaryUser ordinary;
    EXPECT_EQ(refusal().kind, Error::Kind::storage);
    EXPECT_NE(refusal().remedy, "");
  }
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
}

TEST_F(Storage, KeepsTheLogBoundedWhileMuchIsWritten) {
  auto registry = open();
  for (int i = 0; i < 80; ++i) {
    ASSERT_TRUE(registry.upsert(tokens(1'000, std::to_string(i) + "-"), day0));
  }
  EXPECT_LE(std::filesystem::file_size(path_.string() + "-wal"), 48U << 20);
}

// A child stores batches of 100 with a campaign's cursor until it is killed in the middle.
TEST_F(Storage, KeepsWholeTransactionsWhenKilledInTheMiddle) {
  for (int round = 0; round < 5; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto registry = Registry::open(path_);
      for (int batch = 0; registry; ++batch) {
        const auto prefix = std::to_string(round) + "-" + std::to_string(batch) + "-";
        const bool stored = registry->upsert(tokens(100, prefix), day0).has_value();
        if (!stored || ::write(pipe_ends[1], "x", 1) != 1) break;
      }
      ::_exit(1);
    }
    ::close(pipe_ends[1]);
    char byte = 0;
    std::uint64_t told = 0;
    while (told < 20 + static_cast<std::uint64_t>(round) * 7 && ::read(pipe_ends[0], &byte, 1) == 1)
      ++told;
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(pipe_ends[0], &byte, 1) == 1) ++told;
    ::close(pipe_ends[0]);

    EXPECT_EQ(Sqlite(path_).text("PRAGMA integrity_check"), "ok");
    auto registry = open();
    std::uint64_t count = 0;
    const std::string prefix = std::to_string(round) + "-";
    ASSERT_TRUE(registry.each("", [&](const Device& device) {
      count += device.registration.value.starts_with(prefix) ? 1U : 0U;
      return true;
    }));
    EXPECT_EQ(count % 100, 0U);
    EXPECT_GE(count, told * 100);
  }
}

}  // namespace
}  // namespace fanfare::registry
