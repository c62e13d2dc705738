// The commands under `fanfare devices`, as scripts call them.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "cli/testing/command.h"
#include "cli/testing/scratch.h"

namespace fanfare::cli {
namespace {

using testing::Finished;

constexpr const char* three_devices =
    "token,user,platform,tags,last_seen\n"
    "token-a,ann,ios,news;sport,2026-01-01T00:00:00Z\n"
    "token-b,bob,android,,2099-01-01T00:00:00Z\n"
    "token-c,,,,\n";

class Devices : public testing::Scratch {
 protected:
  // In the scratch folder, so that the default store is there.
  Finished devices(std::vector<std::string> arguments, const std::string& input = {}) const {
    arguments.insert(arguments.begin(), "devices");
    return testing::run_fanfare(arguments, {.input = input, .folder = folder_.string()});
  }
  void import_three() const {
    const Finished run = devices({"import", "-"}, three_devices);
    ASSERT_EQ(run.status, 0) << run.err;
  }
  std::string state_of(const std::string& token) const {
    const std::string line = devices({"show", token, "--json"}).out;
    const auto at = line.find("\"state\":\"");
    return at == std::string::npos ? "" : line.substr(at + 9, line.find('"', at + 9) - at - 9);
  }
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_F(Devices, ImportCountsWhatItDid) {
  Finished run = devices({"import", "-", "--json"}, three_devices);
  EXPECT_EQ(run.out,
            "{\"added\":3,\"updated\":0,\"revived\":0,\"superseded\":0,\"bad_lines\":0}\n");
  run = devices({"import", "-", "--json"}, three_devices);
  EXPECT_EQ(run.out,
            "{\"added\":0,\"updated\":3,\"revived\":0,\"superseded\":0,\"bad_lines\":0}\n");
  EXPECT_EQ(devices({"import", "-"}, three_devices).out, "fanfare.db: 0 added, 3 updated\n");
}

TEST_F(Devices, ImportSkipsABadLineAndNamesIt) {
  const std::string file =
      write("some.csv", "token,last_seen\ngood-1,\nbad-1,yesterday\ngood-2,\n");
  const Finished run = devices({"import", file, "--rejects", "rejects.txt"});
  EXPECT_EQ(run.status, 0);
  EXPECT_TRUE(contains(run.err, "some.csv:3: ")) << run.err;
  EXPECT_EQ(run.out, "fanfare.db: 2 added, 0 updated, 1 bad line skipped\n");
  EXPECT_EQ(read("rejects.txt"),
            "token,last_seen\n"
            "# line 3: last_seen is not a time such as 2026-11-24T05:44:00Z (RFC 3339), "
            "2026-11-24 05:44:00 or Unix seconds or milliseconds\n"
            "bad-1,yesterday\n");
}

TEST_F(Devices, ImportShowsTwentyBadLinesAndCountsTheRest) {
  std::string text = "token,last_seen\ngood,\n";
  for (int i = 0; i < 25; ++i) text += "bad,yesterday\n";
  const Finished run = devices({"import", "-", "--rejects", "rejects.txt"}, text);
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 21) << run.err;
  EXPECT_TRUE(contains(run.err, "and 5 bad lines more, in rejects.txt")) << run.err;
  const std::string rejects = read("rejects.txt");
  EXPECT_EQ(std::count(rejects.begin(), rejects.end(), '\n'), 51);
}

TEST_F(Devices, ImportReadsOtherColumnsThroughAMap) {
  const std::string file = write("theirs.csv", "id,reg,kind\n7,token-a,iOS\n");
  Finished run = devices({"import", file, "--map", "token=reg", "--map", "user=id,platform=kind",
                          "--set", "project=p", "--set", "locale=ko"});
  EXPECT_EQ(run.status, 0) << run.err;
  run = devices({"export"});
  EXPECT_TRUE(contains(run.out, "token-a,,7,,ios,ko,,,,,p,active,")) << run.out;
}

// A map that does not fit must not leave an empty store behind.
TEST_F(Devices, ImportSaysWhichColumnsThereAre) {
  const Finished run = devices({"import", "-", "--map", "token=reg"}, "id,token\n1,a\n");
  EXPECT_EQ(run.status, 2);
  EXPECT_EQ(run.err,
            "fanfare: -: there is no column reg that --map names\n"
            "  the columns are id, token\n");
  EXPECT_FALSE(std::filesystem::exists(path("fanfare.db")));
}

TEST_F(Devices, ImportFailsWhenNoLineIsGood) {
  const Finished run = devices({"import", "-"}, "token,last_seen\nbad,yesterday\n");
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "no registration that can be read")) << run.err;
}

