// devices prune, survival, upkeep, erase, count, sample and explain, as scripts call them.
#include <csignal>

#include <gtest/gtest.h>

#include "cli/testing/command.h"
#include "cli/testing/scratch.h"

namespace fanfare::cli {
namespace {

using testing::Finished;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

class SilentDevices : public testing::Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    const Finished run = devices({"import", "-"},
                                 "token,user,platform,last_seen\n"
                                 "token-a,ann,android,2020-01-01T00:00:00Z\n"
                                 "token-i,ann,ios,2020-01-01T00:00:00Z\n"
                                 "token-w,bob,web,2020-01-01T00:00:00Z\n"
                                 "token-n,bob,android,2099-01-01T00:00:00Z\n");
    ASSERT_EQ(run.status, 0) << run.err;
  }
  Finished devices(std::vector<std::string> arguments, const std::string& input = {}) const {
    arguments.insert(arguments.begin(), "devices");
    return testing::run_fanfare(arguments, {.input = input, .folder = folder_.string()});
  }
  std::string retired() const {
    std::string found;
    const std::string out = devices({"list", "--json", "--filter", "state:retired"}).out;
    for (std::size_t at = out.find("token-"); at != std::string::npos;
         at = out.find("token-", at + 1)) {
      found += out.substr(at, 7) + " ";
    }
    return found;
  }
};

