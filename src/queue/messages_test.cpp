#include "queue/messages.h"

#include <stdexcept>
#include <tuple>

#include "queue/events.h"
#include "queue/testing/world.h"
#include "sqlite/sqlite.h"

namespace fanfare::queue {
namespace {

using namespace std::chrono_literals;

class MessagesTest : public World {};

TEST_F(MessagesTest, OneIsAcceptedLeasedAndEnded) {
  const MessageId id = accept(one());
  EXPECT_EQ(state(id), State::waiting);
  const auto leased = lease();
  ASSERT_EQ(leased.size(), 1U);
  EXPECT_EQ(leased[0].id, id);
  EXPECT_EQ(*leased[0].message, R"({"data":{"a":"b"}})");
  EXPECT_EQ(state(id), State::in_flight);
  EXPECT_TRUE(lease().empty());
  end(id, State::delivered);
  EXPECT_EQ(state(id), State::delivered);
  EXPECT_EQ(messages_->total().accepted, 1U);
  EXPECT_EQ(messages_->total().of(State::delivered), 1U);
  expect_sound();
}

TEST_F(MessagesTest, WhatCanGoAtOnceIsLeasedAsItIsAccepted) {
  std::vector<Leased> leased;
  write([&] { (void)messages_->accept(one(), now_, &leased); });
  ASSERT_EQ(leased.size(), 1U);
  EXPECT_EQ(state(leased[0].id), State::in_flight);
  EXPECT_TRUE(lease().empty());
  expect_sound();
}

TEST_F(MessagesTest, TheMessagesOfASubmissionShareATextAndHaveConsecutiveIds) {
  Submission many = one("a");
  many.messages.push_back(to("b"));
  many.messages.push_back(to("c", R"({"data":{"own":"text"}})"));
  const MessageId first = accept(many);
  const auto leased = lease();
  ASSERT_EQ(leased.size(), 3U);
  EXPECT_EQ(leased[2].id, first + 2);
  EXPECT_EQ(leased[0].message, leased[1].message);
  EXPECT_EQ(*leased[2].message, R"({"data":{"own":"text"}})");
  for (const auto& each : leased) end(each.id, State::delivered);
  EXPECT_EQ(store_->database().integer("SELECT count(*) FROM text"), 0);
  expect_sound();
}

TEST_F(MessagesTest, AreLeasedByPriorityAndDueTime) {
  Submission later = one("later");
  later.send_at = now_ + 10s;
  Submission urgent = one("urgent");
  urgent.priority = Priority::urgent;
  accept(later);
  const MessageId plain = accept(one("plain"));
  const MessageId first = accept(urgent);
  EXPECT_EQ(lease(10, Priority::urgent).at(0).id, first);
  const auto normal = lease(10);
  ASSERT_EQ(normal.size(), 1U);
  EXPECT_EQ(normal[0].id, plain);
  EXPECT_EQ(messages_->next_due("demo", Priority::normal), now_ + 10s);
  now_ += 10s;
  EXPECT_EQ(lease(10).size(), 1U);
}

TEST_F(MessagesTest, NothingIsLeasedAfterItsExpiry) {
  Submission brief = one();
  brief.expires_at = now_ + 5s;
  const MessageId id = accept(brief);
  now_ += 5s;
  EXPECT_TRUE(lease().empty());
  EXPECT_EQ(state(id), State::expired);
  expect_sound();
}

TEST_F(MessagesTest, WhatHasExpiredBeforeItCameIsNotHandedOut) {
  Submission late = one();
  late.expires_at = now_;
  std::vector<Leased> leased;
  MessageId id = 0;
  write([&] { id = messages_->accept(late, now_, &leased).first; });
  EXPECT_TRUE(leased.empty());
  EXPECT_TRUE(lease().empty());
  EXPECT_EQ(state(id), State::expired);
  expect_sound();
}

TEST_F(MessagesTest, WhatExpiresKeepsItsAttemptsAndWhyItWaited) {
  Submission brief = one();
  brief.expires_at = now_ + 5s;
  const MessageId id = accept(brief);
  (void)lease();
  const Postponed back{.id = id, .due = now_ + 30s, .attempts = 2, .rule = "server.unavailable"};
  write([&] { messages_->postpone({&back, 1}, now_); });
  now_ += 30s;
  write([&] { EXPECT_EQ(messages_->keep_up({}, now_).expired, 1U); });
  EXPECT_EQ(status(id).attempts, 2);
  EXPECT_EQ(status(id).rule, "server.unavailable");
}

TEST_F(MessagesTest, WhatWaitsPastItsExpiryIsFoundWithoutBeingLeased) {
  Submission brief = one();
  brief.expires_at = now_ + 5s;
  const MessageId id = accept(brief);
  const MessageId stays = accept(one());
  now_ += 6s;
  write([&] { EXPECT_EQ(messages_->keep_up({}, now_).expired, 1U); });
  EXPECT_EQ(state(id), State::expired);
  EXPECT_EQ(state(stays), State::waiting);
  expect_sound();
}

TEST_F(MessagesTest, AKeyThatRepeatsGetsTheSameAnswer) {
  Submission keyed = one();
  keyed.idempotency_key = "order-7";
  keyed.fingerprint = "body";
  Receipt first;
  Receipt second;
  write([&] { first = messages_->accept(keyed, now_); });
  reopen();
  write([&] { second = messages_->accept(keyed, now_); });
  EXPECT_EQ(second.kind, Receipt::Kind::repeated);
  EXPECT_EQ(second.first, first.first);
  EXPECT_EQ(second.count, 1U);
  EXPECT_EQ(messages_->total().accepted, 1U);
}

TEST_F(MessagesTest, AKeyForSomethingElseTakesNothing) {
  Submission keyed = one();
  keyed.idempotency_key = "order-7";
  keyed.fingerprint = "body";
  accept(keyed);
  keyed.fingerprint = "another body";
  write([&] { EXPECT_EQ(messages_->accept(keyed, now_).kind, Receipt::Kind::key_reused); });
  keyed.project = "another";
  write([&] { EXPECT_EQ(messages_->accept(keyed, now_).kind, Receipt::Kind::accepted); });
}

TEST_F(MessagesTest, AKeyIsForgottenAfterItsRetention) {
  Submission keyed = one();
  keyed.idempotency_key = "order-7";
  const MessageId first = accept(keyed);
  now_ += 25h;
  write([&] { (void)messages_->keep_up({}, now_); });
  EXPECT_NE(accept(keyed), first);
}

TEST_F(MessagesTest, OneKeysMessagesGoOneAfterAnother) {
  Submission ordered = one();
  ordered.order_key = "chat";
  const MessageId first = accept(ordered);
  const MessageId second = accept(ordered);
  const MessageId third = accept(ordered);
  ASSERT_EQ(lease().size(), 1U);
  end(first, State::rejected);
  const auto next = lease();
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].id, second);
  write([&] { EXPECT_EQ(messages_->cancel("demo", third, now_), Messages::Cancelled::cancelled); });
  end(second, State::delivered);
  EXPECT_TRUE(lease().empty());
  expect_sound();
}

