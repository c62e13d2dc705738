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
