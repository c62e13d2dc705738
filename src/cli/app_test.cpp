// The frame as a script meets it: the real binary, its statuses and its words.
#include "cli/app.h"

#include <gtest/gtest.h>

#include "cli/testing/command.h"
#include "cli/testing/scratch.h"

namespace fanfare::cli {
namespace {

using testing::Finished;
using testing::run_fanfare;

class App : public testing::Scratch {};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(ExitStatus, SaysWhoMustAct) {
  EXPECT_EQ(exit_status_for(Error::Kind::usage), ExitStatus::wrong_use);
  EXPECT_EQ(exit_status_for(Error::Kind::input), ExitStatus::wrong_use);
  EXPECT_EQ(exit_status_for(Error::Kind::storage), ExitStatus::wrong_use);
  EXPECT_EQ(exit_status_for(Error::Kind::credentials), ExitStatus::blocked);
  EXPECT_EQ(exit_status_for(Error::Kind::network), ExitStatus::blocked);
}

TEST_F(App, SaysItsVersion) {
  const Finished run = run_fanfare({"--version"});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.out, "fanfare " FANFARE_VERSION "\n");
}

TEST_F(App, ExplainsItselfToANewcomer) {
  const Finished run = run_fanfare({"--help"});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.err, "");
  for (const char* part : {"Usage: fanfare [OPTIONS] COMMAND", "completion", "--store STORE",
                           "[FANFARE_STORE]", "Exit status:", "interrupted; can be resumed"}) {
    EXPECT_TRUE(contains(run.out, part)) << part;
  }
}

TEST_F(App, GivesHelpButNoSuccessToACallWithoutACommand) {
  const Finished run = run_fanfare({});
  EXPECT_EQ(run.status, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(contains(run.err, "Usage: fanfare"));
}

TEST_F(App, GuessesTheCommandThatWasMeant) {
  const Finished run = run_fanfare({"completoin", "bash"});
  EXPECT_EQ(run.status, 2);
  EXPECT_EQ(run.err,
            "fanfare: unknown command 'completoin' for 'fanfare'\n"
            "  did you mean completion? see 'fanfare --help'\n");
}

TEST_F(App, GuessesTheOptionThatWasMeant) {
  const Finished run = run_fanfare({"man", "--stroe=x"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "unknown option '--stroe' for 'fanfare man'")) << run.err;
  EXPECT_TRUE(contains(run.err, "did you mean --store?")) << run.err;
}

TEST_F(App, NamesTheOptionThatLacksItsValue) {
  const Finished run = run_fanfare({"man", "--store"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "--store needs a value")) << run.err;
}

TEST_F(App, TakesGlobalOptionsBeforeAndAfterTheCommand) {
  for (const auto& arguments : {std::vector<std::string>{"--log-level", "debug", "man"},
                                std::vector<std::string>{"man", "--log-level", "debug"}}) {
    const Finished run = run_fanfare(arguments);
    EXPECT_EQ(run.status, 0);
    EXPECT_TRUE(contains(run.err, "store 'fanfare.db'")) << run.err;
  }
}

TEST_F(App, LetsTheCommandLineWinOverTheEnvironmentAndThatOverTheFile) {
  const std::string config =
      write("fanfare.toml", "project = 'of-file'\nstore = 'of-file'\nendpoint = 'of-file'\n");
  const Finished run =
      run_fanfare({"man", "--config", config, "--project", "of-line", "--log-level", "debug"},
                  {.environment = {{"FANFARE_PROJECT", "of-environment"},
                                   {"FANFARE_STORE", "of-environment"}}});
  EXPECT_EQ(run.status, 0);
  EXPECT_TRUE(contains(run.err, "project 'of-line'")) << run.err;
  EXPECT_TRUE(contains(run.err, "store 'of-environment'")) << run.err;
  EXPECT_TRUE(contains(run.err, "endpoint 'of-file'")) << run.err;
}

TEST_F(App, RefusesAnUnknownKeyOfTheFileWithItsLine) {
  const std::string config = write("fanfare.toml", "json = true\nprojct = 'x'\n");
  const Finished run = run_fanfare({"man", "--config", config});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, config + ":2: unknown key 'projct'\n  did you mean project?"))
      << run.err;
}

TEST_F(App, RefusesAKeyThatIsNoGlobalOption) {
  const std::string config = write("fanfare.toml", "help = true\n");
  EXPECT_TRUE(contains(run_fanfare({"man", "--config", config}).err, ":1: unknown key 'help'"));
}

TEST_F(App, RefusesABadValueOfTheFileWithItsLine) {
  const std::string config = write("fanfare.toml", "\nlog-level = 'loud'\n");
  const Finished run = run_fanfare({"man", "--config", config});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, config + ":2: --log-level")) << run.err;
}

TEST_F(App, NamesTheConfigurationThatIsMissing) {
  const Finished run = run_fanfare({"man", "--config", path("none.toml")});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "none.toml")) << run.err;
  EXPECT_TRUE(contains(run.err, "check the path")) << run.err;
}

TEST_F(App, ReportsAStandardOutputThatIsFull) {
  const Finished run = run_fanfare({"completion", "bash"});
  ASSERT_EQ(run.status, 0);
  const std::string command = std::string(FANFARE_BINARY) + " man > /dev/full 2> " + path("err");
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 2);
  EXPECT_TRUE(contains(read("err"), "can't write to standard output"));
}

TEST_F(App, EndsQuietlyWhenItsReaderLeaves) {
  const std::string command = std::string("{ ") + FANFARE_BINARY + " man; echo $? > " +
                              path("status") + "; } 2> " + path("err") + " | true";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read("status"), "0\n");
  EXPECT_EQ(read("err"), "");
}

}  // namespace
}  // namespace fanfare::cli