TEST_F(MessagesTest, AnEarlierOneThatIsSentLaterHoldsUpItsKey) {
  Submission ordered = one();
  ordered.order_key = "chat";
  ordered.send_at = now_ + 1h;
  const MessageId first = accept(ordered);
  ordered.send_at.reset();
  const MessageId second = accept(ordered);
  EXPECT_TRUE(lease().empty());
  now_ += 1h;
  EXPECT_EQ(lease().at(0).id, first);
  end(first, State::delivered);
  EXPECT_EQ(lease().at(0).id, second);
}

TEST_F(MessagesTest, WhatIsGivenBackIsDueWhenItWasSaidWithItsAttempts) {
  const MessageId id = accept(one());
  (void)lease();
  const Postponed back{.id = id, .due = now_ + 30s, .attempts = 2, .rule = "server.unavailable"};
  write([&] { messages_->postpone({&back, 1}, now_); });
  EXPECT_EQ(state(id), State::waiting);
  EXPECT_EQ(status(id).due, now_ + 30s);
  EXPECT_TRUE(lease().empty());
  now_ += 30s;
  EXPECT_EQ(lease().at(0).attempts, 2);
  expect_sound();
}

TEST_F(MessagesTest, ALeaseThatExpiresMakesTheMessageDueAgain) {
  const MessageId id = accept(one());
  (void)lease();
  now_ += Messages::lease_for;
  write([&] { EXPECT_EQ(messages_->keep_up({}, now_).leases, 1U); });
  EXPECT_EQ(lease().at(0).id, id);
  end(id, State::delivered);
  end(id, State::rejected);  // From whoever had it first.
  EXPECT_EQ(state(id), State::delivered);
  expect_sound();
}

TEST_F(MessagesTest, OpeningTheFileVoidsAllLeases) {
  const MessageId id = accept(one());
  (void)lease();
  reopen();
  expect_sound();
  EXPECT_EQ(lease().at(0).id, id);
  expect_sound();
}

TEST_F(MessagesTest, WhatIsSentOnceIsNotSentAgainAfterACrash) {
  Submission once = one();
  once.once = true;
  const MessageId id = accept(once);
  const MessageId waits = accept(once);
  ASSERT_EQ(lease(1).size(), 1U);
  reopen();
  EXPECT_EQ(state(id), State::unknown);
  EXPECT_EQ(state(waits), State::waiting);
  expect_sound();
}

