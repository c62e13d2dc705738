#include "http2/spare_buffers.h"

#include <utility>

#include <gtest/gtest.h>

namespace fanfare::http2 {
namespace {

void use_up() {
  while (take_spare_buffer().capacity() > 15) {
  }
}

TEST(SpareBuffers, GivesOutEmptyWhatCameBackLast) {
  use_up();
  give_spare_buffer(std::string(1'000, 'a'));
  std::string latest(2'000, 'b');
  const char* memory = latest.data();
  give_spare_buffer(std::move(latest));
  const std::string taken = take_spare_buffer();
  EXPECT_TRUE(taken.empty());
  EXPECT_EQ(taken.data(), memory);
  EXPECT_GE(take_spare_buffer().capacity(), 1'000U);
  EXPECT_LE(take_spare_buffer().capacity(), 15U) << "nothing is left";
}

TEST(SpareBuffers, KeepsNeitherLargeOnesNorMany) {
  use_up();
  give_spare_buffer(std::string(1'000'000, 'a'));
  EXPECT_LE(take_spare_buffer().capacity(), 15U);
  for (int i = 0; i < 100; ++i) give_spare_buffer(std::string(1'000, 'a'));
  int kept = 0;
  while (take_spare_buffer().capacity() > 15) ++kept;
  EXPECT_GT(kept, 0);
  EXPECT_LE(kept, 8);
}

}  // namespace
}  // namespace fanfare::http2
