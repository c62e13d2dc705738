#include "base/latest.h"

#include <gtest/gtest.h>

namespace fanfare {
namespace {

struct Squared {
  int number = -1;
  int square = 0;
};

TEST(Latest, KeepsSoManyAndForgetsTheOldest) {
  Latest<Squared, 2> latest;
  const auto square_of = [&](int number) {
    const Squared* known = latest.find([&](const Squared& s) { return s.number == number; });
    return known == nullptr ? 0 : known->square;
  };
  EXPECT_EQ(square_of(3), 0);
  EXPECT_EQ(latest.keep({3, 9}).square, 9);
  latest.keep({4, 16});
  EXPECT_EQ(square_of(3), 9);
  EXPECT_EQ(square_of(4), 16);
  latest.keep({5, 25});
  EXPECT_EQ(square_of(3), 0);
  EXPECT_EQ(square_of(4), 16);
  EXPECT_EQ(square_of(5), 25);
}

}  // namespace
}  // namespace fanfare
