#include "client/latency_watch.h"

#include <gtest/gtest.h>

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;

// A thousand answers a second, ten times a second.
struct Answers {
  int run_for(std::chrono::seconds span, std::chrono::milliseconds latency) {
    int said = 0;
    for (const auto end = now + span; now < end; now += 100ms) {
      if (watch.on_answers(now, 100, latency)) ++said;
    }
    return said;
  }
  LatencyWatch watch;
  SteadyTime now{1h};
};

TEST(LatencyWatch, SpeaksUpWhenTheLatencyIsOver500MsAndThreeTimesTheBest) {
  Answers answers;
  EXPECT_EQ(answers.run_for(10s, 80ms), 0);
  EXPECT_EQ(answers.run_for(10s, 490ms), 0) << "six times the best, but FCM's bound is kept";
  EXPECT_GT(answers.run_for(10s, 600ms), 5);
}

TEST(LatencyWatch, LeavesASlowLinkAlone) {
  Answers answers;
  EXPECT_EQ(answers.run_for(100s, 700ms), 0);
  EXPECT_EQ(answers.run_for(10s, 2'000ms), 0);
  EXPECT_GT(answers.run_for(10s, 2'500ms), 1);
}

TEST(LatencyWatch, ForgivesOneBadSecond) {
  Answers answers;
  EXPECT_EQ(answers.run_for(10s, 80ms), 0);
  EXPECT_EQ(answers.run_for(1s, 900ms), 0);
  EXPECT_EQ(answers.run_for(10s, 80ms), 0);
}

TEST(LatencyWatch, SpeaksAtMostOnceALatency) {
  Answers answers;
  EXPECT_EQ(answers.run_for(10s, 80ms), 0);
  const int said = answers.run_for(60s, 5'000ms);
  EXPECT_GE(said, 10);
  EXPECT_LE(said, 13);
}

TEST(LatencyWatch, TakesWhatLastsForNormal) {
  Answers answers;
  EXPECT_EQ(answers.run_for(10s, 80ms), 0);
  EXPECT_GT(answers.run_for(601s, 800ms), 0);
  EXPECT_EQ(answers.run_for(600s, 800ms), 0);
}

TEST(LatencyWatch, ForgetsTheBestOfLongAgo) {
  Answers answers;
  EXPECT_EQ(answers.run_for(10s, 80ms), 0);
  answers.now += 1h;
  EXPECT_EQ(answers.run_for(10s, 800ms), 0);
}

TEST(LatencyWatch, SaysNothingAboutFewAnswers) {
  LatencyWatch watch;
  SteadyTime now{1h};
  for (int i = 0; i < 40; ++i) EXPECT_FALSE(watch.on_answers(now += 1s, 1, 80ms));
  for (int i = 0; i < 19; ++i) EXPECT_FALSE(watch.on_answers(now += 1s, 1, 3s));
}

}  // namespace
}  // namespace fanfare::client