TEST_F(MessagesTest, OnlyWhatWaitsCanBeCancelled) {
  using Cancelled = Messages::Cancelled;
  const MessageId id = accept(one());
  const MessageId flying = accept(one());
  write([&] {
    EXPECT_EQ(messages_->cancel("demo", id, now_), Cancelled::cancelled);
    EXPECT_EQ(messages_->cancel("demo", id, now_), Cancelled::ended);
    EXPECT_EQ(messages_->cancel("another", flying, now_), Cancelled::unknown_id);
    EXPECT_EQ(messages_->cancel("demo", 4711, now_), Cancelled::unknown_id);
  });
  (void)lease();
  write([&] { EXPECT_EQ(messages_->cancel("demo", flying, now_), Cancelled::in_flight); });
  EXPECT_EQ(state(id), State::cancelled);
  expect_sound();
}

TEST_F(MessagesTest, ADeadLetterKeepsWhatIsNeededToSendItAgain) {
  Submission many = one("a");
  many.messages.push_back(to("b"));
  const MessageId first = accept(many);
  (void)lease();
  end(first, State::rejected, R"({"status":400})");
  end(first + 1, State::delivered);
  const auto dead = messages_->dead_letters("demo", 0, 10);
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].target.value, "a");
  EXPECT_EQ(dead[0].evidence, R"({"status":400})");
  std::optional<MessageId> again;
  write([&] { again = messages_->replay("demo", first, now_); });
  ASSERT_TRUE(again);
  EXPECT_EQ(*lease().at(0).message, many.message);
  EXPECT_TRUE(messages_->dead_letters("demo", 0, 10).empty());
  write([&] { EXPECT_FALSE(messages_->replay("demo", first, now_)); });
  expect_sound();
}

TEST_F(MessagesTest, WhatHasEndedIsForgottenAfterItsRetention) {
  const MessageId id = accept(one());
  (void)lease();
  end(id, State::rejected);
  now_ += 24h * 8;
  write([&] { EXPECT_EQ(messages_->keep_up({}, now_).purged, 1U); });
  EXPECT_FALSE(messages_->find("demo", id));
  EXPECT_TRUE(messages_->dead_letters("demo", 0, 10).empty());
  EXPECT_EQ(messages_->total().of(State::rejected), 1U);  // The books remember.
  expect_sound();
}

TEST_F(MessagesTest, ATransactionThatFailsLeavesBooksAndLeasesAsTheyWere) {
  const MessageId kept = accept(one());
  (void)lease();
  const Books before = messages_->total();
  const auto failed = store_->transact([&] {
    Submission other = one();
    other.project = "new-one";
    (void)messages_->accept(other, now_);
    (void)messages_->accept(one(), now_);
    const Ending ending{.id = kept, .state = State::delivered};
    messages_->end({&ending, 1}, now_);
    throw sqlite::Failure{{Error::Kind::storage, "full", ""}};
  });
  EXPECT_FALSE(failed);
  EXPECT_EQ(messages_->total(), before);
  EXPECT_EQ(messages_->books().size(), 1U);
  EXPECT_EQ(state(kept), State::in_flight);
  expect_sound();
  now_ += Messages::lease_for;
  write([&] { EXPECT_EQ(messages_->keep_up({}, now_).leases, 1U); });
}

TEST_F(MessagesTest, AnythingThrownInATransactionUndoesIt) {
  EXPECT_THROW(std::ignore = store_->transact([&] {
    (void)messages_->accept(one(), now_);
    throw std::out_of_range("a mistake");
  }),
               std::out_of_range);
  EXPECT_EQ(messages_->total(), Books{});
  accept(one());
  expect_sound();
}

TEST_F(MessagesTest, AReaderSeesWhatTheOwnerHasCommitted) {
  const MessageId id = accept(one());
  auto reader = Store::open(path(), {.mode = StoreOptions::Mode::read});
  ASSERT_TRUE(reader) << reader.error().what;
  Messages seen(**reader);
  EXPECT_EQ(seen.find("demo", id)->state, State::waiting);
  (void)lease();
  EXPECT_EQ(seen.find("demo", id)->state, State::in_flight);
  EXPECT_EQ(seen.stored_books().at("demo").of(State::in_flight), 1U);
}

TEST(MessageIds, AreReadBackAndNothingElseIs) {
  EXPECT_EQ(parse_message_id(format_message_id(42)), 42);
  for (const char* bad : {"", "m-", "42", "m-0", "m--1", "m-1x", "m-99999999999999999999"}) {
    EXPECT_FALSE(parse_message_id(bad)) << bad;
  }
}

