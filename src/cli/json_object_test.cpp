#include "cli/json_object.h"

#include <gtest/gtest.h>

namespace fanfare::cli {
namespace {

TEST(JsonObject, KeepsTheOrderOfItsMembers) {
  EXPECT_EQ(JsonObject()
                .text("b", "x\"y")
                .text_or_null("a", "")
                .number("n", -3)
                .boolean("t", true)
                .counts("c", {{"x", 1}, {"", 2}})
                .json("j", "[1]")
                .str(),
            R"({"b":"x\"y","a":null,"n":-3,"t":true,"c":{"":2,"x":1},"j":[1]})");
}

TEST(JsonObject, WithoutMembersIsEmpty) {
  EXPECT_EQ(JsonObject().str(), "{}");
}

}  // namespace
}  // namespace fanfare::cli
