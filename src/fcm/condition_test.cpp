#include "fcm/condition.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace fanfare::fcm {
namespace {

using Kind = Condition::Kind;
using FaultKind = ConditionFault::Kind;

// How a text is understood, with all its parentheses; else where and why it is not.
std::string reading(std::string_view text) {
  const auto parsed = parse_condition(text);
  return parsed ? write_condition(parsed->root) : parsed.error().what;
}

TEST(TopicName, HasOneTo900OfTheAllowedCharacters) {
  for (const std::string& name :
       {std::string("a"), std::string("News-2026_a.b~c%20"), std::string(900, 'x')}) {
    EXPECT_TRUE(is_topic_name(name)) << name;
  }
  for (const std::string& name : {std::string(), std::string("/topics/a"), std::string("a b"),
                                  std::string("ä"), std::string("a'"), std::string(901, 'x')}) {
    EXPECT_FALSE(is_topic_name(name)) << name;
  }
}

TEST(Condition, ReadsTheExamplesOfTheDocumentation) {
  EXPECT_EQ(reading("'stock-GOOG' in topics || 'industry-tech' in topics"),
            "'stock-GOOG' in topics || 'industry-tech' in topics");
  EXPECT_EQ(reading("'dogs' in topics && ('cats' in topics || 'birds' in topics)"),
            "'dogs' in topics && ('cats' in topics || 'birds' in topics)");
  EXPECT_EQ(reading("!('dogs' in topics)"), "!('dogs' in topics)");
}

TEST(Condition, GoesFromLeftToRightWithoutPrecedence) {
  EXPECT_EQ(reading("'a' in topics || 'b' in topics && 'c' in topics"),
            "('a' in topics || 'b' in topics) && 'c' in topics");
  EXPECT_EQ(reading("!'a' in topics && 'b' in topics"), "!('a' in topics) && 'b' in topics");
}

TEST(Condition, MarksWhatAReaderOfCWouldTakeOtherwise) {
  const auto trap = [](std::string_view text) { return parse_condition(text)->precedence_trap; };
  EXPECT_TRUE(trap("'a' in topics || 'b' in topics && 'c' in topics"));
  EXPECT_FALSE(trap("('a' in topics || 'b' in topics) && 'c' in topics"));
  EXPECT_FALSE(trap("'a' in topics && 'b' in topics || 'c' in topics"));
  EXPECT_TRUE(trap("!('a' in topics || 'b' in topics && 'c' in topics)"));
}

TEST(Condition, BlanksDoNotMatterAndTwoNegationsCancelOut) {
  EXPECT_EQ(reading("\t'a'in topics&&'b' \n in  topics "), "'a' in topics && 'b' in topics");
  EXPECT_EQ(reading("!!('a' in topics)"), "'a' in topics");
  EXPECT_EQ(reading("!(!(!'a' in topics))"), "!('a' in topics)");
}

TEST(Condition, MarksDoubleQuotes) {
  EXPECT_TRUE(parse_condition("\"a\" in topics")->double_quotes);
  EXPECT_FALSE(parse_condition("'a' in topics")->double_quotes);
}

TEST(Condition, FaultsSayWhereAndWhy) {
  EXPECT_EQ(reading(""), "at the end: expected a topic, such as 'news' in topics");
  EXPECT_EQ(reading("news"),
            "at character 1, before `news`: expected a topic, such as 'news' in topics");
  EXPECT_EQ(reading("'a' in topics &&"), "at the end: expected a topic, such as 'news' in topics");
  EXPECT_EQ(reading("'a' in topic"), "at character 8, before `topic`: expected in topics");
  EXPECT_EQ(reading("'a' inside topics"),
            "at character 5, before `inside topics`: expected in topics");
  EXPECT_EQ(reading("'a in topics"),
            "at character 1, before `'a in topics`: the quote is never closed");
  EXPECT_EQ(reading("('a' in topics"), "at the end: expected && or || or )");
  EXPECT_EQ(reading("'a' in topics)"), "at character 14, before `)`: expected && or || or the end");
  EXPECT_EQ(reading("'a' in topics & 'b' in topics"),
            "at character 15, before `& 'b' in topics`: an operator has two characters: && or ||");
  EXPECT_EQ(reading("'a' in topics and 'b' in topics"),
            "at character 15, before `and 'b' in topics`: expected && or || or the end");
}

TEST(Condition, NamesOfTopicsAreChecked) {
  const auto slash = parse_condition("'a' in topics || '/topics/b' in topics");
  ASSERT_FALSE(slash);
  EXPECT_EQ(slash.error().kind, FaultKind::topic_name);
  EXPECT_EQ(slash.error().position, 18U);
  EXPECT_EQ(parse_condition("'' in topics").error().kind, FaultKind::topic_name);
}

std::string chain(int topics) {
  std::string text = "'t' in topics";
  for (int i = 1; i < topics; ++i) text += " || 't' in topics";
  return text;
}

TEST(Condition, HasAtMostFiveTopics) {
  EXPECT_TRUE(parse_condition(chain(5)));
  const auto six = parse_condition(chain(6));
  ASSERT_FALSE(six);
  EXPECT_EQ(six.error().kind, FaultKind::too_many_topics);
}

TEST(Condition, DepthIsLimited) {
  const auto nested = [](std::size_t depth, char open, const char* close) {
    std::string text = std::string(depth, open) + "'a' in topics";
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
  };
  EXPECT_TRUE(parse_condition(nested(max_condition_depth, '(', ")")));
  EXPECT_FALSE(parse_condition(nested(max_condition_depth + 1, '(', ")")));
  EXPECT_FALSE(parse_condition(nested(1'000'000, '(', ")")));
  EXPECT_FALSE(parse_condition(nested(1'000'000, '!', "")));
}

// --- Any condition ---

rc::Gen<std::string> any_name() {
  return rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(
      std::string("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~%"))));
}

