#include "emulator/url.h"

#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

using Segments = std::vector<std::string>;

TEST(Url, DecodesPercentSignsAndLeavesBrokenOnes) {
  EXPECT_EQ(percent_decode("a%3Ab%2f%25"), "a:b/%");
  EXPECT_EQ(percent_decode("%zz%4+%"), "%zz%4+%");
}

TEST(Url, FindsDecodedValues) {
  EXPECT_EQ(query_value("a=1&topic_name=a%25b+c&a=2", "topic_name"), "a%b c");
  EXPECT_EQ(query_value("a=1&a=2", "a"), "1");
  EXPECT_EQ(query_value("a=", "a"), "");
  EXPECT_EQ(query_value("aa=1&a", "a"), std::nullopt);
}

TEST(Url, CutsAPathBeforeItDecodes) {
  EXPECT_EQ(path_segments("/v1/a%2Fb/c%3Ad"), (Segments{"v1", "a/b", "c:d"}));
  EXPECT_EQ(path_segments("/a//"), (Segments{"a", "", ""}));
  EXPECT_EQ(path_segments("a/b"), Segments{});
}

TEST(Url, ReadsAPageSizeAsGoogleDoes) {
  EXPECT_EQ(page_size(std::nullopt, 10, 20), 10U);
  EXPECT_EQ(page_size("0", 10, 20), 10U);
  EXPECT_EQ(page_size("7", 10, 20), 7U);
  EXPECT_EQ(page_size("99999999999999999999999", 10, 20), 20U);
  for (const auto* text : {"-1", "x", "7x"}) EXPECT_EQ(page_size(text, 10, 20), std::nullopt);
}

}  // namespace
}  // namespace fanfare::emulator
