#include "registry/brake.h"

#include <tuple>

#include <gtest/gtest.h>

namespace fanfare::registry {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view gone = "token.unregistered";
constexpr std::string_view foreign = "token.sender_id_mismatch";

TEST(Brake, NeverPullsBelowItsFloorWhateverTheShare) {
  EXPECT_FALSE(brake_pulls({}, "token.unregistered", 99, 99));
  EXPECT_TRUE(brake_pulls({}, "token.unregistered", 100, 100));
}

TEST(Brake, PullsAboveTheShareAndNotAtIt) {
  EXPECT_FALSE(brake_pulls({}, "token.unregistered", 300, 1'000));
  EXPECT_TRUE(brake_pulls({}, "token.unregistered", 301, 1'000));
}

TEST(Brake, IsQuickerWhenDevicesBelongToAnotherProject) {
  EXPECT_FALSE(brake_pulls({}, "token.unregistered", 150, 1'000));
  EXPECT_TRUE(brake_pulls({}, "token.sender_id_mismatch", 150, 1'000));
  EXPECT_TRUE(brake_pulls({}, "token.probe_sender_id_mismatch", 150, 1'000));
}

TEST(Brake, NeedsARetirementEvenWithoutAFloor) {
  EXPECT_FALSE(brake_pulls({.floor = 0, .share = 0.0}, "token.unregistered", 0, 0));
}

// The limit ------------------------------------------------------------------------------------

TEST(BrakeLimit, IsWideWithoutHistoryAndFollowsItLater) {
  EXPECT_DOUBLE_EQ(brake_limit({}, gone, 0, 0), 0.30);
  EXPECT_DOUBLE_EQ(brake_limit({}, gone, 400, 4'999), 0.30);
  EXPECT_DOUBLE_EQ(brake_limit({}, gone, 400, 10'000), 0.17);
  EXPECT_DOUBLE_EQ(brake_limit({}, gone, 0, 10'000), 0.10);
  EXPECT_DOUBLE_EQ(brake_limit({}, gone, 5'000, 10'000), 0.50);
}

TEST(BrakeLimit, DoesNotGrowForDevicesOfAnotherProject) {
  EXPECT_DOUBLE_EQ(brake_limit({}, foreign, 5'000, 10'000), 0.10);
}

// The watch ------------------------------------------------------------------------------------

// Time is a member that tests move; answers are given by the hundred.
class BrakeWatchTest : public testing::Test {
 protected:
  void start() { watch_.emplace(limits_, history_, campaign_, now_); }

  void hear(int count, std::string_view rule, std::string_view platform = "android",
            State before = State::active) {
    for (int i = 0; i < count; ++i) {
      watch_->note({.device = ++device_,
                    .platform = platform,
                    .before = before,
                    .suspected_by = before == State::suspect ? gone : std::string_view(),
                    .rule = rule});
    }
  }
  std::vector<BrakePull> pulls(bool ended = false) {
    std::ignore = watch_->take_counts(now_);
    return watch_->take_pulls(now_, ended);
  }
  // A fleet that was answered so before, by the day.
  void learn(std::uint64_t accepted, std::uint64_t dead) {
    history_.baseline = {{.platform = "android", .rule = "", .count = accepted},
                         {.platform = "android", .rule = std::string(gone), .count = dead}};
  }
  void brake_is_on(std::uint64_t suspects, std::uint64_t actives, SystemTime since) {
    history_.open = {{.brake = {.id = 7,
                                .project = "p",
                                .platform = "android",
                                .rule = std::string(gone),
                                .campaign = 1,
                                .since = since,
                                .suspects = suspects},
                      .actives = actives}};
  }

  BrakeLimits limits_;
  BrakeHistory history_;
  SystemTime now_{std::chrono::seconds(1'800'000'000)};
  std::int64_t campaign_ = 2;
  DeviceId device_ = 0;
  std::optional<BrakeWatch> watch_;
};

TEST_F(BrakeWatchTest, PullsAboveTheLimitAndOnce) {
  start();
  hear(700, "");
  hear(300, gone);
  EXPECT_TRUE(pulls().empty());
  hear(1, gone);
  const auto due = pulls();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].platform, "android");
  EXPECT_EQ(due[0].rule, gone);
  EXPECT_DOUBLE_EQ(due[0].why.limit, 0.30);
  hear(500, gone);
  EXPECT_TRUE(pulls().empty());
}

TEST_F(BrakeWatchTest, PullsFarEarlierInAFleetThatHardlyDies) {
  learn(100'000, 500);
  start();
  hear(1'000, "");
  hear(110, gone);
  EXPECT_TRUE(pulls().empty());
  hear(5, gone);
  EXPECT_EQ(pulls().size(), 1U);
}

TEST_F(BrakeWatchTest, CountsTheSmallSendsOfTheHourTogether) {
  for (int send = 0; send < 3; ++send) {
    start();
    hear(40, "");
    hear(40, gone);
    const auto counts = watch_->take_counts(now_);
    history_.window.insert(history_.window.end(), counts.begin(), counts.end());
    EXPECT_EQ(watch_->take_pulls(now_, true).size(), send == 2 ? 1U : 0U) << send;
    now_ += 15min;
  }
}

TEST_F(BrakeWatchTest, ForgetsWhatIsOlderThanAnHourWithinOneRun) {
  start();
  hear(90, gone);
  hear(10, "");
  EXPECT_TRUE(pulls().empty());
  now_ += 80min;
  // Enough clean answers that neither the run nor the latest answers show anything.
  hear(2'000, "");
  EXPECT_TRUE(pulls().empty());
  hear(90, gone);
  EXPECT_TRUE(pulls().empty());
}

TEST_F(BrakeWatchTest, SeesAWaveBehindALargeCleanSend) {
  history_.window = {{.bucket = brake_bucket_of(now_), .platform = "android", .count = 50'000}};
  start();
  hear(200, "");
  hear(100, gone);
  EXPECT_EQ(pulls().size(), 1U) << "a third of this run, a five hundredth of the hour";
}

TEST_F(BrakeWatchTest, SeesAWaveInTheMiddleOfALongRun) {
  start();
  hear(20'000, "");
  EXPECT_TRUE(pulls().empty());
  for (int i = 0; i < 350; ++i) {
    hear(1, "");
    hear(1, gone);
  }
  EXPECT_EQ(pulls().size(), 1U);
}

TEST_F(BrakeWatchTest, TakesTheDeathOfASuspectForNoNews) {
  start();
  hear(100, "");
  hear(1'000, gone, "android", State::suspect);
  EXPECT_TRUE(pulls(true).empty());
}

TEST_F(BrakeWatchTest, KeepsPlatformsApart) {
  start();
  hear(500, gone, "ios");
  hear(500, "", "ios");
  hear(5'000, "", "android");
  hear(100, gone, "android");
  const auto due = pulls(true);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].platform, "ios");
}

TEST_F(BrakeWatchTest, SparesNoPlatformThatIsTooSmallForTheFloor) {
  start();
  hear(500, gone, "android");
  hear(500, "", "android");
  EXPECT_EQ(pulls().size(), 1U);
  hear(4, gone, "web");
  hear(4, "", "web");
  EXPECT_TRUE(pulls().empty());
  const auto due = pulls(true);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].platform, "web");
}

TEST_F(BrakeWatchTest, LooksCloserAtASmallPlatformWhileAnotherIsBraked) {
  start();
  hear(900, "", "web");
  hear(20'000, "");
  for (int i = 0; i < 400; ++i) {
    hear(1, "");
    hear(1, gone);
    if (i % 20 == 0) hear(1, gone, "web");
    if (i % 20 == 10) hear(1, "", "web");
  }
  const auto due = pulls();
  ASSERT_EQ(due.size(), 2U) << "20 of 940 answers, but 20 of the latest 40";
  EXPECT_EQ(due[0].platform, "android");
  EXPECT_EQ(due[1].platform, "web");
}

TEST_F(BrakeWatchTest, AnOldBrakeMakesNobodyNervousElsewhere) {
  brake_is_on(2'000, 100, now_ - 1h);
  start();
  hear(2, gone, "web");
  hear(9, "", "web");
  EXPECT_TRUE(pulls(true).empty());
}

TEST_F(BrakeWatchTest, PullsForACanaryWhateverTheShare) {
  history_.canaries = {{5'001, "android"}};
  start();
  hear(5'000, "");
  hear(1, gone);
  const auto due = pulls();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].canary, 5'001);
}

TEST_F(BrakeWatchTest, CountsAnswersByBucket) {
  start();
  hear(3, "");
  hear(2, gone);
  const auto counts = watch_->take_counts(now_);
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_EQ(counts[0].bucket, brake_bucket_of(now_));
  EXPECT_EQ(counts[0].rule, gone);
  EXPECT_EQ(counts[0].count, 2U);
  EXPECT_EQ(counts[1].rule, "");
  EXPECT_EQ(counts[1].count, 3U);
  EXPECT_TRUE(watch_->take_counts(now_).empty());
}

TEST_F(BrakeWatchTest, JudgesAnewAfterAPersonsWord) {
  start();
  hear(500, "");
  hear(500, gone);
  EXPECT_EQ(pulls().size(), 1U);
  watch_->keep({{"android", std::string(gone)}});
  hear(500, gone);
  EXPECT_TRUE(pulls().empty());
  watch_->keep({});
  hear(10, gone);
  EXPECT_TRUE(pulls().empty());
  hear(500, "");
  hear(500, gone);
  EXPECT_EQ(pulls().size(), 1U);
}

// Letting go -----------------------------------------------------------------------------------

TEST_F(BrakeWatchTest, LetsGoWhenTheSuspectsLiveInALaterRun) {
  brake_is_on(2'000, 100, now_ - 1h);
  start();
  hear(50, "");
  hear(97, "", "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
  hear(3, gone, "android", State::suspect);
  EXPECT_EQ(watch_->take_over(now_, false), std::vector<std::int64_t>{7});
  hear(20, gone);
  EXPECT_TRUE(pulls(true).empty()) << "deaths are believed again";
}

TEST_F(BrakeWatchTest, NeverLetsGoInTheRunThatPulledIt) {
  campaign_ = 1;
  brake_is_on(2'000, 100, now_ - 48h);
  start();
  hear(500, "");
  hear(500, "", "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
}

TEST_F(BrakeWatchTest, HoldsWhileTheSameDevicesAreCalledDead) {
  brake_is_on(2'000, 100, now_ - 1h);
  start();
  hear(500, "");
  hear(500, gone, "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
}

TEST_F(BrakeWatchTest, IsNotTalkedRoundByActiveDevicesAlone) {
  brake_is_on(2'000, 100, now_ - 1h);
  start();
  hear(50'000, "");
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
  hear(100, gone, "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty()) << "100 of 50,100, but all of the suspects";
}

TEST_F(BrakeWatchTest, DoesNotBelieveARunThatBeganInTheWave) {
  brake_is_on(2'000, 100, now_ - 1h);
  start();
  hear(100, "");
  hear(100, gone, "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
  hear(10'000, "", "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty())
      << "it has 100 verdicts of the wave in its books";
}

TEST_F(BrakeWatchTest, BelievesOldSuspectsWhenNoDeathsAreAdded) {
  brake_is_on(2'000, 100, now_ - 24h);
  start();
  hear(100, "");
  hear(100, gone, "android", State::suspect);
  EXPECT_EQ(watch_->take_over(now_, false), std::vector<std::int64_t>{7});
}

TEST_F(BrakeWatchTest, HoldsAnOldBrakeWhileDeathsAreAdded) {
  brake_is_on(2'000, 100, now_ - 48h);
  start();
  hear(60, "");
  hear(40, gone);
  hear(100, gone, "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
}

TEST_F(BrakeWatchTest, HoldsAnOldBrakeWhileACanaryIsCalledDead) {
  brake_is_on(2'000, 100, now_ - 48h);
  history_.canaries = {{301, "android"}};
  start();
  hear(200, "");
  hear(100, gone, "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty()) << "it has not answered yet";
  hear(1, gone, "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
  EXPECT_TRUE(watch_->take_over(now_, true).empty());
}

TEST_F(BrakeWatchTest, WaitsForTheCanariesToTheEndOfTheRun) {
  brake_is_on(2'000, 100, now_ - 1h);
  history_.canaries = {{201, "android"}, {9'999, "android"}, {9'998, "ios"}};
  start();
  hear(100, "");
  hear(100, "", "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
  hear(1, "");
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
  EXPECT_EQ(watch_->take_over(now_, true).size(), 1U) << "the other is not in the audience";
}

TEST_F(BrakeWatchTest, LetsGoOfASmallPlatformWhenAllOfItAnswered) {
  brake_is_on(4, 6, now_ - 1h);
  start();
  hear(6, "");
  hear(3, "", "android", State::suspect);
  EXPECT_TRUE(watch_->take_over(now_, false).empty());
  hear(1, "", "android", State::suspect);
  EXPECT_EQ(watch_->take_over(now_, false).size(), 1U);
}

}  // namespace
}  // namespace fanfare::registry
