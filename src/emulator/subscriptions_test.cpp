#include "emulator/subscriptions.h"

#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

constexpr SystemTime now{};

std::set<std::string> subscribers(const Subscriptions& all, std::string_view topic) {
  std::set<std::string> found;
  all.for_each_subscriber(topic, [&](const std::string& one) { found.insert(one); });
  return found;
}

TEST(Subscriptions, KnowsBothWays) {
  Subscriptions all;
  EXPECT_EQ(all.add("a", "news", now), Subscribed::added);
  EXPECT_EQ(all.add("b", "news", now), Subscribed::added);
  EXPECT_EQ(all.add("a", "news", now), Subscribed::already);
  EXPECT_EQ(all.add("a", "sport", now), Subscribed::added);
  EXPECT_EQ(subscribers(all, "news"), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(all.topics_of("a").size(), 2U);
  EXPECT_EQ(all.since("b", "news"), now);
  EXPECT_EQ(all.since("b", "sport"), std::nullopt);
  EXPECT_EQ(all.count(), 3U);
}

TEST(Subscriptions, ForgetsWhatIsRemoved) {
  Subscriptions all;
  all.add("a", "news", now);
  EXPECT_FALSE(all.remove("a", "sport"));
  EXPECT_FALSE(all.remove("b", "news"));
  EXPECT_TRUE(all.remove("a", "news"));
  EXPECT_FALSE(all.remove("a", "news"));
  EXPECT_EQ(subscribers(all, "news"), std::set<std::string>{});
  EXPECT_EQ(all.count(), 0U);
}

TEST(Subscriptions, HoldsTwoThousandForOneRegistration) {
  Subscriptions all;
  for (std::size_t i = 0; i < Subscriptions::max_topics; ++i) {
    ASSERT_EQ(all.add("a", std::to_string(i), now), Subscribed::added);
  }
  EXPECT_EQ(all.add("a", "one-more", now), Subscribed::too_many_topics);
  EXPECT_EQ(all.add("a", "0", now), Subscribed::already);
  EXPECT_EQ(all.add("b", "one-more", now), Subscribed::added);
  all.remove("a", "7");
  EXPECT_EQ(all.add("a", "one-more", now), Subscribed::added);
}

}  // namespace
}  // namespace fanfare::emulator
