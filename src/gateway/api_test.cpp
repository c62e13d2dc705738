#include "gateway/api.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

TEST(Refuse, SaysWhatWhereAndHowToMendIt) {
  const auto response = refuse(Refusal{.code = 404,
                                       .status = "NOT_FOUND",
                                       .message = "there is no \"x\"",
                                       .remedy = "make it",
                                       .field = "to[0]"});
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(http2::find_header(response, "content-type"), "application/json");
  EXPECT_EQ(json::parse(response.body),
            json::parse(R"({"error":{"code":404,"status":"NOT_FOUND","message":"there is no \"x\"",
                            "remedy":"make it","field":"to[0]"}})"));
}

TEST(Refuse, LeavesOutWhatIsNotKnown) {
  const auto response = refuse(Refusal{.message = "no"});
  EXPECT_EQ(json::parse(response.body),
            json::parse(R"({"error":{"code":400,"status":"INVALID_ARGUMENT","message":"no"}})"));
  EXPECT_EQ(http2::find_header(response, "retry-after"), "");
}

TEST(Refuse, SaysWhenToComeAgainAndHowToBeKnown) {
  const auto busy = refuse(Refusal{.code = 429, .message = "busy", .retry_after_s = 7});
  EXPECT_EQ(http2::find_header(busy, "retry-after"), "7");
  EXPECT_EQ(http2::find_header(busy, "www-authenticate"), "");
  const auto unknown = refuse(Refusal{.code = 401, .message = "who"});
  EXPECT_EQ(http2::find_header(unknown, "www-authenticate"), "Bearer");
}

TEST(Refuse, TellsTheCallersFaultsFromOurs) {
  const auto status = [](Error::Kind kind) { return refuse(Error{kind, "what", "remedy"}).status; };
  EXPECT_EQ(status(Error::Kind::usage), 400);
  EXPECT_EQ(status(Error::Kind::input), 400);
  EXPECT_EQ(status(Error::Kind::credentials), 412);
  EXPECT_EQ(status(Error::Kind::network), 502);
  EXPECT_EQ(status(Error::Kind::storage), 503);
}

TEST(Refuse, AsksToComeAgainWhenTheStoreFails) {
  const auto response = refuse(Error{Error::Kind::storage, "the disk is full", "make room"});
  EXPECT_EQ(http2::find_header(response, "retry-after"), "5");
  const auto error = json::parse(response.body).at("error");
  EXPECT_EQ(error.at("status"), "UNAVAILABLE");
  EXPECT_EQ(error.at("remedy"), "make room");
}

TEST(Answer, IsJsonThatNobodyKeeps) {
  const auto response = answer(201, json::object{{"a", 1}});
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, R"({"a":1})");
  EXPECT_EQ(http2::find_header(response, "cache-control"), "no-store");
}

TEST(Answer, NoContentHasNoBody) {
  EXPECT_EQ(no_content().status, 204);
  EXPECT_EQ(no_content().body, "");
}

TEST(Call, APartThatThePatternDoesNotNameIsEmpty) {
  Call call;
  call.path["project"] = "p";
  EXPECT_EQ(call.part("project"), "p");
  EXPECT_EQ(call.part("device"), "");
}

}  // namespace
}  // namespace fanfare::gateway
