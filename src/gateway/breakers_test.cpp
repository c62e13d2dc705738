#include "gateway/breakers.h"

#include <gtest/gtest.h>

#include "gateway/payload_breaker.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;
using Admission = Breakers::Admission;

Verdict verdict(VerdictKind kind, std::string_view rule = "some.rule") {
  return {.kind = kind,
          .rule = rule,
          .code = {},
          .field = {},
          .name = {},
          .text = {},
          .retry_after = {}};
}

client::Hold hold(std::string_view rule, std::optional<std::string> platform = std::nullopt) {
  client::Hold hold;
  hold.scope = platform ? client::Hold::Scope::platform : client::Hold::Scope::project;
  hold.platform = platform.value_or("");
  hold.attempt.verdict = verdict(VerdictKind::project_blocked, rule);
  hold.attempt.answer.status = 403;
  return hold;
}

class BreakersTest : public ::testing::Test {
 protected:
  Breakers breakers_{{.first_wait = 30s,
                      .longest_wait = 60s,
                      .first_service_wait = 10s,
                      .longest_service_wait = 20s,
                      .service_failures = 3}};
  SteadyTime now_{1h};
  void answer(VerdictKind kind, const std::string& platform = "android") {
    breakers_.on_attempt(verdict(kind), platform, now_);
  }
};

TEST_F(BreakersTest, ABlockedProjectLetsOneThroughWhenItsTimeHasCome) {
  EXPECT_EQ(breakers_.admit(now_), Admission::all);
  breakers_.on_hold(hold("project.iam"), now_);
  EXPECT_EQ(breakers_.admit(now_), Admission::none);
  EXPECT_EQ(breakers_.next_probe(), now_ + 30s);
  EXPECT_TRUE(breakers_.freezes_retirements());
  now_ += 30s;
  EXPECT_EQ(breakers_.admit(now_), Admission::one);
  EXPECT_EQ(breakers_.admit(now_), Admission::none);  // One at a time.
  EXPECT_TRUE(breakers_.blocks());
}

TEST_F(BreakersTest, TheWaitDoublesUpToItsLimitWhileItStaysBlocked) {
  breakers_.on_hold(hold("project.iam"), now_);
  for (const auto wait : {30s, 60s, 60s}) {
    EXPECT_EQ(breakers_.next_probe(), now_ + wait);
    now_ += wait;
    ASSERT_EQ(breakers_.admit(now_), Admission::one);
    breakers_.on_hold(hold("project.iam"), now_);
  }
}

TEST_F(BreakersTest, AnyAnswerOfAnotherKindClosesIt) {
  breakers_.on_hold(hold("oauth.revoked_key"), now_);
  EXPECT_EQ(breakers_.open().at(0).scope, "oauth");
  answer(VerdictKind::device_gone);
  EXPECT_EQ(breakers_.admit(now_), Admission::all);
  const auto changes = breakers_.take_changes();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_TRUE(changes[0].opened);
  EXPECT_FALSE(changes[1].opened);
  EXPECT_EQ(changes[1].state.status, 403);
}

TEST_F(BreakersTest, APlatformIsBlockedAlone) {
  breakers_.on_hold(hold("apns.auth", "ios"), now_);
  EXPECT_EQ(breakers_.admit(now_), Admission::all);
  EXPECT_EQ(breakers_.admit_platform("android", now_), Admission::all);
  EXPECT_EQ(breakers_.admit_platform("ios", now_), Admission::none);
  EXPECT_EQ(breakers_.platform_wait("ios", now_), now_ + 30s);
  EXPECT_FALSE(breakers_.freezes_retirements());
  now_ += 30s;
  EXPECT_EQ(breakers_.admit_platform("ios", now_), Admission::one);
  answer(VerdictKind::accepted, "ios");
  EXPECT_EQ(breakers_.admit_platform("ios", now_), Admission::all);
}

TEST_F(BreakersTest, AServiceThatOnlyFailsIsAskedNowAndThen) {
  answer(VerdictKind::service_unavailable);
  answer(VerdictKind::unsent);
  EXPECT_FALSE(breakers_.blocks());
  answer(VerdictKind::accepted);
  for (int i = 0; i < 3; ++i) answer(VerdictKind::service_unavailable);
  EXPECT_TRUE(breakers_.blocks());
  now_ += 10s;
  ASSERT_EQ(breakers_.admit(now_), Admission::one);
  answer(VerdictKind::service_unavailable);
  EXPECT_EQ(breakers_.next_probe(), now_ + 20s);
  now_ += 20s;
  ASSERT_EQ(breakers_.admit(now_), Admission::one);
  answer(VerdictKind::accepted);
  EXPECT_FALSE(breakers_.blocks());
}

TEST_F(BreakersTest, APersonMayAskAtOnce) {
  breakers_.on_hold(hold("project.iam"), now_);
  breakers_.ask_now(now_);
  EXPECT_EQ(breakers_.admit(now_), Admission::one);
  breakers_.no_probe();
  EXPECT_EQ(breakers_.admit(now_), Admission::one);
}

TEST(PayloadBreakerTest, RefusesATextAfterFiftyEqualFaultsInARow) {
  PayloadBreaker breaker;
  const Verdict invalid = verdict(VerdictKind::message_invalid, "message.too_large");
  for (std::uint32_t i = 0; i < PayloadBreaker::limit; ++i) {
    EXPECT_FALSE(breaker.refuses("text"));
    breaker.note("text", invalid);
    breaker.note("other", i % 2 == 0 ? invalid : verdict(VerdictKind::accepted));
  }
  EXPECT_EQ(breaker.refuses("text"), invalid);
  EXPECT_FALSE(breaker.refuses("other"));
}

}  // namespace
}  // namespace fanfare::gateway
