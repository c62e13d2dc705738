// The commands under `fanfare store`, as scripts call them.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "cli/testing/command.h"
#include "cli/testing/scratch.h"

namespace fanfare::cli {
namespace {

using testing::Finished;

class StoreCommand : public testing::Scratch {
 protected:
  Finished fanfare(std::vector<std::string> arguments, const std::string& input = {}) const {
    return testing::run_fanfare(arguments, {.input = input, .folder = folder_.string()});
  }
  void import_two() const {
    const Finished run = fanfare({"devices", "import", "-"}, "token,user\na,u1\nb,u2\n");
    ASSERT_EQ(run.status, 0) << run.err;
  }
  void sql(const char* text) const {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path("fanfare.db").c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, text, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(handle);
  }
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_F(StoreCommand, InfoIsOneObject) {
  import_two();
  const Finished run = fanfare({"store", "info", "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(contains(run.out, R"("format":7,"newest_format":7)")) << run.out;
  EXPECT_TRUE(contains(run.out, R"("dev":2)")) << run.out;
  EXPECT_TRUE(contains(run.out, R"("oldest_event":null)")) << run.out;
  EXPECT_TRUE(contains(fanfare({"store", "info"}).out, "key_registration")) << run.out;
}

TEST_F(StoreCommand, EachSaysThatThereIsNoStore) {
  for (const char* command : {"info", "check", "migrate", "vacuum"}) {
    const Finished run = fanfare({"store", command});
    EXPECT_EQ(run.status, 2) << command;
    EXPECT_TRUE(contains(run.err, "there is no store fanfare.db")) << run.err;
  }
  EXPECT_EQ(fanfare({"store", "backup", "copy.db"}).status, 2);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(StoreCommand, ABackupIsAStoreAndReplacesAFileOnlyWhenTold) {
  import_two();
  Finished run = fanfare({"store", "backup", "copy.db", "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(contains(run.out, R"("copy":"copy.db","bytes":)")) << run.out;
  EXPECT_EQ(fanfare({"--store", "copy.db", "devices", "show", "a"}).status, 0);
  run = fanfare({"store", "backup", "copy.db"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "copy.db exists")) << run.err;
  EXPECT_EQ(fanfare({"store", "backup", "copy.db", "--force"}).status, 0);
  EXPECT_EQ(fanfare({"store", "backup", "fanfare.db", "--force"}).status, 2) << "onto itself";
}

TEST_F(StoreCommand, CheckTellsFaultsAndRepairsWhatItCan) {
  import_two();
  Finished run = fanfare({"store", "check", "--json"});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.out, "{\"sound\":true,\"devices\":2,\"events\":0,\"findings\":[]}\n");
  sql("DELETE FROM key_registration");
  run = fanfare({"store", "check"});
  EXPECT_EQ(run.status, 1);
  EXPECT_TRUE(contains(run.out, "2 devices whose registration has no key")) << run.out;
  EXPECT_TRUE(contains(run.out, "device 2")) << run.out;
  EXPECT_TRUE(contains(run.out, "store check --repair")) << run.out;
  run = fanfare({"store", "check", "--repair"});
  EXPECT_EQ(run.status, 0);
  EXPECT_TRUE(contains(run.out, "; repaired")) << run.out;
  EXPECT_EQ(fanfare({"store", "check"}).status, 0);
}

TEST_F(StoreCommand, MigrateHasNothingToDoWithANewStore) {
  import_two();
  EXPECT_EQ(fanfare({"store", "migrate"}).out, "fanfare.db is up to date (format 7)\n");
}

TEST_F(StoreCommand, VacuumTellsTheSizes) {
  import_two();
  const Finished run = fanfare({"store", "vacuum", "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(contains(run.out, R"("bytes_after":)")) << run.out;
}

}  // namespace
}  // namespace fanfare::cli
