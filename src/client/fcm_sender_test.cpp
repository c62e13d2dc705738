#include "client/fcm_sender.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/file.h"
#include "client/send_budget.h"
#include "client/testing/fake_fcm.h"
#include "http2/testing/certificates.h"
#include "oauth/credentials.h"
#include "oauth/testing/throwaway_key.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using http2::Request;
using testing::FakeFcm;
using ReplyPtr = FakeFcm::ReplyPtr;

struct Kept final : AttemptSink {
  explicit Kept(std::vector<Attempt>& list) : attempts(list) {}
  void on_attempt(DeliveryPtr delivery) override {
    attempts.push_back(delivery->attempt());
    if (then) then();
  }
  std::vector<Attempt>& attempts;
  std::function<void()> then;
};

// One loop for both ends, and a wall clock that the test moves.
struct World {
  explicit World(std::shared_ptr<http2::TlsContext> server_tls = nullptr)
      : fcm(io, std::move(server_tls)) {
    options.project = "demo-project";
    options.origin = fcm.origin();
    options.wall_clock = [this] { return now; };
  }

  void use_credentials() { use_credentials(fcm.url("/token")); }
  void use_credentials(const std::string& token_uri) {
    options.credential = std::make_shared<oauth::ServiceAccountCredential>(
        oauth::parse_service_account(oauth::testing::key_file(token_uri), "key.json").value());
  }

  void send(const std::string& token = "device", Priority priority = Priority::normal) {
    if (!sender) sender = FcmSender::open(io, options).value();
    auto delivery = std::make_unique<Delivery>();
    delivery->target = {TargetKind::token, token};
    delivery->priority = priority;
    delivery->message = message;
    delivery->sink = sink;
    sender->send(std::move(delivery));
    ++sent;
  }
  // Runs the loop until everything sent has ended.
  void settle() {
    while (attempts.size() < sent) {
      if (io.run_one_for(20s) == 0) FAIL() << "nothing happens any more";
    }
  }
  const Attempt& attempt_one() {
    send();
    settle();
    return attempts.back();
  }
  void expect_all(VerdictKind kind, std::string_view rule) const {
    for (const auto& attempt : attempts) {
      EXPECT_EQ(attempt.verdict.kind, kind) << attempt.verdict.text;
      EXPECT_EQ(attempt.verdict.rule, rule);
    }
  }

