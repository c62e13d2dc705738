// Events on their way to a receiver in this process, with a clock that the test moves.
#include "gateway/webhook_sender.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "gateway/testing/device_world.h"
#include "gateway/webhook_plan.h"
#include "http2/server.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;

class WebhookSenderTest : public DeviceWorld {
 protected:
  WebhookSenderTest() {
    services_->to_http = [this](std::move_only_function<void()> work) {
      boost::asio::post(io_, [work = std::move(work)]() mutable { work(); });
    };
    receiver_ = http2::Server::open(
                    io_, {},
                    [this](http2::Request request, const std::shared_ptr<http2::Reply>& reply) {
                      bodies_.push_back(std::move(request.body));
                      reply->respond({answer_, {}, body_});
                    })
                    .value();
    queue::Webhook webhook{.id = "wh-1",
                           .url = "http://127.0.0.1:" + std::to_string(receiver_->port()) + "/",
                           .secret = "s",
                           .choice = {},
                           .created = now_,
                           .retry_at = {},
                           .last_error = {}};
    must(writer_->run([&] { write_->events.put_webhook(webhook); }));
    sender_ = std::make_unique<WebhookSender>(io_, *services_, WebhookOptions{});
  }
  ~WebhookSenderTest() override {
    sender_.reset();
    receiver_.reset();
    io_.poll();
  }

  void happen(const std::string& type) {
    must(writer_->run([&] { write_->events.add({.at = now_, .type = type}); }));
  }
  queue::Webhook stored() {
    queue::Webhook found;
    must(writer_->run([&] { found = *write_->events.webhook("wh-1"); }));
    return found;
  }
  std::vector<std::string> put_aside() {
    std::vector<std::string> types;
    must(writer_->run([&] {
      for (const auto& letter : write_->events.dead_letters("wh-1", 0, 100)) {
        types.push_back(letter.event.type);
      }
    }));
    return types;
  }
  /// Looks for news until it is so.
  template <class Ready>
  void until(Ready ready) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!ready()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      sender_->news();
      io_.run_one_for(5ms);
    }
  }
  /// Refuses the next delivery, so many times.
  void fail(int times) {
    answer_ = 500;
    for (int i = 0; i < times; ++i) {
      const std::size_t before = bodies_.size();
      const int failures = stored().failures;
      until([&] { return bodies_.size() > before && stored().failures != failures; });
      now_ += 2h;
    }
  }

  boost::asio::io_context io_{1};
  std::unique_ptr<http2::Server> receiver_;
  std::vector<std::string> bodies_;
  int answer_ = 200;
  std::string body_;
  std::unique_ptr<WebhookSender> sender_;
};

TEST_F(WebhookSenderTest, WhatIsTakenIsNotSentAgain) {
  happen("one");
  until([&] { return stored().cursor == 1; });
  happen("two");
  until([&] { return stored().cursor == 2; });
  ASSERT_EQ(bodies_.size(), 2U);
  EXPECT_NE(bodies_[1].find("two"), std::string::npos);
}

// Many web servers answer any POST with a page, and the page is of no interest.
TEST_F(WebhookSenderTest, AnAnswerCountsByItsStatusHoweverLongItsBodyIs) {
  body_ = std::string(200'000, 'x');
  happen("one");
  until([&] { return stored().cursor == 1; });
  EXPECT_EQ(bodies_.size(), 1U);
  EXPECT_EQ(stored().last_error, "");
}

TEST_F(WebhookSenderTest, OnlyWhatWasTriedTwelveTimesIsPutAside) {
  happen("old");
  fail(webhook_attempts - 1);
  happen("new");
  EXPECT_EQ(put_aside(), std::vector<std::string>{});
  fail(1);
  EXPECT_EQ(put_aside(), std::vector<std::string>{"old"});
  answer_ = 200;
  until([&] { return stored().cursor == 2; });
  EXPECT_NE(bodies_.back().find("new"), std::string::npos);
  EXPECT_EQ(bodies_.back().find("old"), std::string::npos);
}

TEST_F(WebhookSenderTest, WhatCouldNotBePutAsideIsPutAsideLater) {
  happen("old");
  fail(webhook_attempts - 1);
  must(writer_->run([&] {
    store_->database().execute(
        "CREATE TEMP TRIGGER broken BEFORE INSERT ON main.webhook_dead"
        " BEGIN SELECT RAISE(ABORT, 'broken'); END");
  }));
  const auto failures = writer_->stats().failures;
  until([&] { return writer_->stats().failures >= failures + 2; });
  must(writer_->run([&] { store_->database().execute("DROP TRIGGER broken"); }));
  until([&] { return stored().cursor == 1; });
  EXPECT_EQ(put_aside(), std::vector<std::string>{"old"});
  EXPECT_EQ(bodies_.size(), static_cast<std::size_t>(webhook_attempts));
}

// Under AddressSanitizer the test of what the writer still holds when the sender is gone.
TEST_F(WebhookSenderTest, EndsBehindItsOwnWrites) {
  happen("one");
  std::promise<void> go;
  until([&] { return bodies_.size() == 1; });
  writer_->post([held = go.get_future()]() mutable { held.wait(); }, [](const Result<void>&) {});
  io_.run_one_for(1s);
  std::thread letter([&] { go.set_value(); });
  sender_.reset();
  letter.join();
}

}  // namespace
}  // namespace fanfare::gateway
