#include "emulator/condition.h"

#include <string>

#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

TEST(Condition, TakesTermsOperatorsAndParentheses) {
  for (const auto* text :
       {"'a' in topics", "'a' in topics && 'b' in topics", "!('a' in topics)",
        "('a' in topics || 'b' in topics) && !'c' in topics", "  'a'in topics||'b' in topics  ",
        "'a' in topics && 'b' in topics && 'c' in topics && 'd' in topics && 'e' in topics"}) {
    EXPECT_TRUE(is_condition(text)) << text;
  }
}

TEST(Condition, RefusesBrokenSyntax) {
  for (const auto* text :
       {"", "a", "'a'", "'a' in", "'a' in topic", "'a' in topics &&", "('a' in topics",
        "'a' in topics)", "'a' in topics & 'b' in topics", "\"a\" in topics", "'a b' in topics",
        "'' in topics", "'a in topics", "'a' in topics 'b' in topics", "'a' in topicsx", "!"}) {
    EXPECT_FALSE(is_condition(text)) << text;
  }
}

TEST(Condition, HoldsForADevicesTopics) {
  const auto of = [](std::string_view topics) {
    return [topics](std::string_view topic) { return topics.find(topic) != topics.npos; };
  };
  const std::tuple<const char*, const char*, bool> cases[] = {
      {"'a' in topics", "a", true},
      {"'a' in topics", "b", false},
      {"'a' in topics", "", false},
      {"!'a' in topics", "b", true},
      {"!!'a' in topics", "a", true},
      {"'a' in topics && 'b' in topics", "a", false},
      {"'a' in topics && 'b' in topics", "ab", true},
      {"'a' in topics || 'b' in topics", "b", true},
      {"'a' in topics && ('b' in topics || 'c' in topics)", "ac", true},
      {"'a' in topics && ('b' in topics || 'c' in topics)", "bc", false},
      {"!('a' in topics || 'b' in topics)", "c", true},
      // From left to right: (a || b) && c, not a || (b && c).
      {"'a' in topics || 'b' in topics && 'c' in topics", "a", false},
      {"'a' in topics && 'b' in topics || 'c' in topics", "c", true},
      {"'a' in", "a", false}};
  for (const auto& [condition, topics, wanted] : cases) {
    EXPECT_EQ(holds(condition, of(topics)), wanted) << condition << " for " << topics;
  }
}

TEST(Condition, RefusesASixthTopic) {
  EXPECT_FALSE(is_condition(
      "'a' in topics || 'b' in topics || 'c' in topics || 'd' in topics || 'e' in topics || "
      "'f' in topics"));
}

TEST(Condition, SurvivesAbsurdNesting) {
  EXPECT_FALSE(is_condition(std::string(1'000'000, '(')));
  EXPECT_FALSE(is_condition(std::string(1'000'000, '!')));
}

TEST(TopicName, IsOneToNineHundredOfItsAlphabet) {
  EXPECT_TRUE(is_topic_name("news-_.~%9"));
  EXPECT_TRUE(is_topic_name(std::string(900, 'a')));
  EXPECT_FALSE(is_topic_name(""));
  EXPECT_FALSE(is_topic_name(std::string(901, 'a')));
  EXPECT_FALSE(is_topic_name("/topics/news"));
  EXPECT_FALSE(is_topic_name("a b"));
}

}  // namespace
}  // namespace fanfare::emulator