// Whoever listens for failures hears of each exactly once, whoever ended the message.
class FailuresTest : public World {
 protected:
  std::vector<std::string> told() {
    std::vector<std::string> all;
    for (const Event& event : Events(*store_).behind(0, {}, 100)) {
      EXPECT_EQ(std::tie(event.type, event.project), std::tuple("message.failed", "demo"));
      all.push_back(event.data);
    }
    return all;
  }
  static std::string failure(MessageId id, const std::string& rest) {
    return R"({"message":")" + format_message_id(id) + R"(",)" + rest +
           R"(,"target_kind":"token"})";
  }
};

TEST_F(FailuresTest, AreToldWhenADelivererEndsTheMessage) {
  const MessageId id = accept(one());
  (void)lease();
  end(id, State::rejected);
  end(id, State::rejected);
  EXPECT_EQ(told(), std::vector{failure(
                        id, R"("state":"rejected","rule":"rule","status":0,"attempts":0)")});
}

TEST_F(FailuresTest, AreToldWhenTheMessageExpiresInTheStore) {
  Submission brief = one();
  brief.expires_at = now_ + 10s;
  const MessageId waits = accept(brief);
  now_ += 11s;
  write([&] { (void)messages_->keep_up({}, now_); });
  brief.expires_at = now_ + 10s;
  const MessageId looked_at = accept(brief);
  now_ += 11s;
  EXPECT_TRUE(lease().empty());
  const std::string rest = R"("state":"expired","rule":"","status":0,"attempts":0)";
  EXPECT_EQ(told(), (std::vector{failure(waits, rest), failure(looked_at, rest)}));
}

TEST_F(FailuresTest, AreToldWhenACrashLosesAMessageThatIsSentOnce) {
  Submission once = one();
  once.once = true;
  const MessageId id = accept(once);
  (void)lease();
  reopen();
  EXPECT_EQ(told(), std::vector{failure(id, R"("state":"unknown","rule":"gateway.interrupted",)"
                                            R"("status":0,"attempts":0)")});
}

TEST_F(FailuresTest, AreNeitherDeliveriesNorWhatAPersonCancels) {
  const MessageId delivered = accept(one());
  (void)lease();
  end(delivered, State::delivered);
  const MessageId cancelled = accept(one());
  write([&] { (void)messages_->cancel("demo", cancelled, now_); });
  EXPECT_EQ(told(), std::vector<std::string>{});
}

// A retry of the request must not send to everybody twice.
class CampaignKeysTest : public World {
 protected:
  Receipt accept_campaign(const std::string& key, const std::string& fingerprint = "f") {
    Receipt receipt;
    write([&] {
      receipt =
          messages_->accept_campaign({"demo", key, fingerprint}, now_, [&] { return ++made_; });
    });
    return receipt;
  }

  std::int64_t made_ = 0;
};

TEST_F(CampaignKeysTest, TheSameKeyGivesTheSameCampaign) {
  EXPECT_EQ(accept_campaign("k").first, 1);
  const Receipt again = accept_campaign("k");
  EXPECT_EQ(std::tuple(again.kind, again.first), std::tuple(Receipt::Kind::repeated, 1));
  EXPECT_EQ(accept_campaign("k", "other").kind, Receipt::Kind::key_reused);
  EXPECT_EQ(accept_campaign("").first, 2);
  EXPECT_EQ(accept_campaign("").first, 3);
}

TEST_F(CampaignKeysTest, AKeyIsOfACampaignOrOfMessages) {
  (void)accept_campaign("campaign");
  Submission submission = one();
  submission.fingerprint = "f";
  submission.idempotency_key = "message";
  (void)accept(submission);
  EXPECT_EQ(accept_campaign("message").kind, Receipt::Kind::key_reused);
  submission.idempotency_key = "campaign";
  write([&] { EXPECT_EQ(messages_->accept(submission, now_).kind, Receipt::Kind::key_reused); });
}

TEST_F(CampaignKeysTest, BothKindsAreForgottenAfterTheirTime) {
  Submission submission = one();
  submission.idempotency_key = "message";
  (void)accept(submission);
  (void)accept_campaign("campaign");
  now_ += 25h;
  (void)accept_campaign("young");
  write([&] { (void)messages_->keep_up({}, now_); });
  EXPECT_EQ(accept_campaign("campaign").kind, Receipt::Kind::accepted);
  EXPECT_EQ(accept_campaign("young").kind, Receipt::Kind::repeated);
  write([&] { EXPECT_EQ(messages_->accept(submission, now_).kind, Receipt::Kind::accepted); });
}

}  // namespace
}  // namespace fanfare::queue
