#include "oauth/token_source.h"

#include <deque>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fanfare::oauth {
namespace {

using namespace std::chrono_literals;

class FixedCredential final : public Credential {
 public:
  explicit FixedCredential(bool works) : works_(works) {}
  [[nodiscard]] Progress begin(SystemTime now, std::string_view) override {
    if (!works_) return {TokenError{TokenFault::configuration, "can't sign", "get a key"}};
    return {Step{form_request("https://example.com/token", Secret("form")),
                 [now](const TokenReply& reply) {
                   if (!reply.answered) return unreachable("the token endpoint", reply);
                   return ended(parse_token_answer(reply.status, reply.body, now));
                 }}};
  }

 private:
  bool works_;
};

// A token endpoint that answers when the test says so, and a clock that the test moves.
struct World {
  explicit World(bool credential_works = true)
      : source(std::make_unique<TokenSource>(std::make_shared<FixedCredential>(credential_works),
                                             [this](const Ask&, TokenReplyHandler on_reply) {
                                               ++fetches;
                                               open.push_back(std::move(on_reply));
                                             })) {}

  void reply(TokenReply reply) {
    reply.received_at = now;
    auto on_reply = std::move(open.front());
    open.pop_front();
    on_reply(std::move(reply));
  }
  void grant(const std::string& token, int lifetime = 3600) {
    reply({true,
           200,
           fmt::format(R"({{"access_token":"{}","expires_in":{}}})", token, lifetime),
           "",
           "",
           {},
           ""});
  }
  void fail_with(int status, const std::string& retry_after = "") {
    reply({true, status, "", retry_after, "", {}, ""});
  }
  void revoke() {
    reply({true,
           400,
           R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})",
           "",
           "",
           {},
           ""});
  }

  void ask() {
    source->get(now, [this](const TokenSource::Outcome& outcome) {
      outcomes.push_back(outcome ? std::string(outcome->value->reveal())
                                 : std::string(to_string(outcome.error().fault)));
      if (outcome) generation = outcome->generation;
    });
  }
  // What the latest ask came to; empty when it still waits.
  std::string ask_now() {
    const auto before = outcomes.size();
    ask();
    return outcomes.size() > before ? outcomes.back() : "";
  }

  SystemTime now{1'000'000s};
  int fetches = 0;
  std::deque<TokenReplyHandler> open;
  std::vector<std::string> outcomes;
  std::uint64_t generation = 0;
  std::unique_ptr<TokenSource> source;
};

TEST(TokenSource, FetchesOnceForAllWhoAskAtTheStart) {
  World world;
  for (int i = 0; i < 100; ++i) world.ask();
  EXPECT_EQ(world.fetches, 1);
  EXPECT_TRUE(world.outcomes.empty());
  world.grant("one");
  EXPECT_EQ(world.outcomes, std::vector<std::string>(100, "one"));
}

TEST(TokenSource, HandsOutTheCachedTokenAtOnce) {
  World world;
  world.ask();
  world.grant("one");
  world.now += 54min;
  EXPECT_EQ(world.ask_now(), "one");
  EXPECT_EQ(world.fetches, 1);
}

TEST(TokenSource, RefreshesFiveMinutesBeforeTheEndWhileTheOldTokenServes) {
  World world;
  world.ask();
  world.grant("one");
  world.now += 55min;
  EXPECT_EQ(world.ask_now(), "one");
  EXPECT_EQ(world.ask_now(), "one");
  EXPECT_EQ(world.fetches, 2);
  world.grant("two");
  EXPECT_EQ(world.ask_now(), "two");
}

TEST(TokenSource, RefreshesAShortLivedTokenInItsLastTenth) {
  World world;
  world.ask();
  world.grant("one", 60);
  world.now += 53s;
  EXPECT_EQ(world.ask_now(), "one");
  EXPECT_EQ(world.fetches, 1);
  world.now += 1s;
  EXPECT_EQ(world.ask_now(), "one");
  EXPECT_EQ(world.fetches, 2);
}

TEST(TokenSource, NeverHandsOutAnExpiredToken) {
  World world;
  world.ask();
  world.grant("one", 60);
  world.now += 60s;
  EXPECT_EQ(world.ask_now(), "");
  world.grant("two");
  EXPECT_EQ(world.outcomes.back(), "two");
}

// A slow answer must not make the token look younger than it is.
TEST(TokenSource, CountsTheLifetimeFromTheRequest) {
  World world;
  world.ask();
  world.now += 30s;
  world.grant("one", 60);
  world.now += 30s;
  EXPECT_EQ(world.ask_now(), "");
}

