#include "cli/tree.h"

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

#include "cli/help.h"

namespace fanfare::cli {
namespace {

TEST(Describe, ReadsOptionsArgumentsAndCommandsOffTheParser) {
  CLI::App app("Does things.\n\nAt length.", "tool");
  app.footer("Examples:\n  tool x\n");
  CLI::App* command = app.add_subcommand("go", "Go somewhere");
  command->group("Moving");
  std::string where;
  std::string how;
  bool fast = false;
  command->add_option("WHERE", where, "Where to")->required()->type_name("FILE");
  command->add_option("--how", how, "In which way")
      ->type_name("WAY")
      ->envname("TOOL_HOW")
      ->check(CLI::IsMember(std::vector<std::string>{"by-land", "by-sea"}));
  command->add_flag("-f,--fast", fast, "Hurry");

  const CommandDoc doc = describe(app);
  EXPECT_EQ(doc.summary, "Does things.");
  EXPECT_EQ(doc.details, "At length.");
  ASSERT_EQ(doc.commands.size(), 1U);
  const CommandDoc& go = doc.commands[0];
  EXPECT_EQ(go.group, "Moving");
  ASSERT_EQ(go.arguments.size(), 1U);
  EXPECT_EQ(go.arguments[0].value, "WHERE");
  ASSERT_EQ(go.options.size(), 3U) << "the help flag is one";
  EXPECT_EQ(option_label(go.options[1]), "--how WAY");
  EXPECT_EQ(option_text(go.options[1]), "In which way (by-land, by-sea) [TOOL_HOW]");
  EXPECT_EQ(option_label(go.options[2]), "-f, --fast");
  EXPECT_EQ(usage_line(go, "tool go"), "tool go [OPTIONS] WHERE");
}

TEST(Sections, AreTitlesAndIndentedLines) {
  const auto sections = sections_of("One:\n  a\n    b\n\nTwo:\n  c\n");
  ASSERT_EQ(sections.size(), 2U);
  EXPECT_EQ(sections[0].title, "One");
  EXPECT_EQ(sections[0].lines, (std::vector<std::string>{"a", "  b"}));
  EXPECT_EQ(sections[1].lines, (std::vector<std::string>{"c"}));
}

TEST(Nearest, FindsSlipsOfTheFinger) {
  const std::vector<std::string> words{"--token", "--topic", "--to"};
  EXPECT_EQ(nearest("--tokne", words), "--token");
  EXPECT_EQ(nearest("--tpic", words), "--topic");
  EXPECT_EQ(nearest("--t", words), "--to");
}

TEST(Nearest, StaysSilentAboutOtherWords) {
  EXPECT_EQ(nearest("frobnicate", {"send", "explain"}), "");
  EXPECT_EQ(nearest("", {"send"}), "");
}

TEST(Wrapped, BreaksAtBlanksAndKeepsLineEnds) {
  EXPECT_EQ(wrapped("aa bb cc\ndd", 5), (std::vector<std::string>{"aa bb", "cc", "dd"}));
  EXPECT_EQ(wrapped("a verylongword b", 4), (std::vector<std::string>{"a", "verylongword", "b"}));
  EXPECT_EQ(wrapped("", 4), (std::vector<std::string>{""}));
}

TEST(Help, PutsALabelThatIsTooLongOnItsOwnLine) {
  CommandDoc doc;
  doc.name = "tool";
  doc.options = {{.long_name = "--a", .description = "Short", .group = "Options"},
                 {.long_name = "--a-name-that-nobody-can-type",
                  .value = "VALUE",
                  .description = "Long",
                  .group = "Options"}};
  EXPECT_NE(render_help(doc, "tool")
                .find("Options:\n"
                      "  --a  Short\n"
                      "  --a-name-that-nobody-can-type VALUE\n"
                      "       Long\n"),
            std::string::npos)
      << render_help(doc, "tool");
}

}  // namespace
}  // namespace fanfare::cli
