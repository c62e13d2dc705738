#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "gateway/api.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

// Empty when it is taken, else what is said.
std::string fault(std::string_view text) {
  const auto read = read_object(text, "body");
  return read ? "" : read.error().message;
}

TEST(ReadObject, TakesAnObject) {
  const auto read = read_object(R"( {"a": [1, {"b": null}], "é": "\ud83c\udf89"} )", "body");
  ASSERT_TRUE(read);
  EXPECT_EQ(json::serialize(*read), R"({"a":[1,{"b":null}],"é":"🎉"})");
}

TEST(ReadObject, RefusesWhatIsNoObject) {
  for (const auto* text : {"", " ", "[]", "null", "1", "\"a\"", "{", "{\"a\":}", "{\"a\":1,}",
                           "{'a':1}", "{} {}", "{\"a\":NaN}", "{\"a\":01}", "{\"a\":\"\n\"}"}) {
    EXPECT_NE(fault(text), "") << text;
  }
}

TEST(ReadObject, SaysWhichTextItWas) {
  EXPECT_NE(read_object("", "line 3").error().message.find("line 3"), std::string::npos);
}

TEST(ReadObject, RefusesANameThatStandsTwiceAtAnyDepth) {
  EXPECT_NE(fault(R"({"a":1,"a":1})"), "");
  EXPECT_NE(fault(R"({"x":[{"a":1,"b":2,"a":3}]})"), "");
  EXPECT_NE(fault(R"({"a":1,"\u0061":2})"), "") << "the same name, written otherwise";
  EXPECT_EQ(fault(R"({"a":{"a":1},"b":[{"a":1},{"a":1}]})"), "");
}

TEST(ReadObject, RefusesWhatIsNoUtf8) {
  EXPECT_NE(fault("{\"a\":\"\xff\"}"), "");
  EXPECT_NE(fault("{\"\xc0\x80\":1}"), "");
  EXPECT_NE(fault("{\"a\":\"\xed\xa0\x80\"}"), "") << "half of a surrogate pair";
  EXPECT_NE(fault(R"({"a":"\ud83c"})"), "") << "the same, written with an escape";
}

