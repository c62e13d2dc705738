#include "client/target_limits.h"

#include <algorithm>
#include <deque>
#include <map>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime start{1h};

Target device(std::uint64_t number) {
  return {TargetKind::token, "device-" + std::to_string(number)};
}

// Sends to a target, and is told the most that any window of that length held, ends included.
class Oracle {
 public:
  void add(SteadyTime at) { sent_.push_back(at); }
  [[nodiscard]] std::size_t most_in(std::chrono::seconds length) const {
    std::size_t most = 0;
    for (auto first = sent_.begin(), last = first; last != sent_.end(); ++last) {
      while (*last - *first > length) ++first;
      most = std::max(most, static_cast<std::size_t>(last - first) + 1);
    }
    return most;
  }
  [[nodiscard]] std::size_t between(SteadyTime from, SteadyTime to) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(sent_, [=](SteadyTime at) { return at >= from && at < to; }));
  }

 private:
  std::deque<SteadyTime> sent_;
};

// Sends to one target as often as it may, until then.
Oracle send_all(TargetLimits& limits, const Target& target, SteadyTime now, SteadyTime until) {
  Oracle oracle;
  while (true) {
    now = std::max(now + 1ms, limits.earliest(target, now));
    if (now >= until) return oracle;
    EXPECT_EQ(limits.earliest(target, now), now);
    limits.note_sent(target, now);
    oracle.add(now);
  }
}

