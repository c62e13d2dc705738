#include "delivery/cursor.h"

#include <set>

#include <gtest/gtest.h>

#include "base/random.h"

namespace fanfare::delivery {
namespace {

TEST(Cursor, FollowsWhatIsSettledInOrder) {
  Cursor cursor;
  for (DeviceId id = 1; id <= 3; ++id) EXPECT_TRUE(cursor.take(id));
  cursor.settle(1);
  cursor.settle(2);
  EXPECT_EQ(cursor.position(), 2);
  EXPECT_EQ(cursor.last_taken(), 3);
  EXPECT_EQ(cursor.unsettled(), 1U);
  EXPECT_EQ(cursor.done(), "");
}

TEST(Cursor, ListsWhatOvertookASlowOne) {
  Cursor cursor;
  for (const DeviceId id : {10, 11, 500, 501}) EXPECT_TRUE(cursor.take(id));
  cursor.settle(501);
  cursor.settle(11);
  EXPECT_EQ(cursor.position(), 0);

  auto resumed = Cursor::restore(cursor.position(), cursor.done());
  ASSERT_TRUE(resumed);
  EXPECT_TRUE(resumed->take(10));
  EXPECT_FALSE(resumed->take(11));
  EXPECT_TRUE(resumed->take(500));
  EXPECT_FALSE(resumed->take(501));
}

TEST(Cursor, PassesOverADeviceThatVanishedMeanwhile) {
  Cursor cursor;
  for (const DeviceId id : {1, 2, 3}) EXPECT_TRUE(cursor.take(id));
  cursor.settle(2);
  auto resumed = Cursor::restore(0, cursor.done());
  ASSERT_TRUE(resumed);
  EXPECT_TRUE(resumed->take(1));
  EXPECT_TRUE(resumed->take(3));
}

TEST(Cursor, RefusesADamagedList) {
  EXPECT_FALSE(Cursor::restore(0, "\x80"));
  EXPECT_FALSE(Cursor::restore(0, std::string_view("\0", 1)));
  EXPECT_FALSE(Cursor::restore(5, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  EXPECT_FALSE(Cursor::restore(INT64_MAX - 1, "\x02"));
}

// Whatever the order and wherever the crash: after a restore exactly the unsettled are sent.
TEST(Cursor, RepeatsExactlyTheUnsettledAfterACrashAnywhere) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    std::vector<DeviceId> audience;
    DeviceId id = 0;
    for (int i = 0; i < 60; ++i)
      audience.push_back(id += 1 + static_cast<DeviceId>(random.below(300)));

    Cursor cursor;
    std::set<DeviceId> settled;
    std::vector<DeviceId> open;
    std::size_t next = 0;
    for (std::uint64_t step = random.below(150); step > 0; --step) {
      if (next < audience.size() && (open.empty() || random.below(2) == 0)) {
        ASSERT_TRUE(cursor.take(audience[next]));
        open.push_back(audience[next++]);
      } else if (!open.empty()) {
        const auto at = open.begin() + static_cast<std::ptrdiff_t>(random.below(open.size()));
        cursor.settle(*at);
        settled.insert(*at);
        open.erase(at);
      }
    }
    ASSERT_EQ(cursor.unsettled(), open.size());

    auto resumed = Cursor::restore(cursor.position(), cursor.done());
    ASSERT_TRUE(resumed);
    for (const DeviceId receiver : audience) {
      if (receiver <= cursor.position()) {
        EXPECT_TRUE(settled.contains(receiver));
      } else {
        EXPECT_EQ(resumed->take(receiver), !settled.contains(receiver)) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace fanfare::delivery
