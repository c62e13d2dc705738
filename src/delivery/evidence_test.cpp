#include "delivery/evidence.h"

#include <gtest/gtest.h>

namespace fanfare::delivery {
namespace {

Answer answered(int status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

TEST(Evidence, HasWhatWasAnswered) {
  Answer answer = answered(404, "{\n\"a\"");
  EXPECT_EQ(make_evidence(answer, 1, 7),
            R"({"status":404,"body":"{\n\"a\"","attempts":1,"campaign":7})");
  answer.retry_after = "60";
  answer.reason = "cut";
  EXPECT_EQ(make_evidence(answer, 1, 0),
            R"({"status":404,"body":"{\n\"a\"","retry_after":"60","reason":"cut","attempts":1})");
  EXPECT_EQ(make_evidence(answered(0, ""), 2, 0), R"({"status":0,"attempts":2})");
}

TEST(Evidence, OfALongBodyHasTheBeginning) {
  const std::string evidence = make_evidence(answered(500, std::string(5'000, 'x')), 1, 0);
  EXPECT_EQ(evidence, R"({"status":500,"body":")" + std::string(4'096, 'x') + R"(","attempts":1})");
}

// Each again after all the others: what was written for one must not be told of another.
TEST(Evidence, IsNobodyElsesHoweverOftenItComes) {
  for (int round = 0; round < 3; ++round) {
    for (const int status : {400, 404}) {
      for (const std::string body : {"a", "b"}) {
        for (const int attempts : {1, 2}) {
          for (const int campaign : {1, 2}) {
            EXPECT_EQ(make_evidence(answered(status, body), attempts, campaign),
                      "{\"status\":" + std::to_string(status) + ",\"body\":\"" + body +
                          "\",\"attempts\":" + std::to_string(attempts) +
                          ",\"campaign\":" + std::to_string(campaign) + "}");
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace fanfare::delivery
