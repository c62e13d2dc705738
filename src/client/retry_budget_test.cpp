#include "client/retry_budget.h"

#include <deque>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;

// A campaign in steps of 10 ms. What fails is due again after 10 s, and waits for the budget.
struct Campaign {
  int first_each_step = 0;
  double works = 0;  // Share of attempts that are answered for good.

  void run_for(std::chrono::seconds span) {
    for (const auto end = now + span; now < end; now += 10ms) {
      if (first_each_step > 0) {
        budget.on_first_attempts(now, static_cast<std::uint64_t>(first_each_step));
        firsts += first_each_step;
        fail(first_each_step);
      }
      int answered = 0;
      while (!due.empty() && due.front() <= now && budget.earliest(now) <= now) {
        due.pop_front();
        budget.on_retry(now);
        ++retries;
        ++answered;
      }
      fail(answered);
      for (int i = 0; i < answered - latest_failed; ++i) budget.on_retry_answered(now);
    }
  }

  void fail(int attempts) {
    owed += attempts * (1 - works);
    latest_failed = static_cast<int>(owed);
    owed -= latest_failed;
    due.insert(due.end(), static_cast<std::size_t>(latest_failed), now + 10s);
  }

  RetryBudget budget{{}};
  SteadyTime now{1h};
  std::deque<SteadyTime> due = {};
  double owed = 0;
  int latest_failed = 0;
  int firsts = 0;
  int retries = 0;
};

TEST(RetryBudget, KeepsRetriesToAFifthOfTheFirstAttemptsWhileEverythingFails) {
  Campaign campaign{.first_each_step = 100};
  campaign.run_for(300s);
  EXPECT_LE(campaign.retries, 0.2 * campaign.firsts + 10 * 300 + 100);
  EXPECT_GE(campaign.retries, 0.2 * campaign.firsts) << "and uses them";
}

TEST(RetryBudget, NeverDoublesTheLoadWhateverShareFails) {
  for (const double works : {0.1, 0.3, 0.5, 0.6, 0.64, 0.7, 0.8, 0.9, 1.0}) {
    Campaign campaign{.first_each_step = 100, .works = works};
    campaign.run_for(100s);
    EXPECT_LE(campaign.retries, 0.7 * campaign.firsts + 1'100) << works;
  }
}

TEST(RetryBudget, LetsAFewFailuresBeRetriedWhenTheyAreDue) {
  Campaign campaign{.first_each_step = 100, .works = 0.9};
  campaign.run_for(300s);
  EXPECT_TRUE(campaign.due.front() > campaign.now - 10ms);
}

TEST(RetryBudget, LetsASmallSenderRetryFreely) {
  RetryBudget budget({});
  SteadyTime now{1h};
  budget.on_first_attempts(now, 100);
  now += 10s;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(budget.earliest(now), now);
    budget.on_retry(now);
  }
}

TEST(RetryBudget, SaysWhenTheNextMayGo) {
  RetryBudget budget({.share = 0.2, .per_second = 4});
  const SteadyTime now{1h};
  while (budget.earliest(now) == now) budget.on_retry(now);
  const SteadyTime due = budget.earliest(now);
  EXPECT_NEAR(std::chrono::duration<double>(due - now).count(), 0.25, 0.001);
  EXPECT_GT(budget.earliest(due - 1ms), due - 1ms);
  EXPECT_EQ(budget.earliest(due), due);
}

TEST(RetryBudget, LetsARetryGoAtTheVeryTimeItNamed) {
  for (const double per_second : {0.001, 0.01, 0.1, 0.2, 0.3, 7.0, 10.0}) {
    RetryBudget budget({.share = 0, .per_second = per_second});
    SteadyTime now{1h};
    for (int i = 0; i < 1'000; ++i) {
      budget.on_retry(now);
      const SteadyTime next = budget.earliest(now);
      ASSERT_EQ(budget.earliest(next), next) << per_second << " a second, retry " << i;
      now = next + 1ms * (i % 10);
    }
  }
}

TEST(RetryBudget, MakesItEarlierWithEachFirstAttempt) {
  RetryBudget budget({});
  const SteadyTime now{1h};
  while (budget.earliest(now) == now) budget.on_retry(now);
  budget.on_first_attempts(now, 5);
  EXPECT_EQ(budget.earliest(now), now);
}

TEST(RetryBudget, LetsTheLastRetriesOfACampaignGoFastOnceFcmWorksAgain) {
  Campaign campaign{.first_each_step = 100};
  campaign.run_for(100s);
  campaign.first_each_step = 0;
  campaign.run_for(60s);
  ASSERT_GT(campaign.due.size(), 700'000U);

  campaign.works = 1;
  campaign.run_for(60s);
  EXPECT_TRUE(campaign.due.empty());
}

TEST(RetryBudget, GoesOnWithTenASecondWhileNothingElseComesAndAllFails) {
  Campaign campaign{.first_each_step = 100};
  campaign.run_for(30s);
  campaign.first_each_step = 0;
  campaign.run_for(200s);
  const int before = campaign.retries;
  campaign.run_for(100s);
  EXPECT_NEAR(campaign.retries - before, 1'000, 20);
}

TEST(RetryBudget, SavesNothingUpForLongerThanTwoMinutes) {
  RetryBudget budget({});
  SteadyTime now{1h};
  budget.on_first_attempts(now, 1'000'000);
  now += 121s;
  int count = 0;
  for (; budget.earliest(now) == now; ++count) budget.on_retry(now);
  EXPECT_EQ(count, 100);
}

TEST(RetryBudget, WaitsForFirstAttemptsAloneWhenNothingComesInAnyCase) {
  RetryBudget budget({.share = 0.5, .per_second = 0});
  const SteadyTime now{1h};
  EXPECT_EQ(budget.earliest(now), SteadyTime::max());
  budget.on_first_attempts(now, 2);
  EXPECT_EQ(budget.earliest(now), now);
}

// Whatever the order: in any minute no more than a fifth of the first attempts of that and the two
// minutes before it, and what comes in any case.
TEST(RetryBudgetWalk, KeepsItsShareInAnyMinute) {
  EXPECT_TRUE(rc::check("share", [] {
    enum class Act { first, retry, pass };
    struct Event {
      SteadyTime at;
      int firsts = 0;
      int retries = 0;
    };
    std::vector<Event> events;
    RetryBudget budget({});
    SteadyTime now{1h};
    for (int i = 0; i < 200; ++i) {
      Event event{.at = now};
      switch (*rc::gen::element(Act::first, Act::retry, Act::pass)) {
        case Act::first:
          event.firsts = *rc::gen::inRange(1, 2'000);
          budget.on_first_attempts(now, static_cast<std::uint64_t>(event.firsts));
          break;
        case Act::retry:
          for (int n = *rc::gen::inRange(0, 1'000); n > 0 && budget.earliest(now) <= now; --n) {
            budget.on_retry(now);
            ++event.retries;
          }
          break;
        case Act::pass:
          now += std::chrono::milliseconds(*rc::gen::inRange(0, 3'000));
          break;
      }
      events.push_back(event);
    }
    for (const Event& last : events) {
      int firsts = 0;
      int retries = 0;
      for (const auto& event : events) {
        const auto age = last.at - event.at;
        if (age >= 0s && age <= 180s) firsts += event.firsts;
        if (age >= 0s && age <= 60s) retries += event.retries;
      }
      RC_ASSERT(retries <= 0.2 * firsts + 600 + 100 + 1);
    }
  }));
}

}  // namespace
}  // namespace fanfare::client
