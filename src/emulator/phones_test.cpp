// Store and forward: what a device that is away gets when it is back.
#include "emulator/phones.h"

#include <map>

#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

struct PhonesTest : ::testing::Test {
  SystemTime now = *parse_rfc3339("2026-11-24T06:00:00Z");
  Phones phones;
  Phone& phone = *phones.find_or_add("p", Platform::android);
  DeviceLimits limits;
  std::map<std::uint64_t, Outcome> outcomes;
  std::uint64_t next = 1;

  Settle settle() {
    return [this](std::uint64_t delivery, Outcome outcome) { outcomes[delivery] = outcome; };
  }
  /// One message; its outcome now.
  Outcome send(std::string collapse_key = "", std::chrono::seconds ttl = 2'419'200s) {
    const auto id = next++;
    outcomes[id] =
        Phones::take(phone, {ttl, std::move(collapse_key), true}, id, limits, now, settle());
    return outcomes[id];
  }
  void come_back() { Phones::connect(phone, now, settle()); }
  void leave() { Phones::disconnect(phone, now); }
  std::size_t count(Outcome wanted) const {
    return static_cast<std::size_t>(std::count_if(
        outcomes.begin(), outcomes.end(), [&](const auto& one) { return one.second == wanted; }));
  }
};

TEST_F(PhonesTest, OnlineGetsItsMessageAtOnce) {
  EXPECT_EQ(send(), Outcome::delivered);
  EXPECT_EQ(send("key"), Outcome::delivered);
}

TEST_F(PhonesTest, OfflineGetsItWhenItIsBack) {
  leave();
  EXPECT_EQ(send(), Outcome::pending);
  come_back();
  EXPECT_EQ(outcomes[1], Outcome::delivered);
}

TEST_F(PhonesTest, NotOnceItHasExpired) {
  leave();
  EXPECT_EQ(send("", 60s), Outcome::pending);
  EXPECT_EQ(send("", 120s), Outcome::pending);
  now += 60s;
  come_back();
  EXPECT_EQ(outcomes[1], Outcome::expired);
  EXPECT_EQ(outcomes[2], Outcome::delivered);
}

TEST_F(PhonesTest, ExpiresWhileTheDeviceIsAway) {
  leave();
  (void)send("", 60s);
  now += 61s;
  phones.settle_due(now, settle());
  EXPECT_EQ(outcomes[1], Outcome::expired);
  EXPECT_TRUE(phone.waiting.empty());
}

TEST_F(PhonesTest, ATimeToLiveOfZeroIsNowOrNever) {
  leave();
  EXPECT_EQ(send("", 0s), Outcome::expired);
  come_back();
  EXPECT_EQ(send("", 0s), Outcome::delivered);
}

TEST_F(PhonesTest, TheSameCollapseKeyReplacesWhatWaits) {
  leave();
  (void)send("score");
  (void)send("other");
  (void)send("score");
  EXPECT_EQ(outcomes[1], Outcome::collapsed);
  come_back();
  EXPECT_EQ(outcomes[2], Outcome::delivered);
  EXPECT_EQ(outcomes[3], Outcome::delivered);
}

TEST_F(PhonesTest, KeepsFourCollapseKeys) {
  leave();
  for (const auto* key : {"a", "b", "c", "d", "e"}) (void)send(key);
  EXPECT_EQ(count(Outcome::pending), 4U);
  EXPECT_EQ(outcomes[1], Outcome::collapsed);
}

TEST_F(PhonesTest, MoreThanAHundredWithoutAKeyAreAllDropped) {
  leave();
  (void)send("key");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(send(), Outcome::pending);
  EXPECT_EQ(send(), Outcome::dropped_too_many_pending);
  EXPECT_EQ(count(Outcome::dropped_too_many_pending), 101U);
  EXPECT_EQ(outcomes[1], Outcome::pending) << "a collapsible one stays";
  EXPECT_EQ(send(), Outcome::pending) << "and it begins anew";
}

TEST_F(PhonesTest, AndroidAwayForMoreThanAMonthGetsNothing) {
  leave();
  now += 24h * 30;
  EXPECT_EQ(send(), Outcome::pending);
  now += 1s;
  EXPECT_EQ(send(), Outcome::dropped_inactive);
  phone.platform = Platform::ios;
  EXPECT_EQ(send(), Outcome::pending) << "for iOS, APNs decides";
}

TEST_F(PhonesTest, AndroidIsForgottenAfter270Days) {
  leave();
  now += 24h * 270;
  EXPECT_FALSE(Phones::is_forgotten(phone, now));
  now += 1s;
  EXPECT_TRUE(Phones::is_forgotten(phone, now));
  phone.platform = Platform::web;
  EXPECT_FALSE(Phones::is_forgotten(phone, now));
  phone.platform = Platform::android;
  come_back();
  EXPECT_FALSE(Phones::is_forgotten(phone, now));
}

TEST_F(PhonesTest, LeavingTwiceDoesNotBeginTheAbsenceAnew) {
  leave();
  now += 24h * 271;
  leave();
  EXPECT_TRUE(Phones::is_forgotten(phone, now));
}

TEST_F(PhonesTest, WithoutTheAppNothingArrives) {
  phone.installed = false;
  EXPECT_EQ(send(), Outcome::dropped_uninstalled);
}

TEST_F(PhonesTest, ADeviceMayHave240AMinute) {
  limits.per_minute = 240;
  for (int i = 0; i < 240; ++i) EXPECT_TRUE(Phones::admit(phone, limits, now));
  EXPECT_FALSE(Phones::admit(phone, limits, now));
  now += 60s;
  EXPECT_TRUE(Phones::admit(phone, limits, now));
  phone.platform = Platform::ios;
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(Phones::admit(phone, limits, now));
}

TEST_F(PhonesTest, CollapsibleMessagesBeyondTheBurstWaitTheirTurn) {
  limits.collapsible_burst = 20;
  limits.collapsible_refill = 180s;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send("k" + std::to_string(i)), Outcome::delivered);
  EXPECT_EQ(send("late"), Outcome::delayed);
  EXPECT_EQ(send("late"), Outcome::delayed) << "replaces the first and takes its turn";
  EXPECT_EQ(outcomes[21], Outcome::collapsed);
  EXPECT_EQ(send("later"), Outcome::delayed);
  EXPECT_EQ(send("now", 0s), Outcome::delivered) << "now or never is exempt";
  EXPECT_EQ(send(), Outcome::delivered) << "one that does not collapse, too";
  now += 180s;
  phones.settle_due(now, settle());
  EXPECT_EQ(outcomes[22], Outcome::delivered);
  EXPECT_EQ(outcomes[23], Outcome::delayed);
  now += 180s;
  phones.settle_due(now, settle());
  EXPECT_EQ(outcomes[23], Outcome::delivered);
}

}  // namespace
}  // namespace fanfare::emulator