TEST(TargetLimits, KeepsADeviceTo240InAnyMinuteAnd5000InAnyHour) {
  TargetLimits limits({});
  const Oracle oracle = send_all(limits, device(1), start, start + 4h);
  EXPECT_EQ(oracle.most_in(60s), 240U);
  EXPECT_EQ(oracle.most_in(3'600s), 5'000U);
  EXPECT_GE(oracle.between(start, start + 1h), 4'100U);
  EXPECT_GE(oracle.between(start + 2h, start + 4h), 9'500U);
}

TEST(TargetLimits, LetsTheWholeMinutesMessagesGoAtOnce) {
  TargetLimits limits({});
  for (int i = 0; i < 240; ++i) {
    ASSERT_EQ(limits.earliest(device(1), start), start) << i;
    limits.note_sent(device(1), start);
  }
  const SteadyTime next = limits.earliest(device(1), start);
  EXPECT_GT(next, start + 60s);
  EXPECT_LE(next, start + 61s);
}

TEST(TargetLimits, CountsAReservationOnlyWhereItIsForNow) {
  TargetLimits limits({.device_per_minute = 2});
  EXPECT_EQ(limits.reserve(limits.expect(device(1)), start), start);
  EXPECT_EQ(limits.reserve(limits.expect(device(1)), start), start);
  const SteadyTime next = limits.reserve(limits.expect(device(1)), start);
  EXPECT_GT(next, start + 60s);
  EXPECT_EQ(limits.reserve(limits.expect(device(1)), start), next);
  EXPECT_EQ(limits.reserve(limits.expect(device(1)), next), next);
}

TEST(TargetLimits, CountsEachRegistrationAlone) {
  TargetLimits limits({});
  for (int i = 0; i < 300; ++i) limits.note_sent(device(1), start);
  EXPECT_GT(limits.earliest(device(1), start), start);
  EXPECT_EQ(limits.earliest(device(2), start), start);
  EXPECT_EQ(limits.earliest({TargetKind::fid, device(1).value}, start), start);
}

// A token's installation id comes first, and what differs between its tokens last.
TEST(TargetLimits, TellsTokensApartByTheirBeginningsAndTheirEnds) {
  TargetLimits limits({.device_per_minute = 1, .device_per_hour = 0});
  const std::string middle(120, 'x');
  for (const std::string& token : {"cXy1:" + middle + "a", "cXy1:" + middle + "b",
                                   "cXy2:" + middle + "a", middle + "aaaaaa"}) {
    EXPECT_EQ(limits.reserve(limits.expect({TargetKind::token, token}), start), start) << token;
    EXPECT_GT(limits.reserve(limits.expect({TargetKind::token, token}), start), start) << token;
  }
}

TEST(TargetLimits, NeverDelaysADeviceThatGetsAMessageEveryFewSeconds) {
  TargetLimits limits({});
  for (SteadyTime now = start; now < start + 24h; now += 5s) {
    ASSERT_EQ(limits.earliest(device(1), now), now);
    limits.note_sent(device(1), now);
  }
}

TEST(TargetLimits, CountsWhatADeviceGotBeforeItWasSuspected) {
  TargetLimits limits({});
  Oracle oracle;
  SteadyTime now = start;
  for (; now < start + 1h; now += 4'200ms) {
    ASSERT_EQ(limits.reserve(limits.expect(device(1)), now), now);
    oracle.add(now);
  }
  for (; now < start + 2h; now = std::max(now + 1ms, limits.earliest(device(1), now))) {
    if (limits.reserve(limits.expect(device(1)), now) == now) oracle.add(now);
  }
  EXPECT_EQ(oracle.most_in(60s), 240U);
  EXPECT_LE(oracle.most_in(3'600s), 5'000U);
  EXPECT_GE(oracle.most_in(3'600s), 4'700U);
}

TEST(TargetLimits, CountsWhatADeviceGotBeforeTheMinuteTurned) {
  TargetLimits limits({});
  SteadyTime now = start + 59s;
  for (int i = 0; i < 29; ++i) limits.note_sent(device(1), now);
  now += 2s;
  int count = 0;
  while (limits.reserve(limits.expect(device(1)), now) == now) ++count;
  EXPECT_EQ(count, 240 - 29);
}

TEST(TargetLimits, ForgetsNothingWhenItMakesRoomForMore) {
  TargetLimits limits({});
  for (std::uint64_t i = 0; i < 20; ++i) {
    for (int n = 0; n < 29; ++n) limits.note_sent(device(i), start);
  }
  for (std::uint64_t i = 20; i < 20'000; ++i) limits.note_sent(device(i), start);
  for (std::uint64_t i = 0; i < 20; ++i) {
    int count = 29;
    while (limits.reserve(limits.expect(device(i)), start) == start) ++count;
    EXPECT_LE(count, 240);
  }
}

TEST(TargetLimits, KeepsOtherLimits) {
  for (const TargetLimitOptions options :
       {TargetLimitOptions{.device_per_minute = 1, .device_per_hour = 0},
        TargetLimitOptions{.device_per_minute = 7, .device_per_hour = 100},
        TargetLimitOptions{.device_per_minute = 0, .device_per_hour = 400},
        TargetLimitOptions{.device_per_minute = 3'000, .device_per_hour = 0}}) {
    TargetLimits limits(options);
    const Oracle oracle = send_all(limits, device(1), start, start + 3h);
    if (options.device_per_minute > 0) {
      EXPECT_EQ(oracle.most_in(60s), options.device_per_minute);
    }
    if (options.device_per_hour > 0) {
      EXPECT_LE(oracle.most_in(3'600s), options.device_per_hour);
      EXPECT_GE(oracle.most_in(3'600s), options.device_per_hour * 0.8);
    }
  }
}

TEST(TargetLimits, HasNoLimitsWhereNoneIsSet) {
  TargetLimits limits({.device_per_minute = 0, .device_per_hour = 0});
  const Target topic{TargetKind::topic, "news"};
  for (int i = 0; i < 10'000; ++i) {
    limits.note_sent(device(1), start);
    limits.note_sent(topic, start);
  }
  EXPECT_EQ(limits.earliest(device(1), start), start);
  EXPECT_EQ(limits.earliest(topic, start), start);
}

TEST(TargetLimits, KeepsEachTopicAndConditionToItsRate) {
  TargetLimits limits({.topic_per_minute = 10});
  const Target condition{TargetKind::condition, "'news' in topics"};
  EXPECT_EQ(send_all(limits, {TargetKind::topic, "news"}, start, start + 10min).most_in(60s), 10U);
  EXPECT_EQ(send_all(limits, condition, start + 10min, start + 20min).most_in(60s), 10U);
}

// --- pauses ---

TEST(TargetLimits, PausesOneTarget) {
  TargetLimits limits({});
  const Target topic{TargetKind::topic, "news"};
  limits.pause(topic, start, start + 90s);
  limits.pause(topic, start, start + 30s);
  EXPECT_EQ(limits.earliest(topic, start + 1s), start + 90s);
  EXPECT_EQ(limits.earliest(topic, start + 90s), start + 90s);
  EXPECT_EQ(limits.earliest({TargetKind::topic, "sport"}, start), start);
  EXPECT_EQ(limits.earliest({TargetKind::token, "news"}, start), start);
}

TEST(TargetLimits, ForgetsPausesThatAreOverAndHasRoomForSoManyOnly) {
  TargetLimits limits({});
  for (std::uint64_t i = 0; i < 200'000; ++i) limits.pause(device(i), start, start + 60s);
  EXPECT_EQ(limits.earliest(device(0), start), start + 60s);
  EXPECT_EQ(limits.earliest(device(199'999), start), start);
  EXPECT_LT(limits.memory_bytes(), std::size_t{4} << 20);
  limits.pause(device(199'999), start + 60s, start + 90s);
  EXPECT_EQ(limits.earliest(device(199'999), start + 60s), start + 90s);
}

// --- many ---

TEST(TargetLimits, SendsToTenMillionDevicesWithoutDelayInAFewMegabytes) {
  TargetLimits limits({});
  Target target{TargetKind::fid, ""};
  SteadyTime now = start;
  for (std::uint64_t i = 0; i < 10'000'000; ++i) {
    if (i % 10 == 0) now += 1ms;  // 600,000 a minute.
    target.value.assign(reinterpret_cast<const char*>(&i), sizeof i);
    ASSERT_EQ(limits.reserve(limits.expect(target), now), now);
  }
  EXPECT_LE(limits.memory_bytes(), std::size_t{3} << 20);
}

// 600,000 messages a minute, all of them to the same hundred thousand.
TEST(TargetLimits, TakesALivelyChatForWhatItIs) {
  TargetLimits limits({});
  SteadyTime now = start;
  for (std::uint64_t i = 0; i < 3'000'000; ++i) {
    if (i % 10 == 0) now += 1ms;
    limits.note_sent(device(i % 100'000), now);
  }
  EXPECT_LE(limits.memory_bytes(), std::size_t{3} << 20) << "few suspects";
}

TEST(TargetLimits, FindsTheDeviceThatGetsTooMuchAmongAMillion) {
  TargetLimits limits({});
  Oracle oracle;
  const Target hot = device(0);
  SteadyTime now = start;
  for (std::uint64_t i = 1; i <= 1'000'000; ++i) {
    if (i % 10 == 0) now += 1ms;
    limits.note_sent(device(i), now);
    if (i % 100 != 0 || limits.earliest(hot, now) > now) continue;
    limits.note_sent(hot, now);
    oracle.add(now);
  }
  EXPECT_LE(oracle.most_in(60s), 240U);
  EXPECT_GE(oracle.most_in(60s), 220U);
}

TEST(TargetLimits, LimitsOnlySoManyDevicesAndDelaysNoOthers) {
  TargetLimits limits({});
  const auto send = [&limits](std::uint64_t number, int count, SteadyTime now) {
    while (count-- > 0) limits.note_sent(device(number), now);
  };
  for (std::uint64_t i = 0; i < 20'000; ++i) send(i, 31, start);
  send(0, 300, start);
  send(19'999, 300, start);
  EXPECT_GT(limits.earliest(device(0), start), start);
  EXPECT_EQ(limits.earliest(device(19'999), start), start);
  EXPECT_LE(limits.memory_bytes(), std::size_t{8} << 20);

  const SteadyTime later = start + 62min;
  send(19'999, 300, later);
  EXPECT_GT(limits.earliest(device(19'999), later), later) << "there is room again";
}

// --- whatever happens ---

TEST(TargetLimitsWalk, NoWindowOfAnyTargetHoldsMoreThanItsLimit) {
  EXPECT_TRUE(rc::check("limits", [] {
    const TargetLimitOptions options{
        .device_per_minute = *rc::gen::inRange<std::uint16_t>(1, 100),
        .device_per_hour = *rc::gen::inRange<std::uint16_t>(1, 2'000),
    };
    TargetLimits limits(options);
    std::map<std::uint64_t, Oracle> oracles;
    SteadyTime now = start;
    for (int i = 0; i < 300; ++i) {
      const auto number = *rc::gen::inRange<std::uint64_t>(0, 5);
      const Target target = device(number);
      for (int n = *rc::gen::inRange(0, 60); n > 0; --n) {
        const SteadyTime earliest = limits.earliest(target, now);
        RC_ASSERT(earliest >= now);
        if (earliest > now) {
          if (*rc::gen::inRange(0, 4) != 0) break;
          now = earliest;
          RC_ASSERT(limits.earliest(target, now) == now);
        }
        limits.note_sent(target, now);
        oracles[number].add(now);
      }
      now += std::chrono::milliseconds(*rc::gen::inRange(0, *rc::gen::element(200, 100'000)));
    }
    for (const auto& [number, oracle] : oracles) {
      RC_ASSERT(oracle.most_in(60s) <= options.device_per_minute);
      RC_ASSERT(oracle.most_in(3'600s) <= options.device_per_hour);
    }
  }));
}

}  // namespace
}  // namespace fanfare::client