TEST_F(Devices, ImportOfAMissingFileLeavesNoStoreBehind) {
  const Finished run = devices({"import", "none.csv"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "none.csv") && contains(run.err, "check the path")) << run.err;
  EXPECT_FALSE(std::filesystem::exists(path("fanfare.db")));
}

TEST_F(Devices, ImportNamesTheRejectsThatCannotBeWritten) {
  const Finished run = devices({"import", "-", "--rejects", "no/such/folder"}, three_devices);
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "no/such/folder")) << run.err;
}

TEST_F(Devices, ReadingCommandsSayHowAStoreComesToBe) {
  for (const auto& arguments : {std::vector<std::string>{"list"},
                                {"stats"},
                                {"export"},
                                {"show", "x"},
                                {"purge"},
                                {"brake", "status"},
                                {"prune", "--older-than", "1d"},
                                {"retire", "x"}}) {
    const Finished run = devices(arguments);
    EXPECT_EQ(run.status, 2) << arguments[0];
    EXPECT_EQ(run.err,
              "fanfare: there is no store fanfare.db\n"
              "  name another with --store, or make it with 'fanfare devices import FILE'\n");
    EXPECT_FALSE(std::filesystem::exists(path("fanfare.db")));
  }
}

TEST_F(Devices, PostgresqlComesLaterAndItsPasswordStaysSecret) {
  const Finished run = devices({"stats", "--store", "postgresql://user:hunter2@host/db"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "not in this version yet")) << run.err;
  EXPECT_FALSE(contains(run.err, "hunter2"));
}

TEST_F(Devices, ASqliteFileOfSomethingElseIsNoStore) {
  write("fanfare.db", "this is a text file, and quite a long one at that, to be read as a header");
  const Finished run = devices({"stats"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "fanfare.db")) << run.err;
}

// Root may write anything, so the command gives its rights up first.
TEST_F(Devices, AStoreThatCannotBeWrittenIsNamedAndKeepsItsDevices) {
  import_three();
  ::chmod(path("fanfare.db").c_str(), 0444);
  ::chmod(folder_.c_str(), 0555);
  const std::string drop = ::geteuid() == 0 ? "setpriv --reuid 65534 --clear-groups " : "";
  const std::string call =
      drop + FANFARE_BINARY + " devices retire token-a --store " + path("fanfare.db") + " 2>&1";
  std::FILE* pipe = ::popen(call.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said(4096, '\0');
  said.resize(std::fread(said.data(), 1, said.size(), pipe));
  const int status = WEXITSTATUS(::pclose(pipe));
  ::chmod(folder_.c_str(), 0700);
  if (status == 126 || status == 127) GTEST_SKIP() << "the binary can't be run without rights";
  EXPECT_EQ(status, 2);
  EXPECT_TRUE(contains(said, path("fanfare.db"))) << said;
  EXPECT_EQ(state_of("token-a"), "active");
}

TEST_F(Devices, AStoreInAFolderThatIsNotThereIsNamed) {
  const Finished run = devices({"import", "-", "--store", "none/x.db"}, three_devices);
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "none/x.db")) << run.err;
}

TEST_F(Devices, ALockedStoreIsNamed) {
  import_three();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path("fanfare.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const Finished run = devices({"retire", "token-a"});
  sqlite3_close(other);
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "fanfare.db") && contains(run.err, "lock")) << run.err;
  EXPECT_EQ(state_of("token-a"), "active");
}