// A condition of exactly this many topics.
Condition any_condition(std::size_t topics) {
  Condition node{.kind = Kind::topic};
  if (topics == 1) {
    node.topic = *any_name();
  } else {
    const auto left = *rc::gen::inRange<std::size_t>(1, topics);
    node.kind = *rc::gen::element(Kind::both, Kind::either);
    node.operands.push_back(any_condition(left));
    node.operands.push_back(any_condition(topics - left));
  }
  if (!*rc::gen::arbitrary<bool>()) return node;
  return Condition{.kind = Kind::negation, .operands = {node}};
}

RC_GTEST_PROP(ConditionProperty, WhatIsWrittenReadsBackAsEqual, ()) {
  const auto topics = *rc::gen::inRange<std::size_t>(1, max_condition_topics + 1);
  const Condition condition = any_condition(topics);
  const auto parsed = parse_condition(write_condition(condition));
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed->root == condition);
  RC_ASSERT(!parsed->precedence_trap);
  RC_ASSERT(!parsed->double_quotes);
}

// One character more or less: taken or not, the answer is consistent.
RC_GTEST_PROP(ConditionProperty, ASpoiltConditionIsReadOrRefusedWithAPlace, ()) {
  std::string text = write_condition(any_condition(*rc::gen::inRange<std::size_t>(1, 6)));
  const auto place = *rc::gen::inRange<std::size_t>(0, text.size());
  if (*rc::gen::arbitrary<bool>()) {
    text.erase(place, 1);
  } else {
    text.insert(place, 1, *rc::gen::elementOf(std::string("()!&|'\" ax/\x80")));
  }
  const auto parsed = parse_condition(text);
  if (parsed) {
    RC_ASSERT(parse_condition(write_condition(parsed->root))->root == parsed->root);
  } else {
    RC_ASSERT(parsed.error().position <= text.size());
    RC_ASSERT(!parsed.error().what.empty());
  }
}

}  // namespace
}  // namespace fanfare::fcm
