#include "fanfare/client.h"

#include <algorithm>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "client/client_parts.h"
#include "client/testing/attempts.h"
#include "client/testing/fake_sender.h"

namespace fanfare {
namespace {

using namespace std::chrono_literals;
using client::Attempt;
using client::RetryOptions;
using client::testing::attempt;
using client::testing::ScriptedFcm;

Client a_client(ScriptedFcm& fcm, RetryOptions retry = {}) {
  return client::ClientMaker::make(
      {.project = "demo", .make_sender = fcm.factory(), .retry = retry});
}

// Retries at once, so that a test with the real clock does not wait.
RetryOptions impatient() {
  RetryOptions retry;
  retry.backoff = 1ms;
  retry.backoff_max = 2ms;
  retry.quota_wait = 1ms;
  retry.unsent_backoff = 1ms;
  return retry;
}

Target token(std::string value) {
  return {TargetKind::token, std::move(value)};
}

std::optional<Attempt> accept_all(const Target&, int) {
  return attempt(VerdictKind::accepted);
}
std::optional<Attempt> answer_none(const Target&, int) {
  return std::nullopt;
}

TEST(Client, SendsAndWaitsForTheOutcome) {
  ScriptedFcm fcm(accept_all);
  Client client = a_client(fcm);
  const Outcome outcome = client.send(Message{}, token("a"));
  EXPECT_TRUE(outcome.accepted());
  EXPECT_EQ(outcome.target, token("a"));
  EXPECT_EQ(outcome.attempts, 1);
  EXPECT_EQ(client.project(), "demo");
}

TEST(Client, TheThreeFormsOfSendAreOne) {
  ScriptedFcm fcm([](const Target&, int) { return attempt(VerdictKind::device_gone); });
  Client client = a_client(fcm);
  std::promise<Outcome> called_back;
  client.send(Message{}, token("a"),
              [&](Outcome outcome) { called_back.set_value(std::move(outcome)); });
  const Outcome by_callback = called_back.get_future().get();
  const Outcome by_future = client.send_async(Message{}, token("a")).get();
  const Outcome by_waiting = client.send(Message{}, token("a"));
  for (const Outcome* outcome : {&by_callback, &by_future, &by_waiting}) {
    EXPECT_EQ(outcome->verdict.kind, VerdictKind::device_gone);
    EXPECT_EQ(outcome->attempts, 1);
  }
}

TEST(Client, RetriesAFailingServiceBeforeItReports) {
  ScriptedFcm fcm([](const Target&, int nth) {
    return attempt(nth < 3 ? VerdictKind::service_unavailable : VerdictKind::accepted);
  });
  Client client = a_client(fcm, impatient());
  const Outcome outcome = client.send(Message{}, token("a"));
  EXPECT_TRUE(outcome.accepted());
  EXPECT_EQ(outcome.attempts, 3);
  EXPECT_EQ(fcm.requests_to("a"), 3);
}

TEST(Client, ManyThreadsMaySendAtOnce) {
  ScriptedFcm fcm(accept_all);
  RetryOptions retry;
  retry.target_limits = {.device_per_minute = 0, .device_per_hour = 0};
  Client client = a_client(fcm, retry);
  constexpr std::ptrdiff_t each = 200;
  std::latch done(4 * each);
  std::atomic<int> accepted = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::ptrdiff_t i = 0; i < each; ++i) {
        client.send(Message{}, token("a"), [&](const Outcome& outcome) {
          accepted += outcome.accepted() ? 1 : 0;
          done.count_down();
        });
      }
    });
  }
  done.wait();
  EXPECT_EQ(accepted, 4 * each);
}