TEST_F(Devices, ListPrintsOneJsonObjectALine) {
  import_three();
  const Finished run = devices({"list", "--json", "--filter", "platform:ios"});
  EXPECT_EQ(run.status, 0);
  EXPECT_TRUE(run.out.starts_with(
      R"({"token":"token-a","state":"active","platform":"ios","user":"ann","rule":null,)"
      R"("last_seen":"2026-01-01T00:00:00Z")"))
      << run.out;
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1);
}

TEST_F(Devices, ListPrintsATableForPeople) {
  import_three();
  const Finished run = devices({"list"});
  EXPECT_TRUE(run.out.starts_with("state    platform  user          last seen")) << run.out;
  EXPECT_TRUE(contains(run.out, "\nactive   ios       ann           2026-01-01T00:00:00Z"))
      << run.out;
}

TEST_F(Devices, ListSaysWhenNothingMatches) {
  import_three();
  EXPECT_EQ(devices({"list", "--filter", "platform:web"}).out, "no device matches\n");
  EXPECT_EQ(devices({"list", "--filter", "platform:web", "--json"}).out, "");
}

TEST_F(Devices, AnUnknownFilterIsWrongUse) {
  import_three();
  for (const char* command : {"list", "export"}) {
    const Finished run = devices({command, "--filter", "colour:red"});
    EXPECT_EQ(run.status, 2);
    EXPECT_TRUE(contains(run.err, "column 1")) << run.err;
    EXPECT_FALSE(contains(run.out, "no device"));
  }
}

TEST_F(Devices, AnExportIsReadBackToTheSameDevices) {
  import_three();
  for (const std::string format : {"csv", "jsonl"}) {
    const Finished exported = devices({"export", "--format", format});
    ASSERT_EQ(exported.status, 0);
    const std::string store = "copy-" + format + ".db";
    ASSERT_EQ(devices({"import", "-", "--store", store}, exported.out).status, 0);
    EXPECT_EQ(devices({"export", "--format", format, "--store", store}).out.substr(0, 200),
              exported.out.substr(0, 200));
    EXPECT_TRUE(contains(devices({"stats", "--json", "--store", store}).out, "\"total\":3"));
  }
}

TEST_F(Devices, StatsIsOneObject) {
  import_three();
  EXPECT_EQ(devices({"stats", "--json"}).out,
            R"({"total":3,"by_state":{"active":3},"by_platform":{"":1,"android":1,"ios":1},)"
            R"("by_rule":{}})"
            "\n");
}

TEST_F(Devices, ADeviceThatIsNotThereIsAFailureNotWrongUse) {
  import_three();
  for (const char* command : {"show", "history", "retire", "restore"}) {
    const Finished run = devices({command, "token-x"});
    EXPECT_EQ(run.status, 1) << command;
    EXPECT_TRUE(contains(run.err, "fanfare.db has no device token-x")) << run.err;
  }
}

TEST_F(Devices, RetireAndRestoreAreKeptInTheHistory) {
  import_three();
  EXPECT_EQ(devices({"retire", "token-a"}).out, "is now retired\n");
  EXPECT_EQ(state_of("token-a"), "retired");
  EXPECT_EQ(devices({"retire", "token-a", "--json"}).out,
            "{\"token\":\"token-a\",\"changed\":false}\n");
  EXPECT_EQ(devices({"restore", "token-a"}).out, "is now active\n");
  EXPECT_EQ(state_of("token-a"), "active");
  const Finished history = devices({"history", "token-a", "--json"});
  EXPECT_TRUE(contains(history.out, R"("from":"active","to":"retired","cause":"retire")"))
      << history.out;
  EXPECT_TRUE(contains(history.out, R"("from":"retired","to":"active","cause":"restore")"))
      << history.out;
}

TEST_F(Devices, RestoreSinceBringsBackAllOfATime) {
  import_three();
  static_cast<void>(devices({"retire", "token-a"}));
  static_cast<void>(devices({"retire", "token-b"}));
  EXPECT_EQ(devices({"restore", "--since", "2099-01-01T00:00:00Z", "--json"}).out,
            "{\"restored\":0}\n");
  EXPECT_EQ(devices({"restore", "--since", "1h", "--rule", "token.unregistered"}).out,
            "0 devices restored\n");
  EXPECT_EQ(devices({"restore", "--since", "1h"}).out, "2 devices restored\n");
}

