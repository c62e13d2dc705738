#include "base/time_text.h"

#include <gtest/gtest.h>

namespace fanfare {
namespace {

using namespace std::chrono_literals;

const SystemTime epoch{};

TEST(Rfc3339, FormatsUtcAndMillisecondsOnlyWhenThereAreAny) {
  EXPECT_EQ(format_rfc3339(epoch + 86'399s), "1970-01-01T23:59:59Z");
  EXPECT_EQ(format_rfc3339(epoch + 1500ms), "1970-01-01T00:00:01.500Z");
  EXPECT_EQ(format_rfc3339(epoch - 1s), "1969-12-31T23:59:59Z");
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:10Z"), epoch + 10s);
  EXPECT_EQ(parse_rfc3339("1970-01-01t01:00:10.25+01:00"), epoch + 10'250ms);
  EXPECT_EQ(parse_rfc3339("1969-12-31 23:00:00-01:00"), epoch);
  EXPECT_EQ(parse_rfc3339("1970-01-02"), epoch + 24h);
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
  for (const char* text : {"", "now", "1970-13-01T00:00:00Z", "1970-02-30", "1970-01-01T24:00:00Z",
                           "1970-01-01T00:00:00", "1970-01-01T00:00:00Z ", "1970-01-01T00:00:00.Z",
                           "-970-01-01", "1970-01-01T00:00:00+25:00"}) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
  }
}

TEST(HttpDate, ReadsAllThreeFormsOfRfc9110) {
  const SystemTime expected = epoch + 784'111'777s;
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", epoch), expected);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", epoch), expected);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", epoch), expected);
  EXPECT_EQ(format_http_date(expected), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(HttpDate, TwoDigitYearsFarAheadArePast) {
  const auto now = *parse_rfc3339("2026-11-24T00:00:00Z");
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), epoch + 784'111'777s);
  EXPECT_EQ(parse_http_date("Friday, 06-Nov-26 00:00:00 GMT", now),
            parse_rfc3339("2026-11-06T00:00:00Z"));
}

TEST(HttpDate, RefusesNonsense) {
  for (const char* text : {"", "120", "soon", "Sun, 31 Feb 2026 00:00:00 GMT",
                           "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37 GMTx"}) {
    EXPECT_EQ(parse_http_date(text, epoch), std::nullopt) << text;
  }
}

// Counted in nanoseconds these would wrap around to some other century.
TEST(Times, BeyondTheClocksRangeAreRefused) {
  EXPECT_EQ(parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT", epoch), std::nullopt);
  EXPECT_EQ(parse_rfc3339("9999-12-31T23:59:59Z"), std::nullopt);
  EXPECT_EQ(parse_rfc3339("0001-01-01T00:00:00Z"), std::nullopt);
  EXPECT_NE(parse_rfc3339("2261-12-31T23:59:59-23:59"), std::nullopt);
}

TEST(Span, ReadsEachUnit) {
  EXPECT_EQ(parse_span("90s"), 90s);
  EXPECT_EQ(parse_span("45m"), 45min);
  EXPECT_EQ(parse_span("12h"), 12h);
  EXPECT_EQ(parse_span("30d"), 720h);
  EXPECT_EQ(parse_span("2w"), 336h);
}

TEST(Span, RefusesWhatIsNoSpan) {
  for (const char* text :
       {"", "30", "d", "-1d", "1.5h", "30 d", "30dd", "99999999999999999999d", "9999999d"}) {
    EXPECT_EQ(parse_span(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace fanfare