// The limit is kept by a lane's loop.
TEST(Client, AllMessagesToOneTargetMeetTheSameLimitHoweverManyLanesThereAre) {
  ScriptedFcm fcm(accept_all);
  RetryOptions retry;
  retry.give_up_after = 10s;
  retry.target_limits = {.device_per_minute = 1};
  Client client = client::ClientMaker::make(
      {.project = "demo", .make_sender = fcm.factory(), .retry = retry, .lanes = 4});
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 8; ++i) outcomes.push_back(client.send_async(Message{}, token("a")));
  int accepted = 0;
  for (auto& outcome : outcomes) accepted += outcome.get().accepted() ? 1 : 0;
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(fcm.requests(), 1U);
}

TEST(Client, ACallbackMaySendTheNextMessage) {
  ScriptedFcm fcm(accept_all);
  Client client = a_client(fcm);
  std::promise<Outcome> second;
  client.send(Message{}, token("a"), [&](const Outcome&) {
    client.send(Message{}, token("b"), [&](Outcome outcome) { second.set_value(outcome); });
  });
  EXPECT_EQ(second.get_future().get().target, token("b"));
}

// --- blocked ---

TEST(Client, ABlockedProjectIsSaidToThoseThatWereNeverSent) {
  ScriptedFcm fcm([](const Target&, int) { return attempt(VerdictKind::project_blocked); });
  RetryOptions retry;
  retry.first_window = 1;
  Client client = a_client(fcm, retry);
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 50; ++i) outcomes.push_back(client.send_async(Message{}, token("a")));
  for (auto& outcome : outcomes) {
    const Outcome got = outcome.get();
    EXPECT_EQ(got.verdict.kind, VerdictKind::project_blocked);
    EXPECT_LE(got.attempts, 1);
  }
}

TEST(Client, AMendedProjectIsFoundByTheNextSend) {
  ScriptedFcm fcm([](const Target&, int nth) {
    return attempt(nth == 1 ? VerdictKind::project_blocked : VerdictKind::accepted);
  });
  Client client = a_client(fcm);
  EXPECT_EQ(client.send(Message{}, token("a")).verdict.kind, VerdictKind::project_blocked);
  // The hold ends with the turn that reported it, so one more send may still meet it.
  Outcome next = client.send(Message{}, token("a"));
  while (next.attempts == 0) next = client.send(Message{}, token("a"));
  EXPECT_TRUE(next.accepted());
}

TEST(Client, AWhileBlockedProjectIsAskedByOneMessageAtATime) {
  ScriptedFcm fcm([](const Target&, int) { return attempt(VerdictKind::project_blocked); });
  Client client = a_client(fcm);
  while (client.send(Message{}, token("first")).attempts == 0) {
  }
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 200; ++i) outcomes.push_back(client.send_async(Message{}, token("later")));
  int attempts = 0;
  for (auto& outcome : outcomes) attempts += outcome.get().attempts;
  EXPECT_EQ(attempts, fcm.requests_to("later"));
  EXPECT_LT(attempts, 200);
}

TEST(Client, ABrokenPlatformCredentialEndsOnlyWhatItRefused) {
  ScriptedFcm fcm([](const Target& target, int) {
    return attempt(target.value == "ios" ? VerdictKind::platform_blocked : VerdictKind::accepted);
  });
  Client client = a_client(fcm);
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(client.send(Message{}, token("ios")).verdict.kind, VerdictKind::platform_blocked);
  }
  EXPECT_TRUE(client.send(Message{}, token("android")).accepted());
}

// --- the end ---

TEST(Client, ClosingEndsWhatIsUnderWayAsUnknown) {
  ScriptedFcm fcm(answer_none);
  std::optional<Client> client = a_client(fcm);
  auto outcome = client->send_async(Message{}, token("a"));
  fcm.wait_for_requests(1);
  client.reset();
  EXPECT_EQ(outcome.get().verdict.kind, VerdictKind::unknown_outcome);
  EXPECT_EQ(fcm.requests(), 1U);
}

