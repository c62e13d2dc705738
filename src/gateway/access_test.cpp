#include "gateway/access.h"

#include <gtest/gtest.h>

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() {
    access_.set_find([this](std::string_view presented) -> Access::Found {
      ++asked_;
      if (failing_) return std::unexpected(Error{Error::Kind::storage, "the disk is gone", ""});
      return presented == "ff_key" ? std::optional(key_) : std::nullopt;
    });
  }
  [[nodiscard]] std::expected<Caller, Refusal> admit(http2::Headers headers) {
    http2::Request request;
    request.headers = std::move(headers);
    return access_.admit(request, now_, steady_);
  }
  [[nodiscard]] std::expected<Caller, Refusal> admit() {
    return admit({{"authorization", "Bearer ff_key"}});
  }
  /// 200 for whoever is let in.
  [[nodiscard]] int status(const http2::Headers& headers) {
    const auto admitted = admit(headers);
    return admitted ? 200 : admitted.error().code;
  }
  [[nodiscard]] int status() { return status({{"authorization", "Bearer ff_key"}}); }

  SystemTime now_{std::chrono::seconds(1'800'000'000)};
  client::SteadyTime steady_{1h};
  queue::ApiKey key_{.id = "k", .scopes = {queue::Scope::send}};
  bool failing_ = false;
  int asked_ = 0;
  Access access_{true};
};

TEST_F(AccessTest, AKeyComesInEitherHeaderAndItsSchemeInAnyCase) {
  EXPECT_EQ(admit().value().actor, "key:k");
  EXPECT_EQ(status({{"x-api-key", "ff_key"}}), 200);
  EXPECT_EQ(status({{"authorization", "bearer ff_key"}}), 200);  // RFC 9110, 11.1
  EXPECT_EQ(status({{"authorization", "Basic ff_key"}}), 401);
  EXPECT_EQ(status({{"authorization", "Bearer ff_other"}}), 401);
  EXPECT_EQ(status(http2::Headers{}), 401);
}

TEST_F(AccessTest, WithoutKeysEverybodyMayDoEverythingButAKeyIsHeeded) {
  access_ = Access(false);
  access_.set_find([](std::string_view) -> Access::Found { return std::nullopt; });
  const auto local = admit(http2::Headers{}).value();
  EXPECT_EQ(local.actor, "local");
  EXPECT_TRUE(local.may(queue::Scope::admin) && local.may_use("") && local.may_use("p"));
  EXPECT_EQ(status(), 401);
}

TEST_F(AccessTest, ARevokedOrExpiredKeyIsRefused) {
  key_.revoked = now_;
  EXPECT_EQ(status(), 401);
  access_.forget_keys();
  key_.revoked.reset();
  key_.expires = now_ + 1s;
  EXPECT_EQ(status(), 200);
  now_ += 1s;
  EXPECT_EQ(status(), 401);
}

TEST_F(AccessTest, AKeyIsLookedUpOnceUntilKeysChange) {
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(asked_, 1);
  key_.revoked = now_;
  access_.forget_keys();
  EXPECT_EQ(status(), 401);
}

// A client that is told 401 throws its key away; the key is not what is wrong.
TEST_F(AccessTest, AStoreThatCannotBeReadIsNoWrongKey) {
  failing_ = true;
  const auto refused = admit();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, 503);
  EXPECT_TRUE(refused.error().retry_after_s);
  failing_ = false;
  EXPECT_EQ(status(), 200);
}

TEST_F(AccessTest, ABoundKeyMayUseItsProjectsAndNothingThatBelongsToAll) {
  key_.projects = {"shop"};
  const auto caller = admit().value();
  EXPECT_TRUE(caller.may_use("shop"));
  EXPECT_FALSE(caller.may_use("bank"));
  EXPECT_FALSE(caller.may_use(""));
  EXPECT_TRUE(caller.may(queue::Scope::send));
  EXPECT_FALSE(caller.may(queue::Scope::admin));
}

TEST_F(AccessTest, ARateIsFilledEvenlyAndHoldsASecondsWorth) {
  key_.requests_per_second = 2;
  const auto passes = [&](client::SteadyTime::duration later) {
    steady_ += later;
    int passed = 0;
    while (passed < 100 && status() == 200) ++passed;
    return passed;
  };
  EXPECT_EQ(passes(0s), 2);
  EXPECT_EQ(passes(400ms), 0);
  EXPECT_EQ(passes(100ms), 1);
  EXPECT_EQ(passes(1h), 2);
  const auto refused = admit();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, 429);
  EXPECT_EQ(refused.error().retry_after_s, 1U);
}

}  // namespace
}  // namespace fanfare::gateway
