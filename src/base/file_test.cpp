#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fanfare {
namespace {

class File : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "fanfare-file-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(File, ReadsBackWhatWasWritten) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(write_file(folder_ / "x", bytes));
  EXPECT_EQ(read_file(folder_ / "x"), bytes);
}

TEST_F(File, NamesTheMissingFileAndTheRemedy) {
  const auto read = read_file(folder_ / "missing");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, Error::Kind::input);
  EXPECT_NE(read.error().what.find("missing"), std::string::npos);
  EXPECT_EQ(read.error().remedy, "check the path");
}

TEST_F(File, RefusesAFolderAndAFileOverTheLimit) {
  EXPECT_FALSE(read_file(folder_));
  ASSERT_TRUE(write_file(folder_ / "big", std::string(11, 'x')));
  EXPECT_FALSE(read_file(folder_ / "big", 10));
  EXPECT_TRUE(read_file(folder_ / "big", 11));
}

TEST_F(File, LeavesTheOldFileWhenTheNewOneCannotBeWritten) {
  const auto written = write_file(folder_ / "no" / "such" / "place", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Error::Kind::storage);
}

TEST_F(File, KeepsKeysPrivate) {
  ASSERT_TRUE(write_file(folder_ / "key", "k", 0600));
  struct stat status{};
  ASSERT_EQ(::stat((folder_ / "key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace fanfare