  boost::asio::io_context io;
  FakeFcm fcm;
  FcmSenderOptions options;
  SystemTime now{1'800'000'000s};
  std::shared_ptr<const fcm::EncodedMessage> message =
      std::make_shared<fcm::EncodedMessage>(Message{});
  std::vector<Attempt> attempts;
  std::shared_ptr<AttemptSink> sink = std::make_shared<Kept>(attempts);
  std::size_t sent = 0;
  std::unique_ptr<FcmSender> sender;  // Ends first, while all it calls is there.
};

std::string header(const Request& request, std::string_view name) {
  return std::string(http2::find_header(request.headers, name));
}

void refuse_token(const Request&, const ReplyPtr& reply, std::string_view description) {
  reply->respond(FakeFcm::json(
      400, fmt::format(R"({{"error":"invalid_grant","error_description":"{}"}})", description)));
}

TEST(FcmSender, PutsTheMessageAndTheTokenIntoOneRequest) {
  World world;
  world.use_credentials();
  const auto& attempt = world.attempt_one();
  EXPECT_TRUE(attempt.verdict.kind == VerdictKind::accepted);
  EXPECT_EQ(attempt.verdict.name, "projects/demo-project/messages/1");
  EXPECT_EQ(attempt.answer.received_at, world.now);
  ASSERT_EQ(world.fcm.sends.size(), 1U);
  const auto& request = world.fcm.sends.front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/v1/projects/demo-project/messages:send");
  EXPECT_EQ(request.authority, world.options.origin.authority());
  EXPECT_EQ(header(request, "authorization"), "Bearer token-1");
  EXPECT_EQ(header(request, "content-type"), "application/json");
  EXPECT_EQ(header(request, "user-agent"), "fanfare/0.1.0");
  EXPECT_NE(request.body.find(R"("token":"device")"), std::string::npos);
}

TEST(FcmSender, SendsWithoutATokenWhenThereAreNoCredentials) {
  World world;
  EXPECT_EQ(world.attempt_one().verdict.kind, VerdictKind::accepted);
  EXPECT_EQ(header(world.fcm.sends.front(), "authorization"), "");
  EXPECT_TRUE(world.fcm.token_requests.empty());
}

TEST(FcmSender, RestsOnlyWhileManyAnswersAreAwaited) {
  World world;
  world.attempt_one();
  world.attempt_one();  // Now it knows a latency.
  EXPECT_EQ(world.sender->rest(), 0ns) << "nothing is awaited";
  std::vector<ReplyPtr> held;
  world.fcm.on_send = [&](const Request&, const ReplyPtr& reply) { held.push_back(reply); };
  for (int i = 0; i < 32; ++i) world.send();
  while (held.size() < 32) ASSERT_NE(world.io.run_one_for(20s), 0U);
  EXPECT_GT(world.sender->rest(), 0ns);
  EXPECT_LE(world.sender->rest(), 8ms);
  held.back()->respond(FakeFcm::accepted());
  while (world.attempts.size() < 3) ASSERT_NE(world.io.run_one_for(20s), 0U);
  EXPECT_EQ(world.sender->rest(), 0ns) << "few are awaited";
  for (std::size_t i = 0; i < 31; ++i) held[i]->respond(FakeFcm::accepted());
  world.settle();
}

TEST(FcmSender, DoesNotRestWhileManyAnswersCome) {
  World world;
  world.attempt_one();
  world.attempt_one();
  std::vector<ReplyPtr> held;
  world.fcm.on_send = [&](const Request&, const ReplyPtr& reply) { held.push_back(reply); };
  for (int i = 0; i < 96; ++i) world.send();
  while (held.size() < 96) ASSERT_NE(world.io.run_one_for(20s), 0U);
  (void)world.sender->rest();
  for (std::size_t i = 0; i < 64; ++i) held[i]->respond(FakeFcm::accepted());
  while (world.attempts.size() < 66) ASSERT_NE(world.io.run_one_for(20s), 0U);
  EXPECT_EQ(world.sender->rest(), 0ns);
  EXPECT_GT(world.sender->rest(), 0ns) << "and none since";
  for (std::size_t i = 64; i < 96; ++i) held[i]->respond(FakeFcm::accepted());
  world.settle();
}

TEST(FcmSender, AsksForTheTokenWithASignedForm) {
  World world;
  world.use_credentials();
  world.attempt_one();
  ASSERT_EQ(world.fcm.token_requests.size(), 1U);
  const auto& request = world.fcm.token_requests.front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(header(request, "content-type"), "application/x-www-form-urlencoded");
  EXPECT_TRUE(request.body.starts_with("grant_type=")) << request.body.size();
}

TEST(FcmSender, FetchesOneTokenForAllWhoSendAtOnce) {
  World world;
  world.use_credentials();
  for (int i = 0; i < 50; ++i) world.send();
  world.settle();
  world.expect_all(VerdictKind::accepted, "send.accepted");
  EXPECT_EQ(world.fcm.token_requests.size(), 1U);
}

TEST(FcmSender, RefreshesOnceForFiftyRefusalsAndRepeatsEachOnce) {
  World world;
  world.use_credentials();
  world.fcm.on_send = [](const Request& request, const ReplyPtr& reply) {
    const bool stale = header(request, "authorization") == "Bearer token-1";
    reply->respond(stale ? FakeFcm::unauthenticated() : FakeFcm::accepted());
  };
  for (int i = 0; i < 50; ++i) world.send();
  world.settle();
  world.expect_all(VerdictKind::accepted, "send.accepted");
  EXPECT_EQ(world.fcm.token_requests.size(), 2U);
  EXPECT_EQ(world.fcm.sends.size(), 100U);
}

TEST(FcmSender, BlocksTheProjectWhenAFreshTokenIsRefusedToo) {
  World world;
  world.use_credentials();
  world.fcm.on_send = [](const Request&, const ReplyPtr& reply) {
    reply->respond(FakeFcm::unauthenticated());
  };
  const auto& attempt = world.attempt_one();
  EXPECT_EQ(attempt.verdict.kind, VerdictKind::project_blocked);
  EXPECT_EQ(attempt.verdict.rule, "oauth.refused");
  EXPECT_EQ(attempt.verdict.action, Action::hold_project);
  EXPECT_EQ(attempt.verdict.code, "UNAUTHENTICATED");
  EXPECT_EQ(attempt.answer.status, 401) << "the answer is the evidence";
  EXPECT_EQ(world.fcm.sends.size(), 2U);
}

TEST(FcmSender, BlocksTheProjectWhenATokenIsWantedAndThereIsNone) {
  World world;
  world.fcm.on_send = [](const Request&, const ReplyPtr& reply) {
    reply->respond(FakeFcm::unauthenticated());
  };
  const auto& attempt = world.attempt_one();
  EXPECT_EQ(attempt.verdict.rule, "oauth.refused");
  EXPECT_NE(attempt.verdict.text.find("no credentials"), std::string::npos);
  EXPECT_EQ(world.fcm.sends.size(), 1U);
}

TEST(FcmSender, NamesTheFaultOfTheCredentialsAndSendsNothing) {
  struct Case {
    std::string description;
    std::string_view rule;
  };
  for (const auto& [description, rule] :
       {Case{"Invalid JWT Signature.", "oauth.revoked_key"},
        Case{"Invalid JWT: Token must be a short-lived token", "oauth.clock_skew"},
        Case{"Invalid grant: account not found", "oauth.wrong_account"},
        Case{"", "oauth.configuration"}}) {
    World world;
    world.use_credentials();
    world.fcm.on_token = [&description](const Request& request, const ReplyPtr& reply) {
      refuse_token(request, reply, description);
    };
    world.send();
    world.send();
    world.settle();
    world.expect_all(VerdictKind::project_blocked, rule);
    EXPECT_EQ(world.attempts.front().answer.transport, Answer::Transport::unsent);
    EXPECT_EQ(world.fcm.token_requests.size(), 1U);
    EXPECT_TRUE(world.fcm.sends.empty());
  }
}

TEST(FcmSender, NeverRepeatsTheAssertionInItsWords) {
  World world;
  world.use_credentials();
  world.fcm.on_token = [](const Request& request, const ReplyPtr& reply) {
    refuse_token(request, reply, "bad form: " + request.body);
  };
  const auto& attempt = world.attempt_one();
  const auto& form = world.fcm.token_requests.front().body;
  const auto signature = form.substr(form.rfind('.') + 1);
  EXPECT_EQ((attempt.verdict.text + attempt.answer.reason).find(signature.substr(0, 20)),
            std::string::npos);
}

TEST(FcmSender, TriesAgainLaterWhenTheTokenEndpointWasDown) {
  World world;
  world.use_credentials();
  const auto working = world.fcm.on_token;
  world.fcm.on_token = [](const Request&, const ReplyPtr& reply) {
    reply->respond({503, {}, "<html>"});
  };
  EXPECT_EQ(world.attempt_one().verdict.rule, "oauth.unavailable");
  EXPECT_EQ(world.attempts.back().verdict.kind, VerdictKind::service_unavailable);
  world.fcm.on_token = working;
  world.now += 1s;
  EXPECT_EQ(world.attempt_one().verdict.kind, VerdictKind::accepted);
}

TEST(FcmSender, TakesAnUnreachableTokenEndpointForAPassingFault) {
  World world;
  std::string gone;
  {
    const FakeFcm other(world.io);
    gone = other.url("/token");
  }
  world.use_credentials(gone);
  EXPECT_EQ(world.attempt_one().verdict.rule, "oauth.unavailable");
}

TEST(FcmSender, HandsOnHowLongFcmAsksToWait) {
  World world;
  world.fcm.on_send = [](const Request&, const ReplyPtr& reply) {
    reply->respond({503, {{"retry-after", "17"}}, ""});
  };
  const auto& attempt = world.attempt_one();
  EXPECT_EQ(attempt.answer.retry_after, "17");
  EXPECT_EQ(attempt.verdict.retry_after, 17s);
}

TEST(FcmSender, ARefusedStreamIsUnsent) {
  World world;
  world.fcm.on_send = [](const Request&, const ReplyPtr& reply) {
    reply->reset(http2::ErrorCode::refused_stream);
  };
  const auto& attempt = world.attempt_one();
  EXPECT_EQ(attempt.verdict.kind, VerdictKind::unsent);
  EXPECT_NE(attempt.answer.reason, "");
}

TEST(FcmSender, ACutConnectionLeavesTheOutcomeUnknown) {
  World world;
  world.fcm.on_send = [](const Request&, const ReplyPtr& reply) { reply->cut(); };
  EXPECT_EQ(world.attempt_one().verdict.kind, VerdictKind::unknown_outcome);
}

TEST(FcmSender, AnUnreachableHostLeavesTheMessageUnsent) {
  World world;
  {
    const FakeFcm other(world.io);
    world.options.origin = other.origin();
  }
  const auto& attempt = world.attempt_one();
  EXPECT_EQ(attempt.verdict.kind, VerdictKind::unsent);
  EXPECT_NE(attempt.answer.reason.find("127.0.0.1"), std::string::npos) << attempt.answer.reason;
}

TEST(FcmSender, BlocksTheProjectWhenTheServerIsNotTrusted) {
  World world(http2::testing::server_tls());
  world.options.tls = http2::TlsContext::make_client(std::nullopt).value();
  const auto& attempt = world.attempt_one();
  EXPECT_EQ(attempt.verdict.kind, VerdictKind::project_blocked);
  EXPECT_EQ(attempt.verdict.rule, "network.untrusted");
  EXPECT_NE(attempt.verdict.text.find("certificate"), std::string::npos);
  EXPECT_TRUE(world.fcm.sends.empty());
}

TEST(FcmSender, BlocksTheProjectWhenTheTokenEndpointIsNotTrusted) {
  World world;
  FakeFcm stranger(world.io, http2::testing::server_tls());
  world.options.tls = http2::TlsContext::make_client(std::nullopt).value();
  world.use_credentials(stranger.url("/token"));
  EXPECT_EQ(world.attempt_one().verdict.rule, "network.untrusted");
}

TEST(FcmSender, SpeaksTlsToAServerItTrusts) {
  World world(http2::testing::server_tls());
  const http2::testing::TemporaryFile ca(http2::testing::test_authority().certificate_pem);
  world.options.tls = http2::TlsContext::make_client(ca.path()).value();
  world.use_credentials();
  EXPECT_EQ(world.attempt_one().verdict.kind, VerdictKind::accepted);
}

TEST(FcmSender, DoesNotOpenWithoutTheTlsItNeeds) {
  World world;
  world.options.origin.tls = true;
  EXPECT_FALSE(FcmSender::open(world.io, world.options));
}

TEST(FcmSender, CannotGetATokenByHttpsWithoutTls) {
  World world;
  world.use_credentials("https://example.com/token");
  const auto& attempt = world.attempt_one();
  EXPECT_EQ(attempt.verdict.rule, "oauth.unavailable");
  EXPECT_TRUE(attempt.verdict.text.contains("TLS was not set up")) << attempt.verdict.text;
}

// From a credentials file over real sockets to the token on the message.
TEST(FcmSender, SendsWithEachKindOfCredentials) {
  const auto allowing = [](const std::string&) { return std::optional<std::string>("1"); };
  for (const std::string& source :
       {std::string(R"({"url":"URL/token"})"),
        std::string(R"({"executable":{"command":"SCRIPT"}})"), std::string()}) {
    World world;
    const auto script = ::testing::TempDir() + "fanfare-subject.sh";
    ASSERT_TRUE(write_file(script,
                           "#!/bin/sh\nprintf '%s' '{\"version\":1,\"success\":true,"
                           "\"id_token\":\"sub\",\"token_type\":"
                           "\"urn:ietf:params:oauth:token-type:id_token\"}'\n",
                           0700));
    std::string text =
        source.empty() ? R"({"type":"authorized_user","client_id":"a","client_secret":"b",)"
                         R"("refresh_token":"c","token_uri":"URL/token"})"
                       : R"({"type":"external_account","audience":"a","subject_token_type":"t",)"
                         R"("token_url":"URL/token","credential_source":)" +
                             source + "}";
    for (const auto& [name, value] : {std::pair<std::string, std::string>{"URL", world.fcm.url("")},
                                      {"SCRIPT", "/bin/sh " + script}}) {
      if (const auto at = text.find(name); at != text.npos) text.replace(at, name.size(), value);
      if (const auto at = text.find(name); at != text.npos) text.replace(at, name.size(), value);
    }
    auto read = oauth::parse_credentials(text, "file.json", allowing);
    ASSERT_TRUE(read) << read.error().what << text;
    world.options.credential = read->credential;
    world.options.quota_project = "payer";
    const auto& attempt = world.attempt_one();
    EXPECT_EQ(attempt.verdict.kind, VerdictKind::accepted) << attempt.verdict.text;
    ASSERT_EQ(world.fcm.sends.size(), 1U);
    EXPECT_TRUE(header(world.fcm.sends[0], "authorization").starts_with("Bearer token-"));
    EXPECT_EQ(header(world.fcm.sends[0], "x-goog-user-project"), "payer");
  }
}

// A key file that was replaced by one that can't be used: the old key still works.
class DoubtfulCredential final : public oauth::Credential {
 public:
  explicit DoubtfulCredential(std::shared_ptr<Credential> inner) : inner_(std::move(inner)) {}
  oauth::Progress begin(SystemTime now, std::string_view scope) override {
    return inner_->begin(now, scope);
  }
  [[nodiscard]] std::optional<std::string> warning() const override { return "the new key is bad"; }

