// A deliverer with an FCM that answers as told, and a store whose disk fails when told.
#include "gateway/deliverer.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "client/testing/attempts.h"
#include "client/testing/fake_sender.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;
using client::testing::attempt;

class DelivererTest : public ::testing::Test {
 protected:
  DelivererTest() {
    std::string pattern = ::testing::TempDir() + "fanfare-deliverer-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = *queue::Store::open(folder_ / "queue.db");
    EXPECT_TRUE(store_->transact([&] { messages_ = std::make_unique<queue::Messages>(*store_); }));
    events_ = std::make_unique<queue::Events>(*store_);
    writer_ = std::make_unique<CommitThread>(*store_);
  }
  ~DelivererTest() override {
    deliverer_.reset();
    lanes_.clear();
    writer_.reset();
    messages_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start() {
    lanes_ = client::make_lanes(fcm_.factory(), 1);
    DelivererOptions options;
    options.project = "demo";
    deliverer_ = std::make_unique<Deliverer>(
        lanes_, *registry::Registry::open(folder_ / "fanfare.db"), *writer_, *messages_, *events_,
        options,
        DelivererHooks{.on_answer = [](auto, const auto&, const auto&) {},
                       .on_warning = [](const std::string&) {}});
  }
  void accept(int count) {
    queue::Submission submission{
        .project = "demo", .message = R"({"data":{"a":"b"}})", .messages = {}};
    for (int i = 0; i < count; ++i) {
      submission.messages.push_back({.target = {TargetKind::token, "t" + std::to_string(i)}});
    }
    EXPECT_TRUE(writer_->run(
        [&] { (void)messages_->accept(submission, std::chrono::system_clock::now()); }));
  }

  /// From now on what writes to the table fails, in the middle of its transaction.
  void break_table(const std::string& deed, const std::string& table) {
    execute("CREATE TEMP TRIGGER broken BEFORE " + deed + " ON main." + table +
            " BEGIN SELECT RAISE(ABORT, 'broken'); END");
  }
  void mend() { execute("DROP TRIGGER broken"); }

  template <class Ready>
  void until(Ready ready) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    bool done = false;
    while (!done) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      (void)writer_->run([&] { done = ready(); });
    }
  }
  std::uint64_t delivered() { return messages_->total().of(queue::State::delivered); }

  std::filesystem::path folder_;
  std::unique_ptr<queue::Store> store_;
  std::unique_ptr<queue::Messages> messages_;
  std::unique_ptr<queue::Events> events_;
  std::unique_ptr<CommitThread> writer_;
  VerdictKind answer_ = VerdictKind::accepted;
  client::testing::ScriptedFcm fcm_{[this](const Target&, int) { return attempt(answer_); }};
  client::Lanes lanes_;
  std::unique_ptr<Deliverer> deliverer_;

 private:
  void execute(const std::string& sql) {
    EXPECT_TRUE(writer_->run([&] { store_->database().execute(sql.c_str()); }));
  }
};

TEST_F(DelivererTest, GoesOnAfterALeaseThatFailedHalfway) {
  accept(3);
  break_table("UPDATE", "message");
  start();
  until([&] { return writer_->stats().failures >= 2; });
  mend();
  until([&] { return delivered() == 3; });
  EXPECT_TRUE(messages_->total().balance());
  until([&] { return deliverer_->stats().in_hand == 0; });
}

// It stands in a transaction of its own, without the end or the return of any message.
TEST_F(DelivererTest, TellsOfABreakerAlthoughThatCouldNotBeWrittenAtFirst) {
  answer_ = VerdictKind::project_blocked;
  accept(1);
  break_table("INSERT", "event");
  start();
  until([&] { return writer_->stats().failures >= 1; });
  mend();
  until([&] {
    return !events_->behind(0, {.types = {"breaker.opened"}, .project = "demo"}, 1).empty();
  });
}

// For a while there is nothing else that would wake it.
TEST_F(DelivererTest, AsksAStoreThatFailsOnceASecond) {
  accept(1);
  break_table("UPDATE", "message");
  const auto begun = std::chrono::steady_clock::now();
  start();
  until([&] { return writer_->stats().failures >= 3; });
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 1900ms);
}

// A submission under way may be the last that holds the project, on the writer's thread.
TEST_F(DelivererTest, MayBeDestroyedByTheWriterOnceItIsClosed) {
  start();
  deliverer_->close();
  deliverer_->close();
  EXPECT_TRUE(deliverer_->stopped());
  EXPECT_TRUE(writer_->run([held = std::move(deliverer_)] {}));
  EXPECT_TRUE(writer_->run([] {}));
}

}  // namespace
}  // namespace fanfare::gateway
