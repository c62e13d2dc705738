#include "cli/bench_load.h"

#include <string>

#include <gtest/gtest.h>

#include "fcm/encoded_message.h"

namespace fanfare::cli {
namespace {

using namespace std::chrono_literals;

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

TEST(MadeUpTokens, CountUpwardsAndKnowTheirNumber) {
  MadeUpTokens tokens(7);
  const std::string first = tokens.next();
  EXPECT_EQ(MadeUpTokens::number_of(first), 0);
  for (int i = 1; i < 1'000; ++i) (void)tokens.next();
  EXPECT_EQ(MadeUpTokens::number_of(tokens.next()), 1'000);
}

TEST(MadeUpTokens, HaveTheShapeOfAndroids) {
  MadeUpTokens tokens(0);
  const std::string token = tokens.next();
  EXPECT_EQ(token.find(":APA91b"), 22);
  EXPECT_EQ(token.size(), 163);
}

TEST(MadeUpTokens, DifferBetweenSeries) {
  EXPECT_NE(MadeUpTokens(1).next(), MadeUpTokens(2).next());
}

TEST(MessageOfSize, FillsTheBodyToTheByte) {
  for (const std::size_t bytes : {300U, 400U, 4'000U}) {
    std::string body;
    fcm::EncodedMessage(message_of_size(bytes).value())
        .append_body({TargetKind::token, MadeUpTokens(0).next()}, body);
    EXPECT_EQ(body.size(), bytes);
  }
}

TEST(MessageOfSize, SaysWhatTheLeastIs) {
  const auto message = message_of_size(10);
  ASSERT_FALSE(message);
  EXPECT_NE(message.error().remedy.find("--size"), std::string::npos);
}

TEST(LatencyCounts, GiveQuantilesToFivePerCent) {
  LatencyCounts counts;
  for (int i = 1; i <= 100; ++i) counts.add(std::chrono::milliseconds(i));
  EXPECT_NEAR(milliseconds(counts.quantile(0.5)), 50, 2.5);
  EXPECT_NEAR(milliseconds(counts.quantile(0.99)), 99, 5);
}

TEST(LatencyCounts, AreNothingWhenNothingWasCounted) {
  EXPECT_EQ(LatencyCounts{}.quantile(0.5), 0ns);
}

TEST(LatencySample, TimesOneMessageOfAHundred) {
  LatencySample sample;
  MadeUpTokens tokens(0);
  int timed = 0;
  for (int i = 0; i < 1'000; ++i) timed += LatencySample::is_timed(tokens.next()) ? 1 : 0;
  EXPECT_EQ(timed, 10);
}

TEST(LatencySample, TimesEachFromItsOwnBeginning) {
  LatencySample sample;
  const LatencySample::Time begun{};
  MadeUpTokens tokens(0);
  std::string first;
  std::string second;
  for (int i = 0; i < 100; ++i) first = tokens.next();
  for (int i = 0; i < 100; ++i) second = tokens.next();
  sample.begin(first, begun);
  sample.begin(second, begun + 900ms);
  sample.end(second, begun + 1'000ms);
  EXPECT_NEAR(milliseconds(sample.counts().quantile(1)), 100, 5);
  sample.end(first, begun + 1'000ms);
  EXPECT_NEAR(milliseconds(sample.counts().quantile(1)), 1'000, 50);
}

}  // namespace
}  // namespace fanfare::cli
