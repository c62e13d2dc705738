#include "emulator/books.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

const SystemTime start = SystemTime(std::chrono::hours(24 * 365 * 56)) + 4'321us;

// The most that any 60 seconds hold, both ends included.
std::uint64_t most_in(const std::vector<SystemTime>& times, std::chrono::microseconds length) {
  std::uint64_t most = 0;
  for (std::size_t first = 0, last = 0; last < times.size(); ++last) {
    while (times[last] - times[first] > length) ++first;
    most = std::max<std::uint64_t>(most, last - first + 1);
  }
  return most;
}

TEST(Rate, NeverTellsLessThanAnyMinuteHeldAndHardlyMore) {
  Random random(1);
  for (int run = 0; run < 20; ++run) {
    Rate rate;
    std::vector<SystemTime> times;
    auto now = start;
    for (int i = 0; i < 5'000; ++i) {
      now += std::chrono::microseconds(random.below(random.below(100) == 0 ? 9'000'000 : 60'000));
      rate.add(now);
      times.push_back(now);
    }
    EXPECT_GE(rate.most(), most_in(times, 60s));
    EXPECT_LE(rate.most(), most_in(times, 60s + 10ms));
  }
}

TEST(Rate, CountsBothEndsOfAMinute) {
  for (const auto offset : {0us, 1us, 5'678us, 9'999us}) {
    Rate rate;
    rate.add(start + offset);
    rate.add(start + offset + 60s);
    EXPECT_EQ(rate.most(), 2U);
    rate.add(start + offset + 121s);
    EXPECT_EQ(rate.most(), 2U);
  }
}

TEST(Rate, ForgetsWhatIsOlderThanAMinute) {
  Rate rate;
  rate.add(start);
  EXPECT_EQ(rate.last_minute(start + 60s), 1U);
  EXPECT_EQ(rate.last_minute(start + 61s), 0U);
  EXPECT_EQ(rate.last_minute(start + 24h), 0U);
}

TEST(QuotaUse, CountsTogetherWhatIsBeyondAHundredProjects) {
  QuotaUse use;
  for (int i = 0; i < 150; ++i) use.add("project-" + std::to_string(i), start);
  EXPECT_EQ(use.most(), 50U);
  EXPECT_EQ(use.most_by_project().size(), 101U);
  EXPECT_EQ(use.most_by_project().at("(others)"), 50);
}

TEST(QuotaWindow, BeginsWithTheFirstMessageAndLastsAMinute) {
  QuotaWindow window;
  EXPECT_FALSE(window.is_spent(start, 1));
  window.count();
  EXPECT_TRUE(window.is_spent(start + 59s, 1));
  EXPECT_FALSE(window.is_spent(start + 60s, 1));
}

}  // namespace
}  // namespace fanfare::emulator