TEST_F(SilentDevices, PruneByDefaultRetiresAndroidOnly) {
  const Finished run = devices({"prune", "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(contains(run.out, R"({"retired":1,"never_seen":0,"by_platform":{"android":1},)"
                                R"("dry_run":false,"policy":"android=270d,other=never","warned":2,)"
                                R"("warned_by_platform":{"ios":1,"web":1},"ages":{"android":{)"
                                R"("under_7d":1,"7-30d":0,)"))
      << run.out;
  EXPECT_EQ(retired(), "token-a ");
}

TEST_F(SilentDevices, PruneTakesAPolicyAndAPlatform) {
  EXPECT_EQ(devices({"prune", "--policy", "ios=90d,other=never"}).status, 0);
  EXPECT_EQ(retired(), "token-i ");
  EXPECT_EQ(devices({"prune", "--older-than", "90d", "--platform", "web"}).status, 0);
  EXPECT_EQ(retired(), "token-i token-w ");
}

TEST_F(SilentDevices, ADryRunIsATableByPlatformAndAge) {
  const Finished run = devices({"prune", "--dry-run"});
  EXPECT_EQ(run.out,
            "1 device would be retired: silent for longer than the policy "
            "android=270d,other=never\n"
            "2 devices warned of: silent for 60d or longer\n"
            "silent for  under 7 d  7-30 d  30-60 d  60-90 d  90-180 d  180-270 d  over 270 d  "
            "never seen  retired\n"
            "android             1       0        0        0         0          0           1  "
            "         0        1\n"
            "ios                 0       0        0        0         0          0           1  "
            "         0        0\n"
            "web                 0       0        0        0         0          0           1  "
            "         0        0\n");
  EXPECT_EQ(retired(), "");
}

TEST_F(SilentDevices, PruneNamesWhatItCannotRead) {
  for (const auto& arguments : {std::vector<std::string>{"prune", "--policy", "ios"},
                                {"prune", "--warn", "soon"},
                                {"prune", "--older-than", "30"},
                                {"prune", "--older-than", "30d", "--policy", "ios=1d"}}) {
    const Finished run = devices(arguments);
    EXPECT_EQ(run.status, 2) << run.err;
    EXPECT_TRUE(contains(run.err, arguments[1]) || contains(run.err, "'ios'")) << run.err;
  }
  EXPECT_EQ(retired(), "");
}

TEST_F(SilentDevices, SurvivalSaysHowManyCameBack) {
  ASSERT_EQ(devices({"import", "-"}, "token,last_seen\ntoken-i,2026-01-01T00:00:00Z\n").status, 0);
  const Finished run = devices({"survival"});
  EXPECT_TRUE(contains(run.out, "of 1 Android device silent for 270 days 0 came back (0.0 %)\n"))
      << run.out;
  EXPECT_TRUE(contains(run.out, "silent for 270 days 1 came back (")) << run.out;
  EXPECT_TRUE(contains(devices({"survival", "--json"}).out,
                       R"({"platform":"web","days":7,"silent":1,"came_back":0,"still_silent":1,)"
                       R"("share":0})"));
}

TEST_F(SilentDevices, SurvivalOfAYoungFleetSaysSo) {
  ASSERT_EQ(devices({"erase", "--user", "ann", "--yes"}).status, 0);
  ASSERT_EQ(devices({"erase", "--user", "bob", "--yes"}).status, 0);
  EXPECT_EQ(devices({"survival"}).out, "no device has been silent for a week or more\n");
}

TEST_F(SilentDevices, UpkeepPrunesForgetsAndSaysSo) {
  ASSERT_EQ(devices({"retire", "token-w"}).status, 0);
  Finished run = devices({"upkeep"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out,
            "1 device retired: silent for longer than the policy android=270d,other=never\n"
            "1 device warned of: silent for 60d or longer\n"
            "0 retired devices forgotten after 30d\n"
            "0 probes and 0 rows of old campaigns dropped\n");
  run = devices({"upkeep", "--keep", "0s", "--json"});
  EXPECT_TRUE(contains(run.out, R"("purged":2,"probes":0,"retries":0,"list_members":0})"))
      << run.out;
  EXPECT_EQ(retired(), "");
}

TEST_F(SilentDevices, UpkeepThatStaysEndsAtASignal) {
  testing::Running run({"devices", "upkeep", "--every", "1h", "--json"},
                       {.folder = folder_.string()});
  EXPECT_TRUE(contains(run.read_line(), "\"retired\":1"));
  run.signal(SIGTERM);
  EXPECT_EQ(run.wait().status, 0);
}

TEST_F(SilentDevices, UpkeepThatStaysDoesItAgain) {
  testing::Running run({"devices", "upkeep", "--every", "1s", "--json"},
                       {.folder = folder_.string()});
  EXPECT_TRUE(contains(run.read_line(), "\"retired\":1"));
  EXPECT_TRUE(contains(run.read_line(), "\"retired\":0"));
  run.signal(SIGINT);
  EXPECT_EQ(run.wait().status, 0);
}

TEST_F(SilentDevices, UpkeepRefusesToNeverRest) {
  EXPECT_EQ(devices({"upkeep", "--every", "0s"}).status, 2);
  EXPECT_EQ(devices({"upkeep", "--keep", "30"}).status, 2);
}

TEST_F(SilentDevices, EraseWantsAYesAndSaysWhatItDoesNotReach) {
  EXPECT_EQ(devices({"erase", "--user", "ann"}).status, 2);
  Finished run = devices({"erase", "--user", "ann", "--dry-run", "--json"});
  EXPECT_TRUE(contains(run.out, R"({"user":"ann","devices":2,"superseded":0,"events":0,)"))
      << run.out;
  EXPECT_EQ(devices({"show", "token-a"}).status, 0);
  run = devices({"erase", "--user", "ann", "--yes"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(contains(run.out, "erased: 2 devices, 0 lines of history")) << run.out;
  EXPECT_TRUE(contains(run.out, "not reached: backups")) << run.out;
  EXPECT_EQ(devices({"show", "token-a"}).status, 1);
  EXPECT_FALSE(contains(read("fanfare.db"), "token-a"));
}

TEST_F(SilentDevices, CountIsByPlatformAndState) {
  EXPECT_EQ(devices({"count", "user:ann", "--json"}).out,
            R"({"total":2,"by_platform":{"android":1,"ios":1},"by_state":{"active":2}})"
            "\n");
  EXPECT_EQ(devices({"count", "all"}).out,
            "                         devices\n"
            "all that match                 4\n"
            "by platform     android        2\n"
            "                ios            1\n"
            "                web            1\n"
            "by state        active         4\n");
  EXPECT_EQ(devices({"count", "user:"}).status, 2);
}

TEST_F(SilentDevices, SampleIsTheSameForASeed) {
  const std::vector<std::string> twice{"sample", "all", "--size", "2", "--seed", "5", "--json"};
  const Finished run = devices(twice);
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 2) << run.out;
  EXPECT_EQ(run.out, devices(twice).out);
  EXPECT_TRUE(contains(devices({"sample", "all"}).out, "--seed "));
  EXPECT_EQ(devices({"sample", "all", "--size", "0"}).status, 2);
}

TEST_F(SilentDevices, ListStopsAtItsLimit) {
  const std::string out = devices({"list", "--json", "--limit", "3"}).out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 3);
  EXPECT_EQ(devices({"list", "--limit", "0"}).status, 2);
}

TEST_F(SilentDevices, ExplainSaysWhyInSentencesAndAsOneObject) {
  ASSERT_EQ(devices({"prune"}).status, 0);
  Finished run = devices({"explain", "token-a"});
  EXPECT_TRUE(contains(run.out, "pruned, as the app was not seen since 2020-01-01T00:00:00Z"))
      << run.out;
  EXPECT_TRUE(contains(run.out, "'fanfare devices restore'")) << run.out;
  run = devices({"explain", "token-a", "--json"});
  EXPECT_TRUE(run.out.starts_with(R"({"token":"token-a","state":"retired","since":)")) << run.out;
  EXPECT_TRUE(contains(run.out, R"("cause":"prune","rule":null,"meaning":null)")) << run.out;
  EXPECT_EQ(devices({"explain", "token-x"}).status, 1);
}

}  // namespace
}  // namespace fanfare::cli
