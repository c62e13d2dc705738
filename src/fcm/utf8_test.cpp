#include "fcm/utf8.h"

#include <gtest/gtest.h>

namespace fanfare::fcm {
namespace {

TEST(PlainJson, OneByteThatIsNotPlainIsFoundWhereverItIs) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'a');
      text[at] = static_cast<char>(byte);
      EXPECT_EQ(is_plain_json(text), is_plain_json_byte(text[at])) << byte << " at " << at;
    }
  }
}

TEST(PlainJson, NothingIsPlain) {
  EXPECT_TRUE(is_plain_json(""));
}

}  // namespace
}  // namespace fanfare::fcm
