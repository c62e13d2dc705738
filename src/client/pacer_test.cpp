#include "client/pacer.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using Time = RatePacer::Time;

// Sends as fast as the pacer lets it, from a timer that fires late.
struct GreedySender {
  explicit GreedySender(const PacerOptions& options) : pacer(options) {}

  void run_for(std::chrono::nanoseconds span, std::chrono::milliseconds lateness = 0ms) {
    const Time end = now + span;
    while (now < end) {
      const auto wait = pacer.reserve(now);
      if (wait == 0ns) {
        sent.push_back(now);
      } else {
        now += wait + random.between(0ms, lateness);
      }
    }
    while (!sent.empty() && sent.back() >= end) sent.pop_back();
    now = end;
  }

  [[nodiscard]] std::size_t sent_between(Time from, Time to) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(sent, to) -
                                    std::ranges::lower_bound(sent, from));
  }

  // The most that any 60 seconds hold, both ends included.
  [[nodiscard]] std::size_t fullest_minute() const {
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; last < sent.size(); ++last) {
      while (sent[last] - sent[first] > 60s) ++first;
      most = std::max(most, last - first + 1);
    }
    return most;
  }

  RatePacer pacer;
  Random random{1};
  Time now{1h};
  std::vector<Time> sent;
};

TEST(Pacer, NeverExceedsTheLimitInAnySlidingMinuteAndUsesIt) {
  for (const std::uint64_t limit : {1U, 2U, 7U, 100U, 250U, 6'001U, 600'000U}) {
    GreedySender sender({limit, 0ms});
    sender.run_for(61s, 20ms);
    sender.now += 7s;  // A pause saves nothing up.
    const Time steady = sender.now;
    sender.run_for(1min, 20ms);
    EXPECT_LE(sender.fullest_minute(), limit);
    if (limit >= 100) {
      EXPECT_GE(sender.sent_between(steady, steady + 1min) * 100, limit * 98) << limit;
    }
  }
}

TEST(Pacer, KeepsTheLimitWhileItRampsUp) {
  GreedySender sender({60'000, 10'000ms});
  sender.run_for(3min, 20ms);
  EXPECT_LE(sender.fullest_minute(), 60'000U);
}

TEST(Pacer, SpreadsTheMinuteEvenly) {
  GreedySender sender({600'000, 0ms});
  sender.run_for(1min);
  const Time start{1h};
  for (auto second = 1s; second < 60s; ++second) {
    const auto count = sender.sent_between(start + second, start + second + 1s);
    EXPECT_NEAR(static_cast<double>(count), 10'000, 200);
  }
}

TEST(Pacer, CatchesUpAfterALateTimer) {
  RatePacer pacer({600'000, 0ms});
  Time now{1h};
  while (pacer.reserve(now) == 0ns) {
  }
  now += 50ms;
  int count = 0;
  while (pacer.reserve(now) == 0ns) ++count;
  EXPECT_NEAR(count, 495, 2);
}

TEST(Pacer, StartsWithAHundredASecondAndReachesTheFullRateWithinTheRamp) {
  GreedySender sender({600'000, 60'000ms});
  sender.run_for(61s);
  const Time start{1h};
  EXPECT_NEAR(static_cast<double>(sender.sent_between(start, start + 1s)), 180, 60);
  EXPECT_NEAR(static_cast<double>(sender.sent_between(start + 30s, start + 31s)), 5'050, 150);
  EXPECT_GE(sender.sent_between(start + 60s, start + 61s), 9'800U);
}

TEST(Pacer, StartsSlowlyAgainAfterAMinuteOfSilence) {
  GreedySender sender({600'000, 10'000ms});
  sender.run_for(11s);
  sender.now += 61s;
  const Time again = sender.now;
  sender.run_for(1s);
  EXPECT_LT(sender.sent_between(again, again + 1s), 4'500U);
}

TEST(Pacer, DoesNotDelaySmallRatesByTheRamp) {
  GreedySender sender({6'000, 60'000ms});
  sender.run_for(1min);
  EXPECT_GE(sender.sent.size(), 5'900U);
}

TEST(Pacer, HalvesTheRateOnceForAllEchoesAndRecoversWithinAMinute) {
  GreedySender sender({600'000, 0ms});
  sender.run_for(10s);
  const Time throttled = sender.now;
  for (int i = 0; i < 1'000; ++i) sender.pacer.on_throttled(throttled);
  sender.run_for(61s);
  EXPECT_NEAR(static_cast<double>(sender.sent_between(throttled + 1s, throttled + 2s)), 5'100, 150);
  EXPECT_GE(sender.sent_between(throttled + 60s, throttled + 61s), 9'800U);
}

TEST(Pacer, HalvesAgainWhenTheExcessGoesOn) {
  GreedySender sender({600'000, 0ms});
  for (int i = 0; i < 3; ++i) {
    sender.pacer.on_throttled(sender.now);
    sender.run_for(6s);
  }
  const Time end = sender.now;
  EXPECT_LT(sender.sent_between(end - 6s, end - 5s), 3'000U);
}

TEST(Pacer, LetsEverythingGoWithoutALimit) {
  RatePacer pacer({0, 60'000ms});
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(pacer.reserve(Time{1h}), 0ns);
}

TEST(Pacer, AWaitIsLongEnough) {
  RatePacer pacer({7, 0ms});
  Time now{1h};
  EXPECT_EQ(pacer.reserve(now), 0ns);
  const auto wait = pacer.reserve(now);
  ASSERT_GT(wait, 0ns);
  EXPECT_GT(pacer.reserve(now + wait - 1ns), 0ns);
  EXPECT_EQ(pacer.reserve(now + wait), 0ns);
}

TEST(TimeToSend, IsWhatTheGreediestSenderTakes) {
  for (const auto& options : {PacerOptions{}, PacerOptions{.messages_per_minute = 6'000},
                              PacerOptions{.messages_per_minute = 60'000, .ramp = 0ms},
                              PacerOptions{.messages_per_minute = 60'000, .ramp = 10s}}) {
    for (const std::uint64_t messages : {100U, 20'000U, 120'000U}) {
      GreedySender sender(options);
      while (sender.sent.size() < messages) sender.run_for(1s);
      const auto estimate = time_to_send(options, messages);
      const auto taken = std::chrono::duration<double>(sender.sent[messages - 1] - sender.sent[0]);
      EXPECT_NEAR(std::chrono::duration<double>(estimate).count(), taken.count(),
                  1.5 + 0.02 * taken.count())
          << options.messages_per_minute << " a minute, " << messages;
    }
  }
  EXPECT_EQ(time_to_send({.messages_per_minute = 0}, 1'000'000), 0s);
  EXPECT_EQ(time_to_send({}, 0), 0s);
}

}  // namespace
}  // namespace fanfare::client
