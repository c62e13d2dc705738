#include "http2/exchange.h"

#include <gtest/gtest.h>

namespace fanfare::http2 {
namespace {

TEST(FindHeader, GivesTheFirstOfSeveral) {
  const Headers headers{{"a", "1"}, {"b", "2"}, {"b", "3"}};
  EXPECT_EQ(find_header(headers, "b"), "2");
}

TEST(FindHeader, IsEmptyForAnAbsentName) {
  EXPECT_EQ(find_header({{"a", "1"}}, "c"), "");
}

}  // namespace
}  // namespace fanfare::http2
