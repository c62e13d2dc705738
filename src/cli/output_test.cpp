#include "cli/output.h"

#include <gtest/gtest.h>

namespace fanfare::cli {
namespace {

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("Zürich"), 6U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
  EXPECT_EQ(display_width("🎺"), 2U);
}

TEST(DisplayWidth, CountsEachBrokenByteOnce) {
  EXPECT_EQ(display_width("\xff\xfe"), 2U);
  EXPECT_EQ(display_width("a\xe6\x97"), 3U);
}

// A server's error text must not be able to clear the screen or to forge a line of ours.
TEST(Printable, TakesAwayWhatCouldMoveTheCursor) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\u009b"), "a?[2Jb?c?");
  EXPECT_EQ(printable("\u202Eabc"), "?abc");
  EXPECT_EQ(printable("Zürich\xff"), "Zürich?");
}

TEST(Shortened, CutsBetweenCharactersAndSaysSo) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdef", 4), "abc…");
  EXPECT_EQ(shortened("日本語", 4), "日…");
  EXPECT_EQ(shortened("abc", 0), "");
}

TEST(Grouped, SetsACommaEveryThreeDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(18'446'744'073'709'551'615U), "18,446,744,073,709,551,615");
}

TEST(Counted, KnowsOneFromMany) {
  EXPECT_EQ(counted(1, "device"), "1 device");
  EXPECT_EQ(counted(0, "device"), "0 devices");
  EXPECT_EQ(counted(2'000, "entry", "entries"), "2,000 entries");
}

TEST(Table, AlignsByColumnsOnTheScreen) {
  Table table({{"name"}, {"count", Table::Align::right}, {"note"}});
  table.add({"日本", "1", "x"});
  table.add({"abc", "1,000", ""});
  EXPECT_EQ(table.render(),
            "name  count  note\n"
            "日本      1  x\n"
            "abc   1,000\n");
}

TEST(Table, WithoutTitlesHasNoHeader) {
  Table table({{""}, {""}});
  table.add({"rule", "token.unregistered"});
  EXPECT_EQ(table.render(), "rule  token.unregistered\n");
}

TEST(RenderError, PutsTheRemedyOnALineOfItsOwn) {
  EXPECT_EQ(render(Error{Error::Kind::input, "can't open x", "check the path"}),
            "fanfare: can't open x\n  check the path\n");
  EXPECT_EQ(render(Error{Error::Kind::input, "can't open x", ""}), "fanfare: can't open x\n");
}

TEST(Output, LeavesStdoutToTheMachineUnderJson) {
  std::FILE* out = std::tmpfile();
  std::FILE* err = std::tmpfile();
  ASSERT_TRUE(out != nullptr && err != nullptr);
  Output output(out, err);
  output.set_json(true);
  output.say("for people");
  output.json_line("{}");
  EXPECT_TRUE(output.finish());
  EXPECT_EQ(std::ftell(out), 3);
  EXPECT_EQ(std::ftell(err), 10);
  std::fclose(out);
  std::fclose(err);
}

TEST(Output, ReportsAFullDisk) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  Output output(full);
  output.write("x");
  const auto finished = output.finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().kind, Error::Kind::storage);
  EXPECT_EQ(finished.error().remedy, "free some disk space");
  std::fclose(full);
}

}  // namespace
}  // namespace fanfare::cli
