// A store in a folder of its own, for tests: opened, closed, opened again.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "queue/messages.h"
#include "queue/store.h"

namespace fanfare::queue {

class World : public ::testing::Test {
 protected:
  World() {
    std::string pattern = ::testing::TempDir() + "fanfare-queue-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    open();
  }
  ~World() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    auto opened = Store::open(path());
    ASSERT_TRUE(opened) << opened.error().what;
    store_ = *std::move(opened);
    write([&] { messages_ = std::make_unique<Messages>(*store_); });
  }
  void close() {
    messages_.reset();
    store_.reset();
  }
  void reopen() {
    close();
    open();
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "queue.db"; }

  template <class Body>
  void write(Body&& body) {
    const auto done = store_->transact(std::forward<Body>(body));
    ASSERT_TRUE(done) << done.error().what;
  }

  static NewMessage to(const std::string& token, std::string message = {}) {
    return {.target = {TargetKind::token, token}, .message = std::move(message)};
  }
  static Submission one(const std::string& token = "t") {
    return {.project = "demo", .message = R"({"data":{"a":"b"}})", .messages = {to(token)}};
  }
  MessageId accept(const Submission& submission) {
    MessageId id = 0;
    write([&] { id = messages_->accept(submission, now_).first; });
    return id;
  }
  std::vector<Leased> lease(std::size_t limit = 100, Priority priority = Priority::normal) {
    std::vector<Leased> leased;
    write([&] { messages_->lease("demo", priority, now_, limit, leased); });
    return leased;
  }
  void end(MessageId id, State state, std::string evidence = {}) {
    const Ending ending{.id = id, .state = state, .rule = "rule", .evidence = std::move(evidence)};
    write([&] { messages_->end({&ending, 1}, now_); });
  }
  MessageStatus status(MessageId id) {
    const auto found = messages_->find("demo", id);
    EXPECT_TRUE(found) << id;
    return found.value_or(MessageStatus{});
  }
  [[nodiscard]] State state(MessageId id) { return status(id).state; }
  void expect_sound() {
    EXPECT_EQ(messages_->check_books(), std::vector<std::string>{});
    EXPECT_TRUE(messages_->total().balance());
  }

  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Messages> messages_;
  SystemTime now_{std::chrono::seconds(1'800'000'000)};
};

}  // namespace fanfare::queue