TEST(Client, ClosingEndsWhatWasNeverSentAsUnsent) {
  ScriptedFcm fcm(answer_none);
  RetryOptions retry;
  retry.first_window = 1;
  std::optional<Client> client = a_client(fcm, retry);
  auto first = client->send_async(Message{}, token("a"));
  fcm.wait_for_requests(1);
  auto second = client->send_async(Message{}, token("b"));
  client.reset();
  EXPECT_EQ(first.get().verdict.kind, VerdictKind::unknown_outcome);
  const Outcome unsent = second.get();
  EXPECT_EQ(unsent.verdict.kind, VerdictKind::unsent);
  EXPECT_EQ(unsent.attempts, 0);
  EXPECT_EQ(unsent.answer.reason, "the client was closed");
}

TEST(Client, ClosingDoesNotWaitForARetry) {
  ScriptedFcm fcm(
      [](const Target&, int) { return attempt(VerdictKind::service_unavailable, 3600s); });
  RetryOptions retry;
  retry.give_up_after = 24h;
  std::optional<Client> client = a_client(fcm, retry);
  auto outcome = client->send_async(Message{}, token("a"));
  fcm.wait_for_requests(1);
  client.reset();
  const Outcome ended = outcome.get();
  EXPECT_NE(ended.verdict.kind, VerdictKind::accepted);
  EXPECT_EQ(ended.attempts, 1);
}

TEST(Client, EveryCallbackIsCalledOnceHoweverTheClientEnds) {
  for (int round = 0; round < 50; ++round) {
    ScriptedFcm fcm([](const Target&, int nth) -> std::optional<Attempt> {
      if (nth % 3 == 0) return std::nullopt;
      return attempt(VerdictKind::accepted);
    });
    std::atomic<int> called = 0;
    {
      Client client = a_client(fcm);
      for (int i = 0; i < 30; ++i) {
        client.send(Message{}, token("a"), [&](const Outcome&) { ++called; });
      }
    }
    ASSERT_EQ(called, 30) << "round " << round;
  }
}

// --- streams ---

TEST(Client, SendEachReportsEveryTargetOnTheCallingThread) {
  ScriptedFcm fcm(accept_all);
  Client client = a_client(fcm);
  const auto caller = std::this_thread::get_id();
  int yielded = 0;
  int accepted = 0;
  client.send_each(
      Message{},
      [&]() -> std::optional<Target> {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        if (yielded == 2'000) return std::nullopt;
        return token(std::to_string(++yielded));
      },
      [&](const Outcome& outcome) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        accepted += outcome.accepted() ? 1 : 0;
      });
  EXPECT_EQ(accepted, 2'000);
}

TEST(Client, AStreamMayWriteItsTargetsOverEarlierOnes) {
  ScriptedFcm fcm(accept_all);
  Client client = a_client(fcm);
  int yielded = 0;
  int memory_left = 0;
  std::set<std::string> told;
  client.send_each(
      Message{},
      [&](Target& target) {
        if (yielded == 2'000) return false;
        memory_left += target.value.capacity() >= 100 ? 1 : 0;
        target.kind = TargetKind::token;
        target.value.assign(100, 't');
        target.value += std::to_string(++yielded);
        return true;
      },
      [&](const Outcome& outcome) {
        EXPECT_TRUE(outcome.accepted());
        told.insert(outcome.target.value);
      });
  EXPECT_EQ(told.size(), 2'000U);
  EXPECT_GT(memory_left, 0);
}

TEST(Client, SingleSendsGoOnDuringAStream) {
  ScriptedFcm fcm(accept_all);
  Client client = a_client(fcm);
  int yielded = 0;
  client.send_each(
      Message{},
      [&]() -> std::optional<Target> {
        if (++yielded > 100) return std::nullopt;
        EXPECT_TRUE(client.send(Message{}, token("single")).accepted());
        return token("streamed");
      },
      [](const Outcome& outcome) { EXPECT_TRUE(outcome.accepted()); });
  EXPECT_EQ(fcm.requests(), 200U);
}

}  // namespace
}  // namespace fanfare
