#include "fcm/retry_after.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace fanfare::fcm {
namespace {

using namespace std::chrono_literals;

const auto noon = *parse_rfc3339("2026-11-24T12:00:00Z");

TEST(RetryAfter, ReadsSecondsAndTrimsBlanks) {
  EXPECT_EQ(parse_retry_after("120", noon), 120s);
  EXPECT_EQ(parse_retry_after(" \t0 ", noon), 0s);
}

TEST(RetryAfter, ReadsEveryFormOfDateFromTheTimeOfTheAnswer) {
  EXPECT_EQ(parse_retry_after("Tue, 24 Nov 2026 12:01:00 GMT", noon), 60s);
  EXPECT_EQ(parse_retry_after("Tuesday, 24-Nov-26 12:01:00 GMT", noon), 60s);
  EXPECT_EQ(parse_retry_after("Tue Nov 24 12:01:00 2026", noon), 60s);
  EXPECT_EQ(parse_retry_after("Tue, 24 Nov 2026 12:01:00 GMT", noon + 100ms), 60s);
}

TEST(RetryAfter, TimeThatHasPassedIsNoWait) {
  EXPECT_EQ(parse_retry_after("-5", noon), 0s);
  EXPECT_EQ(parse_retry_after("Tue, 24 Nov 2026 11:59:00 GMT", noon), 0s);
}

TEST(RetryAfter, AbsurdWaitsAreCutToADay) {
  EXPECT_EQ(parse_retry_after("99999999999999999999999", noon), max_retry_after);
  EXPECT_EQ(parse_retry_after("Tue, 24 Nov 2099 12:00:00 GMT", noon), max_retry_after);
}

TEST(RetryAfter, NonsenseIsIgnored) {
  for (const char* text : {"", " ", "soon", "1.5", "+5", "60, 120", "12x", "--5", "-",
                           "Tue, 24 Nov 9999 12:00:00 GMT", "\x80\xFF"}) {
    EXPECT_EQ(parse_retry_after(text, noon), std::nullopt) << text;
  }
}

TEST(RetryDelay, RoundsUpSinceTheWaitIsAFloor) {
  EXPECT_EQ(parse_retry_delay("60s"), 60s);
  EXPECT_EQ(parse_retry_delay("3.000000001s"), 4s);
  EXPECT_EQ(parse_retry_delay("3.000s"), 3s);
  EXPECT_EQ(parse_retry_delay("-3s"), 0s);
  EXPECT_EQ(parse_retry_delay("999999999999s"), max_retry_after);
}

TEST(RetryDelay, NonsenseIsIgnored) {
  for (const char* text : {"", "s", "60", "60ms", ".5s", "5.s", "-s", "1e3s"}) {
    EXPECT_EQ(parse_retry_delay(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace fanfare::fcm
