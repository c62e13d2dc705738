#include "cli/progress.h"

#include <gtest/gtest.h>

#include "cli/output.h"

namespace fanfare::cli {
namespace {

using namespace std::chrono_literals;

TEST(ProgressLine, ShowsBarCountRateAndRemainingTime) {
  EXPECT_EQ(render({.done = 10'000, .total = 20'000, .rate = 2'000, .note = "12 retired"}, 80),
            "[==============>             ]  10,000/20,000  2,000/s  5 s left  12 retired");
}

TEST(ProgressLine, IsNeverWiderThanTheTerminal) {
  const ProgressState state{.done = 1'234'567, .total = 9'876'543, .rate = 9'999, .note = "日本語"};
  for (std::size_t width = 0; width < 120; ++width) {
    EXPECT_LE(display_width(render(state, width)), width) << width;
  }
}

TEST(ProgressLine, KeepsTheCountWhenNothingElseFits) {
  EXPECT_EQ(render({.done = 5, .total = 10, .rate = 1, .note = "x"}, 6), "5/10");
}

TEST(ProgressLine, LeavesTheNoteOutBeforeTheBar) {
  const auto line = render({.done = 5, .total = 10, .rate = 1, .note = "a long note"}, 40);
  EXPECT_NE(line.find('['), std::string::npos);
  EXPECT_EQ(line.find("note"), std::string::npos);
}

TEST(ProgressLine, HasNoBarForAnUnknownTotal) {
  EXPECT_EQ(render({.done = 1'000, .total = 0, .rate = 5, .note = ""}, 80), "1,000  5.0/s");
}

TEST(ProgressLine, StaysFullWhenMoreIsDoneThanWasAnnounced) {
  EXPECT_EQ(render({.done = 12, .total = 10, .rate = 0, .note = ""}, 17), "[========]  12/10");
}

TEST(ProgressLine, PromisesNoTimeFromARateNearZero) {
  const auto line = render({.done = 1, .total = 1'000'000'000, .rate = 1e-9, .note = ""}, 80);
  EXPECT_EQ(line.find("left"), std::string::npos);
}

TEST(HumanSpan, NamesTheTwoLargestUnits) {
  EXPECT_EQ(human_span(0s), "0 s");
  EXPECT_EQ(human_span(59s), "59 s");
  EXPECT_EQ(human_span(125s), "2 min 5 s");
  EXPECT_EQ(human_span(1h), "1 h");
  EXPECT_EQ(human_span(3'785s), "1 h 3 min");
  EXPECT_EQ(human_span(98h), "4 d 2 h");
}

TEST(RateMeter, KnowsNothingBeforeTheSecondMeasurement) {
  RateMeter meter;
  meter.update(100, SteadyTime(0s));
  EXPECT_EQ(meter.per_second(), 0);
}

TEST(RateMeter, ApproachesAChangedRate) {
  RateMeter meter;
  SteadyTime now(0s);
  std::uint64_t done = 0;
  for (int i = 0; i < 10; ++i) meter.update(done += 100, now += 1s);
  EXPECT_NEAR(meter.per_second(), 100, 1e-6);
  for (int i = 0; i < 2; ++i) meter.update(done += 200, now += 1s);
  EXPECT_GT(meter.per_second(), 100);
  EXPECT_LT(meter.per_second(), 200);
  for (int i = 0; i < 60; ++i) meter.update(done += 200, now += 1s);
  EXPECT_NEAR(meter.per_second(), 200, 1);
}

class DrawnProgress : public testing::Test {
 protected:
  DrawnProgress() : file_(std::tmpfile()) {}
  ~DrawnProgress() override { std::fclose(file_); }
  std::string drawn() {
    std::string text(static_cast<std::size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), file_), text.size());
    return text;
  }
  std::FILE* file_;
};

TEST_F(DrawnProgress, DrawsAtMostTenTimesASecond) {
  Progress progress(file_, true);
  for (int i = 0; i < 1'000; ++i) progress.update(1, 10, "", SteadyTime(i * 1ms));
  const std::string text = drawn();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 10);
}

TEST_F(DrawnProgress, WritesNothingWhereNobodyLooks) {
  Progress progress(file_, false);
  progress.update(1, 10, "", SteadyTime(1s));
  progress.finish();
  EXPECT_EQ(drawn(), "");
}

TEST_F(DrawnProgress, LeavesTheLineEmptyAtTheEnd) {
  Progress progress(file_, true);
  progress.update(1, 10, "", SteadyTime(1s));
  progress.finish();
  progress.finish();
  EXPECT_TRUE(drawn().ends_with("1/10\r\x1b[K")) << "cleared exactly once";
}

}  // namespace
}  // namespace fanfare::cli
