#include "client/retry_wait.h"

#include <gtest/gtest.h>

#include "client/testing/attempts.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using testing::attempt;

WaitBounds after(VerdictKind kind, int attempts,
                 std::optional<std::chrono::seconds> retry_after = std::nullopt) {
  return wait_bounds(RetryOptions{}, attempt(kind, retry_after).verdict, attempts);
}

TEST(RetryWait, AFailingServiceIsLeftAloneForTenSecondsAndDoublesTheJitter) {
  EXPECT_EQ(after(VerdictKind::service_unavailable, 1).low, 10s);
  EXPECT_EQ(after(VerdictKind::service_unavailable, 1).high, 20s);
  EXPECT_EQ(after(VerdictKind::service_unavailable, 3).low, 10s);
  EXPECT_EQ(after(VerdictKind::service_unavailable, 3).high, 50s);
}

TEST(RetryWait, AnUnknownOutcomeWaitsLikeAFailingService) {
  EXPECT_EQ(after(VerdictKind::unknown_outcome, 2).low, 10s);
  EXPECT_EQ(after(VerdictKind::unknown_outcome, 2).high, 30s);
}

TEST(RetryWait, AWaitOfOursEndsAtTheCap) {
  EXPECT_EQ(after(VerdictKind::service_unavailable, 40).high, 600s);
  EXPECT_EQ(after(VerdictKind::throttled_target, 40).high, 600s);
}

TEST(RetryWait, RetryAfterIsAFloorWithAQuarterOfJitter) {
  EXPECT_EQ(after(VerdictKind::service_unavailable, 1, 100s).low, 100s);
  EXPECT_EQ(after(VerdictKind::service_unavailable, 1, 100s).high, 125s);
}

TEST(RetryWait, AShortRetryAfterStillSpreadsOverASecond) {
  EXPECT_EQ(after(VerdictKind::service_unavailable, 1, 0s).low, 0s);
  EXPECT_EQ(after(VerdictKind::service_unavailable, 1, 0s).high, 1s);
}

TEST(RetryWait, ARetryAfterBelowTheFloorIsBelievedOnlyOnce) {
  EXPECT_EQ(after(VerdictKind::service_unavailable, 1, 2s).low, 2s);
  EXPECT_EQ(after(VerdictKind::service_unavailable, 2, 2s).low, 10s);
}

TEST(RetryWait, ALongRetryAfterIsNotCapped) {
  EXPECT_EQ(after(VerdictKind::service_unavailable, 1, 3600s).low, 3600s);
}

TEST(RetryWait, AThrottledTargetWithoutATimeWaitsAMinuteAndDoubles) {
  EXPECT_EQ(after(VerdictKind::throttled_target, 1).low, 60s);
  EXPECT_EQ(after(VerdictKind::throttled_target, 1).high, 75s);
  EXPECT_EQ(after(VerdictKind::throttled_target, 2).low, 120s);
  EXPECT_EQ(after(VerdictKind::throttled_target, 3).low, 240s);
}

TEST(RetryWait, NoCapShortensTheFirstQuotaWait) {
  RetryOptions options;
  options.backoff_max = 5s;
  const auto verdict = attempt(VerdictKind::throttled_target).verdict;
  EXPECT_EQ(wait_bounds(options, verdict, 1).low, 60s);
  EXPECT_EQ(wait_bounds(options, verdict, 9).high, 60s);
}

TEST(RetryWait, AnUnreachableHostIsWaitedForFromASecondOn) {
  EXPECT_EQ(after(VerdictKind::unsent, 1).low, 1s);
  EXPECT_EQ(after(VerdictKind::unsent, 1).high, 2s);
  EXPECT_EQ(after(VerdictKind::unsent, 4).high, 9s);
}

TEST(RetryWait, AnAbsurdRetryAfterDoesNotOverflow) {
  const auto bounds = after(VerdictKind::service_unavailable, 1, std::chrono::seconds::max());
  EXPECT_EQ(bounds.low, 24h * 365);
  EXPECT_EQ(
      pause_after({}, attempt(VerdictKind::throttled_project, std::chrono::seconds::max()).verdict),
      24h * 365);
}

TEST(RetryWait, ANegativeRetryAfterIsNone) {
  EXPECT_EQ(after(VerdictKind::throttled_target, 1, -5s).low, 0s);
}

TEST(RetryWait, TheProjectPausesAsLongAsAskedElseForTheQuotaWait) {
  EXPECT_EQ(pause_after({}, attempt(VerdictKind::throttled_project, 7s).verdict), 7s);
  EXPECT_EQ(pause_after({}, attempt(VerdictKind::throttled_project).verdict), 60s);
}

}  // namespace
}  // namespace fanfare::client