TEST_F(Devices, RestoreWantsADeviceOrATime) {
  import_three();
  EXPECT_EQ(devices({"restore"}).status, 2);
  EXPECT_EQ(devices({"restore", "token-a", "--since", "1h"}).status, 2);
  EXPECT_EQ(devices({"restore", "token-a", "--rule", "x"}).status, 2);
  const Finished run = devices({"restore", "--since", "yesterday"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "can't read --since yesterday")) << run.err;
}

TEST_F(Devices, PruneShowsBeforeItDoes) {
  import_three();
  const Finished run = devices({"prune", "--older-than", "1d", "--dry-run", "--json"});
  EXPECT_TRUE(run.out.starts_with(
      "{\"retired\":1,\"never_seen\":1,\"by_platform\":{\"ios\":1},\"dry_run\":true,"))
      << run.out;
  EXPECT_EQ(state_of("token-a"), "active");
  EXPECT_EQ(devices({"prune", "--older-than", "1d"}).status, 0);
  EXPECT_EQ(state_of("token-a"), "retired");
  EXPECT_EQ(state_of("token-c"), "active") << "never seen";
}

TEST_F(Devices, PruneNeedsAnAgeThatItCanRead) {
  import_three();
  const Finished run = devices({"prune", "--older-than", "30"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "30d")) << run.err;
}

TEST_F(Devices, PurgeForgetsOnlyWhatWasRetiredLongAgo) {
  import_three();
  static_cast<void>(devices({"retire", "token-a"}));
  EXPECT_EQ(devices({"purge", "--json"}).out, "{\"purged\":0}\n");
  EXPECT_EQ(devices({"purge", "--older-than", "0s", "--json"}).out, "{\"purged\":1}\n");
  EXPECT_EQ(devices({"show", "token-a"}).status, 1);
}

TEST_F(Devices, TheBrakeIsOffAtFirst) {
  import_three();
  EXPECT_EQ(devices({"brake", "status"}).out, "no brake is on\n");
  EXPECT_EQ(devices({"brake", "status", "--json"}).out, "");
  EXPECT_EQ(devices({"brake", "release", "--json"}).out, "{\"released\":0}\n");
  EXPECT_EQ(devices({"brake", "confirm", "--json"}).out, "{\"confirmed\":0}\n");
}

TEST_F(Devices, ABrakesWordMayBeAboutOnePlatformAndRule) {
  import_three();
  EXPECT_EQ(
      devices({"brake", "release", "--platform", "iOS", "--rule", "token.unregistered", "--json"})
          .out,
      "{\"released\":0}\n");
}

TEST_F(Devices, CanariesAreAddedListedAndRemoved) {
  import_three();
  EXPECT_EQ(devices({"canary", "list"}).out, "no canaries\n");
  EXPECT_EQ(devices({"canary", "add", "token-a", "--json"}).out, "{\"added\":1}\n");
  const std::string list = devices({"canary", "list", "--json"}).out;
  EXPECT_TRUE(list.starts_with("{\"token\":\"token-a\",\"state\":\"active\"")) << list;
  EXPECT_EQ(devices({"canary", "add", "token-a", "nobody"}).status, 1);
  EXPECT_EQ(devices({"canary", "remove", "token-a"}).out, "1 canary removed\n");
  EXPECT_EQ(devices({"canary", "list", "--json"}).out, "");
}

TEST_F(Devices, ListingStopsQuietlyWhenItsReaderLeaves) {
  import_three();
  const std::string command = std::string("cd ") + folder_.string() + "; { " + FANFARE_BINARY +
                              " devices list --json; echo $? > status; } 2> err | true";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read("status"), "0\n");
  EXPECT_EQ(read("err"), "");
}

}  // namespace
}  // namespace fanfare::cli