TEST(TokenSource, KeepsUsingAValidTokenWhenItsRefreshFails) {
  World world;
  world.ask();
  world.grant("one");
  world.now += 55min;
  world.ask();
  world.fail_with(503);
  EXPECT_EQ(world.ask_now(), "one");
  EXPECT_EQ(world.fetches, 2) << "pauses before the next attempt";
  ASSERT_TRUE(world.source->latest_failure());
  EXPECT_EQ(world.source->latest_failure()->fault, TokenFault::service);
  world.now += 1s;
  EXPECT_EQ(world.ask_now(), "one");
  EXPECT_EQ(world.fetches, 3);
  world.grant("two");
  EXPECT_EQ(world.ask_now(), "two");
  EXPECT_FALSE(world.source->latest_failure());
}

TEST(TokenSource, TellsAllWhoWaitWhenTheFetchFails) {
  World world;
  world.ask();
  world.ask();
  world.reply({false, 0, "", "", "connection refused", {}});
  EXPECT_EQ(world.outcomes, (std::vector<std::string>{"network", "network"}));
  EXPECT_NE(world.source->latest_failure()->what.find("connection refused"), std::string::npos);
}

TEST(TokenSource, FailsAtOnceDuringThePauseWhichDoubles) {
  World world;
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    world.ask();
    world.fail_with(503);
    const int fetches = world.fetches;
    world.now += pause - 1ms;
    EXPECT_EQ(world.ask_now(), "service");
    EXPECT_EQ(world.fetches, fetches);
    world.now += 1ms;
  }
}

TEST(TokenSource, WaitsAsLongAsTheEndpointAsks) {
  World world;
  world.ask();
  world.fail_with(429, "90");
  world.now += 89s;
  EXPECT_EQ(world.ask_now(), "service");
  world.now += 1s;
  EXPECT_EQ(world.ask_now(), "");
  world.fail_with(503, format_http_date(world.now + 10min));
  world.now += 10min - 1s;
  EXPECT_EQ(world.ask_now(), "service");
}

TEST(TokenSource, AsksSeldomWhenAPersonMustMendIt) {
  World world;
  world.ask();
  world.revoke();
  world.now += 29s;
  EXPECT_EQ(world.ask_now(), "revoked_key");
  EXPECT_EQ(world.fetches, 1);
  world.now += 1s;
  EXPECT_EQ(world.ask_now(), "");
  EXPECT_EQ(world.fetches, 2);
}

TEST(TokenSource, DoesNotStretchThePauseWhenTheClockIsSetBack) {
  World world;
  world.ask();
  world.fail_with(503);
  world.now -= 24h;
  EXPECT_EQ(world.ask_now(), "");
  EXPECT_EQ(world.fetches, 2);
}

TEST(TokenSource, FetchesOnceForAnyNumberOfRefusalsOfOneToken) {
  World world;
  world.ask();
  world.grant("one");
  const auto refused = world.generation;
  for (int i = 0; i < 50; ++i) {
    world.source->reject(refused, world.now);
    world.ask();
  }
  EXPECT_EQ(world.fetches, 2);
  world.grant("two");
  world.source->reject(refused, world.now);
  EXPECT_EQ(world.ask_now(), "two");
  EXPECT_EQ(world.fetches, 2);
  EXPECT_EQ(std::ranges::count(world.outcomes, "two"), 51);
}

TEST(TokenSource, ARefusalDuringARefreshWaitsForThatRefresh) {
  World world;
  world.ask();
  world.grant("one");
  world.now += 56min;
  world.ask();
  world.source->reject(world.generation, world.now);
  EXPECT_EQ(world.ask_now(), "");
  EXPECT_EQ(world.fetches, 2);
  world.grant("two");
  EXPECT_EQ(world.outcomes.back(), "two");
}

TEST(TokenSource, ReportsACredentialThatCannotSign) {
  World world(false);
  EXPECT_EQ(world.ask_now(), "configuration");
  EXPECT_EQ(world.fetches, 0);
  EXPECT_EQ(world.source->latest_failure()->remedy, "get a key");
}

TEST(TokenSource, EndsThoseWhoWaitWhenItIsDestroyed) {
  World world;
  world.ask();
  world.source.reset();
  EXPECT_EQ(world.outcomes, std::vector<std::string>{"network"});
  world.grant("too late");
  EXPECT_EQ(world.outcomes.size(), 1U);
}

TEST(TokenSource, MayBeDestroyedByACallback) {
  World world;
  world.source->get(world.now, [&](const TokenSource::Outcome&) { world.source.reset(); });
  world.grant("one");
  EXPECT_EQ(world.source, nullptr);
}

}  // namespace
}  // namespace fanfare::oauth