 private:
  std::shared_ptr<Credential> inner_;
};

TEST(FcmSender, TellsOnceWhatIsWrongWithCredentialsThatStillWork) {
  World world;
  std::vector<std::string> told;
  world.use_credentials();
  world.options.credential = std::make_shared<DoubtfulCredential>(world.options.credential);
  world.options.on_warning = [&](const std::string& warning) { told.push_back(warning); };
  world.attempt_one();
  world.now += 2h;  // The next token.
  EXPECT_EQ(world.attempt_one().verdict.kind, VerdictKind::accepted);
  EXPECT_EQ(world.fcm.token_requests.size(), 2U);
  EXPECT_EQ(told, (std::vector<std::string>{"the new key is bad"}));
}

TEST(FcmSender, NeverCallsBackFromWithinSend) {
  World world;
  world.use_credentials();
  world.fcm.on_token = [](const Request& request, const ReplyPtr& reply) {
    refuse_token(request, reply, "Invalid JWT Signature.");
  };
  world.attempt_one();
  world.send();  // The failure is known, and could be told at once.
  EXPECT_EQ(world.attempts.size(), 1U);
  world.settle();
  EXPECT_EQ(world.attempts.size(), 2U);
}

TEST(FcmSender, EndsWhatWaitsForATokenWhenItIsDestroyed) {
  World world;
  world.use_credentials();
  bool asked = false;
  world.fcm.on_token = [&](const Request&, const ReplyPtr&) { asked = true; };
  for (int i = 0; i < 3; ++i) world.send();
  while (!asked) world.io.run_one();
  world.sender.reset();
  ASSERT_EQ(world.attempts.size(), 3U);
  world.expect_all(VerdictKind::unsent, "transport.unsent");
  world.io.poll();
  EXPECT_EQ(world.attempts.size(), 3U);
}

TEST(FcmSender, EndsWhatIsUnderWayAsUnknownWhenItIsDestroyed) {
  World world;
  std::vector<ReplyPtr> open;
  world.fcm.on_send = [&](const Request&, const ReplyPtr& reply) { open.push_back(reply); };
  for (int i = 0; i < 3; ++i) world.send();
  while (open.size() < 3) world.io.run_one();
  world.sender.reset();
  ASSERT_EQ(world.attempts.size(), 3U);
  world.expect_all(VerdictKind::unknown_outcome, "outcome.unanswered");
}

TEST(FcmSender, EndsWhatWasJustSentWhenItIsDestroyed) {
  World world;
  world.send();
  world.sender.reset();
  EXPECT_EQ(world.attempts.size(), 1U);
  world.io.poll();
  EXPECT_EQ(world.attempts.size(), 1U);
}

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

std::shared_ptr<SendBudget> a_budget() {
  return std::make_shared<SendBudget>(
      BudgetOptions{.messages_per_minute = 600'000, .ramp = std::chrono::milliseconds(0)});
}

// Before this; asking is granted one itself.
std::uint64_t granted_by(SendBudget& budget) {
  const Grant own = budget.reserve(steady_now(), Priority::urgent, 1);
  return own.granted_so_far - own.count;
}

TEST(FcmSender, SendsAsTheBudgetLetsItAndCountsEachRequestOnce) {
  World world;
  world.options.budget = a_budget();
  world.use_credentials();
  bool first = true;
  world.fcm.on_send = [&](const Request&, const ReplyPtr& reply) {
    reply->respond(std::exchange(first, false) ? FakeFcm::unauthenticated() : FakeFcm::accepted());
  };
  for (int i = 0; i < 5; ++i) world.send();
  world.settle();
  world.expect_all(VerdictKind::accepted, "send.accepted");
  EXPECT_EQ(world.fcm.sends.size(), 6U);
  EXPECT_EQ(granted_by(*world.options.budget), 6U);
}

// A token that comes late must not release a bunch that was counted long before.
TEST(FcmSender, ReservesNothingBeforeTheTokenIsThere) {
  World world;
  world.options.budget = a_budget();
  world.use_credentials();
  const auto answer = world.fcm.on_token;
  world.fcm.on_token = [&](const Request& request, const ReplyPtr& reply) {
    EXPECT_EQ(granted_by(*world.options.budget), 0U);
    answer(request, reply);
  };
  world.attempt_one();
  EXPECT_EQ(granted_by(*world.options.budget), 2U) << "the question of on_token and the message";
}

TEST(FcmSender, SleepsWhileItWaitsForItsTurn) {
  World world;
  world.options.budget = a_budget();
  world.use_credentials();
  world.attempt_one();
  world.options.budget->pause_until(steady_now(), steady_now() + 1h);
  world.send();
  int turns = 0;
  while (turns < 1'000 && world.io.poll_one() > 0) ++turns;
  EXPECT_LT(turns, 100);
  EXPECT_EQ(world.fcm.sends.size(), 1U);
}

TEST(FcmSender, TellsTheBudgetWhenFcmThrottlesTheProject) {
  World world;
  world.options.budget = a_budget();
  world.fcm.on_send = [](const Request&, const ReplyPtr& reply) {
    reply->respond(FakeFcm::json(
        429, R"({"error":{"code":429,"message":"Quota exceeded for quota metric 'Send requests' )"
             R"(and limit 'Send requests per minute'.","status":"RESOURCE_EXHAUSTED"}})"));
  };
  EXPECT_EQ(world.attempt_one().verdict.kind, VerdictKind::throttled_project);
  const SteadyTime now = steady_now();
  EXPECT_LT(world.options.budget->rate_share(now), 0.6);
  // FCM named no time, so nothing goes for a minute.
  EXPECT_EQ(world.options.budget->reserve(now + 58s, Priority::urgent, 1).count, 0U);
  EXPECT_EQ(world.options.budget->reserve(now + 61s, Priority::urgent, 1).count, 1U);
}

// What is urgent overtakes all that has not left yet.
TEST(FcmSender, SendsTheMoreUrgentFirst) {
  World world;
  world.options.budget = a_budget();
  world.use_credentials();  // All wait for the token.
  world.send("bulk", Priority::bulk);
  world.send("normal");
  world.send("urgent", Priority::urgent);
  world.settle();
  ASSERT_EQ(world.fcm.sends.size(), 3U);
  EXPECT_NE(world.fcm.sends[0].body.find("\"urgent\""), std::string::npos);
  EXPECT_NE(world.fcm.sends[1].body.find("\"normal\""), std::string::npos);
  EXPECT_NE(world.fcm.sends[2].body.find("\"bulk\""), std::string::npos);
}

}  // namespace
}  // namespace fanfare::client