TEST(ReadObject, RefusesWhatIsNestedTooDeep) {
  const auto nested = [](std::size_t depth) {
    return R"({"a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(fault(nested(60)), "");
  EXPECT_NE(fault(nested(70)), "");
  EXPECT_NE(fault(nested(100'000)), "");
}

TEST(ReadObject, KeepsNumbers) {
  const auto read = read_object(R"({"a":[0.3,-7,18446744073709551615,2.5e-9,0.1,1e308]})", "body");
  ASSERT_TRUE(read);
  EXPECT_EQ(json::serialize(*read), R"({"a":[3E-1,-7,18446744073709551615,2.5E-9,1E-1,1E308]})");
}

TEST(ReadObject, RefusesNumbersThatNoDoubleHolds) {
  EXPECT_EQ(fault(R"({"a":[1.7e308, -1e308, 1e-400, 12345678901234567890123]})"), "");
  EXPECT_EQ(fault(R"({"a":[1e400]})"), "the body has a number above 1.8e308");
  EXPECT_NE(fault(R"({"a":{"b":[0, {"c":-1.5e671}]}})"), "");
}

// Fields -----------------------------------------------------------------------------------------

class FieldsTest : public testing::Test {
 protected:
  Fields& read(std::string_view text, std::string prefix = {}) {
    object_ = json::parse(text).as_object();
    fields_.emplace(object_, std::move(prefix));
    return *fields_;
  }
  [[nodiscard]] std::string refused() {
    const auto refusal = fields_->refusal();
    return refusal ? refusal->field + ": " + refusal->message : "";
  }

  json::object object_;
  std::optional<Fields> fields_;
};

TEST_F(FieldsTest, TakesEachKind) {
  Fields& fields = read(R"({"t":"x","f":true,"n":7,"at":"2026-11-26T10:00:00Z","l":["a","b"],
                            "o":{},"a":[1]})");
  EXPECT_EQ(fields.text("t"), "x");
  EXPECT_TRUE(fields.flag("f"));
  EXPECT_EQ(fields.number("n", 10), 7U);
  EXPECT_EQ(fields.time("at"), parse_rfc3339("2026-11-26T10:00:00Z"));
  EXPECT_EQ(fields.texts("l"), (std::vector<std::string>{"a", "b"}));
  EXPECT_NE(fields.object("o"), nullptr);
  EXPECT_NE(fields.array("a"), nullptr);
  EXPECT_EQ(refused(), "");
}

TEST_F(FieldsTest, NullIsNotGiven) {
  Fields& fields = read(R"({"t":null,"f":null,"n":null})");
  EXPECT_FALSE(fields.has("t"));
  EXPECT_EQ(fields.optional_text("t"), std::nullopt);
  EXPECT_TRUE(fields.flag("f", true));
  EXPECT_EQ(fields.number("n", 1), std::nullopt);
  EXPECT_EQ(refused(), "");
}

TEST_F(FieldsTest, RefusesWhatNobodyAskedFor) {
  Fields& fields = read(R"({"user":"u","usr":"v"})", "devices[3].");
  EXPECT_EQ(fields.text("user"), "u");
  EXPECT_EQ(refused(), "devices[3].usr: there is no such field here");
}

TEST_F(FieldsTest, LetsFormsOfOthersHoldAnything) {
  read(R"({"usr":"v"})").allow_unknown();
  EXPECT_EQ(refused(), "");
}

TEST_F(FieldsTest, KeepsWhatWasWrongFirst) {
  Fields& fields = read(R"({"a":1,"b":2})");
  EXPECT_EQ(fields.text("a"), "");
  EXPECT_EQ(fields.text("b"), "");
  EXPECT_EQ(refused(), "a: it is not a string");
}

TEST_F(FieldsTest, WantsWhatIsRequired) {
  EXPECT_EQ(read("{}").required_text("a"), "");
  EXPECT_EQ(refused(), "a: it is missing or empty");
  EXPECT_EQ(read(R"({"a":""})").required_text("a"), "");
  EXPECT_EQ(refused(), "a: it is missing or empty");
}

TEST_F(FieldsTest, KeepsTextsWithinTheirBounds) {
  EXPECT_EQ(read(R"({"a":"four"})").text("a", 4), "four");
  EXPECT_EQ(refused(), "");
  EXPECT_EQ(read(R"({"a":"fives"})").text("a", 4), "");
  EXPECT_EQ(refused(), "a: it is longer than 4 bytes");
  EXPECT_TRUE(read(R"({"a":["x","y"]})").texts("a", 1).empty());
  EXPECT_EQ(refused(), "a: it has more than 1 entries");
}

TEST_F(FieldsTest, TakesWholeNumbersInRangeOnly) {
  for (const auto* text : {R"({"n":11})", R"({"n":-1})", R"({"n":1.5})", R"({"n":1e30})",
                           R"({"n":"1"})", R"({"n":true})"}) {
    EXPECT_EQ(read(text).number("n", 10), std::nullopt) << text;
    EXPECT_EQ(refused(), "n: it is no whole number in range") << text;
  }
  EXPECT_EQ(read(R"({"n":10})").number("n", 10), 10U);
  EXPECT_EQ(read(R"({"n":18446744073709551615})").number("n", ~0ULL), ~0ULL);
}

TEST_F(FieldsTest, RefusesTheWrongKind) {
  EXPECT_FALSE(read(R"({"f":"true"})").flag("f"));
  EXPECT_EQ(refused(), "f: it is neither true nor false");
  EXPECT_EQ(read(R"({"at":"tomorrow"})").time("at"), std::nullopt);
  EXPECT_EQ(refused(), "at: it is no date and time");
  EXPECT_EQ(read(R"({"o":[]})").object("o"), nullptr);
  EXPECT_EQ(refused(), "o: it is not an object");
  EXPECT_EQ(read(R"({"l":{}})").array("l"), nullptr);
  EXPECT_EQ(refused(), "l: it is not a list");
  EXPECT_EQ(read(R"({"l":["a",1]})").texts("l").size(), 1U);
  EXPECT_EQ(refused(), "l: it holds something that is not a string");
}

// Each value costs far more memory than its two bytes of text.
TEST(ReadObject, TakesAsManyValuesAsABatchNeedsAndNoMore) {
  const auto of = [](int count) {
    std::string text = R"({"a":[0)";
    for (int i = 1; i < count; ++i) text += ",0";
    return read_object(text + "]}", "body");
  };
  EXPECT_TRUE(of(250'000).has_value());
  const auto refused = of(300'000);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("more than 262144 values"), std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace fanfare::gateway
