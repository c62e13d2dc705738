// Completions and the man page, tried with the programs that read them.
#include <cstdlib>

#include <gtest/gtest.h>

#include "cli/testing/command.h"
#include "cli/testing/scratch.h"

namespace fanfare::cli {
namespace {

using testing::run_fanfare;

class Documents : public testing::Scratch {
 protected:
  static bool have(const char* program) {
    return std::system(("command -v " + std::string(program) + " > /dev/null").c_str()) == 0;
  }
  // What bash offers for a line whose last word is being typed.
  std::string bash_offers(const std::string& words) {
    write("fanfare.bash", run_fanfare({"completion", "bash"}).out);
    write("ask.bash", "compopt() { :; }\nsource " + path("fanfare.bash") + "\nCOMP_WORDS=(" +
                          words + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_fanfare\n" +
                          "echo \"${COMPREPLY[*]}\"\n");
    const std::string call = "bash " + path("ask.bash") + " > " + path("offers") + " 2>&1";
    EXPECT_EQ(std::system(call.c_str()), 0);
    return read("offers");
  }
};

TEST_F(Documents, BashCompletesCommands) {
  EXPECT_EQ(bash_offers("fanfare com"), "completion\n");
}

TEST_F(Documents, BashCompletesAfterGlobalOptionsAndTheirValues) {
  EXPECT_EQ(bash_offers("fanfare --project man --json com"), "completion\n");
}

TEST_F(Documents, BashCompletesOptionsOfTheCommandAndGlobalOnes) {
  EXPECT_EQ(bash_offers("fanfare man --iid"), "--iid-endpoint\n");
}

TEST_F(Documents, BashCompletesCommandsOfCommands) {
  EXPECT_EQ(bash_offers("fanfare devices brake re"), "release\n");
  EXPECT_EQ(bash_offers("fanfare devices prune --dr"), "--dry-run\n");
}

TEST_F(Documents, BashCompletesChoices) {
  EXPECT_EQ(bash_offers("fanfare explain --target to"), "token topic\n");
  EXPECT_EQ(bash_offers("fanfare --log-level wa"), "warning\n");
  EXPECT_EQ(bash_offers("fanfare --log-level = wa"), "warning\n");
}

TEST_F(Documents, BashCompletesFileNames) {
  write("fanfare.toml", "");
  EXPECT_EQ(bash_offers("fanfare --config " + path("fanfare.t")), path("fanfare.toml") + "\n");
}

TEST_F(Documents, OtherShellsCanReadTheirScripts) {
  for (const std::string shell : {"zsh", "fish"}) {
    const auto script = run_fanfare({"completion", shell});
    EXPECT_EQ(script.status, 0);
    EXPECT_NE(script.out.find("completion"), std::string::npos);
    if (!have(shell.c_str())) continue;
    const std::string file = write("script", script.out);
    EXPECT_EQ(std::system((shell + " -n " + file).c_str()), 0) << shell;
  }
}

TEST_F(Documents, FishCompletesCommands) {
  if (!have("fish")) GTEST_SKIP() << "no fish here";
  const std::string file = write("fanfare.fish", run_fanfare({"completion", "fish"}).out);
  const std::string call = "HOME=" + path("") + " fish -c 'source " + file +
                           "; complete -C \"fanfare --project man comp\"' > " + path("offers");
  EXPECT_EQ(std::system(call.c_str()), 0);
  EXPECT_EQ(read("offers").substr(0, 11), "completion\t");
}

TEST_F(Documents, KnowEveryCommand) {
  for (const auto& document : {std::vector<std::string>{"man"},
                               {"completion", "bash"},
                               {"completion", "zsh"},
                               {"completion", "fish"}}) {
    const std::string text = run_fanfare(document).out;
    for (const char* command : {"explain", "devices", "import", "export", "list", "show", "history",
                                "stats", "prune", "purge", "retire", "restore", "brake", "release",
                                "confirm", "canary", "emulate", "completion"}) {
      EXPECT_NE(text.find(command), std::string::npos) << document.back() << ": " << command;
    }
  }
}

TEST_F(Documents, TheManPageHasItsSectionsAndEveryGlobalOption) {
  const auto man = run_fanfare({"man"});
  EXPECT_EQ(man.status, 0);
  for (const char* part : {".TH FANFARE 1", ".SH NAME", ".SH SYNOPSIS", ".SH COMMANDS",
                           ".SH Exit status", "\\fB\\-\\-store STORE\\fR"}) {
    EXPECT_NE(man.out.find(part), std::string::npos) << part;
  }
}

TEST_F(Documents, TheManPageIsGoodRoff) {
  if (!have("mandoc")) GTEST_SKIP() << "no mandoc here";
  const std::string page = write("fanfare.1", run_fanfare({"man"}).out);
  // A date would differ from build to build.
  const std::string call =
      "mandoc -Tlint -Wwarning " + page + " | grep -v 'missing date' > " + path("lint");
  static_cast<void>(std::system(call.c_str()));
  EXPECT_EQ(read("lint"), "");
}

}  // namespace
}  // namespace fanfare::cli
