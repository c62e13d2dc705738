#include "base/json_text.h"

#include <gtest/gtest.h>

namespace fanfare {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonText, LeavesPlainTextAlone) {
  EXPECT_EQ(quoted("abc:_-09"), "\"abc:_-09\"");
}

TEST(JsonText, EscapesWhatJsonReserves) {
  EXPECT_EQ(quoted("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
  EXPECT_EQ(quoted(std::string_view("\0\x1f", 2)), R"("\u0000\u001f")");
}

TEST(JsonText, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(quoted("héllo \U0001F389"), "\"héllo \U0001F389\"");
  EXPECT_EQ(quoted("a\xff"), "\"a\uFFFD\"");
  EXPECT_EQ(quoted("\xc0\xaf"), "\"\uFFFD\uFFFD\"");            // Overlong.
  EXPECT_EQ(quoted("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");  // A surrogate.
  EXPECT_EQ(quoted("\xe2\x82"), "\"\uFFFD\uFFFD\"");            // Cut short.
}

TEST(JsonText, IsTheSameHoweverLongAndHoweverMuchIsEscaped) {
  for (const std::string_view piece :
       {"plain", "\n", "\"\\", "\x01", "\U0001F389", "\xff", "a\u00e9\x02"}) {
    const std::string one = quoted(piece);
    for (const std::size_t times : {1U, 2U, 7U, 100U, 5'000U}) {
      std::string text;
      std::string wanted = "\"";
      for (std::size_t i = 0; i < times; ++i) {
        text += piece;
        wanted += one.substr(1, one.size() - 2);
      }
      EXPECT_EQ(quoted(std::string_view(text)), wanted + '"') << one << ' ' << times;
    }
  }
}

TEST(JsonText, EmptyTextIsNullWhereAsked) {
  std::string out;
  append_json_string_or_null(out, "");
  append_json_string_or_null(out, "x");
  EXPECT_EQ(out, "null\"x\"");
}

TEST(JsonText, CutsBetweenCharactersOnly) {
  EXPECT_EQ(utf8_prefix("abc", 5), "abc");
  EXPECT_EQ(utf8_prefix("abc", 2), "ab");
  EXPECT_EQ(utf8_prefix("a\u00e9", 2), "a");
  EXPECT_EQ(utf8_prefix("\U0001F389", 3), "");
}

}  // namespace
}  // namespace fanfare
