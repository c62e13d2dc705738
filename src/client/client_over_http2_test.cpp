// The whole client against an HTTP/2 server in this process that plays FCM, over real sockets in
// plaintext: from options to the wire and back to an outcome.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fanfare/client.h"

#include "http2/server.h"

// ThreadSanitizer has an operator new of its own and suffers no other.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FANFARE_COUNTS_NO_ALLOCATIONS
#endif
#endif

#ifndef FANFARE_COUNTS_NO_ALLOCATIONS
namespace {

// The hook that counts: every allocation of this program, but for those of threads that say no.
std::atomic<std::uint64_t> allocations = 0;
thread_local bool is_counted = true;

void* counted_malloc(std::size_t size) {
  if (is_counted) allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return counted_malloc(size);
}
void* operator new[](std::size_t size) {
  return counted_malloc(size);
}
// By default these call the ones above; under AddressSanitizer they do not.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
#endif

namespace fanfare {
namespace {

using http2::Request;
using http2::Response;

// One server on its own thread. `answer` is called there.
class PlayedFcm {
 public:
  using AnswerTo = std::function<Response(const Request&)>;

  explicit PlayedFcm(AnswerTo answer) : answer_(std::move(answer)) {
    auto opened = http2::Server::open(
        io_, {}, [this](const Request& request, const std::shared_ptr<http2::Reply>& reply) {
          {
            const std::lock_guard lock(mutex_);
            requests_.push_back(request);
          }
          reply->respond(answer_(request));
        });
    if (opened) server_ = *std::move(opened);
    thread_ = std::jthread([this] { io_.run(); });
  }
  ~PlayedFcm() {
    io_.stop();
    thread_.join();
  }

  [[nodiscard]] ClientOptions options() const {
    ClientOptions options;
    options.endpoint = fmt::format("http://127.0.0.1:{}", server_->port());
    options.project = "demo";
    options.ramp = std::chrono::milliseconds(0);
    return options;
  }

  [[nodiscard]] std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  AnswerTo answer_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::unique_ptr<http2::Server> server_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;  // Guarded by mutex_.
  std::jthread thread_;
};

Response accepted(const Request&) {
  return {200, {{"content-type", "application/json"}}, R"({"name":"projects/demo/messages/1"})"};
}

Response unregistered() {
  return {404,
          {{"content-type", "application/json"}},
          R"({"error":{"code":404,"message":"Requested entity was not found.",
              "status":"NOT_FOUND","details":[{
              "@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",
              "errorCode":"UNREGISTERED"}]}})"};
}

Message hello() {
  Message message;
  message.notification = Notification{.title = "Hello"};
  return message;
}

TEST(ClientOverHttp2, AMessageIsPostedAndItsNameComesBack) {
  PlayedFcm fcm(accepted);
  auto client = Client::open(fcm.options());
  ASSERT_TRUE(client) << client.error().what;
  const Outcome outcome = client->send(hello(), {TargetKind::token, "abc"});
  ASSERT_TRUE(outcome.accepted()) << outcome.verdict.text;
  EXPECT_EQ(outcome.verdict.name, "projects/demo/messages/1");
  const auto requests = fcm.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].path, "/v1/projects/demo/messages:send");
  EXPECT_TRUE(requests[0].body.contains(R"("token":"abc")")) << requests[0].body;
  EXPECT_TRUE(requests[0].body.contains("Hello")) << requests[0].body;
}

TEST(ClientOverHttp2, ADryRunSaysSoOnTheWire) {
  PlayedFcm fcm(accepted);
  auto options = fcm.options();
  options.validate_only = true;
  auto client = Client::open(options);
  ASSERT_TRUE(client) << client.error().what;
  EXPECT_TRUE(client->send(hello(), {TargetKind::topic, "news"}).accepted());
  EXPECT_TRUE(fcm.requests().at(0).body.contains("validate_only"));
}

TEST(ClientOverHttp2, AStreamTellsTheDeadFromTheLiving) {
  PlayedFcm fcm([](const Request& request) {
    return request.body.contains(R"("token":"dead)") ? unregistered() : accepted(request);
  });
  auto client = Client::open(fcm.options());
  ASSERT_TRUE(client) << client.error().what;
  int yielded = 0;
  int living = 0;
  int gone = 0;
  client->send_each(
      hello(),
      [&]() -> std::optional<Target> {
        if (++yielded > 1'000) return std::nullopt;
        return Target{TargetKind::token,
                      fmt::format("{}-{}", yielded % 10 == 0 ? "dead" : "alive", yielded)};
      },
      [&](const Outcome& outcome) {
        living += outcome.accepted() ? 1 : 0;
        gone += outcome.verdict.kind == VerdictKind::device_gone ? 1 : 0;
      });
  EXPECT_EQ(living, 900);
  EXPECT_EQ(gone, 100);
  EXPECT_EQ(fcm.requests().size(), 1'000U);
}

TEST(ClientOverHttp2, AWrongProjectIsSaidAndNotAskedTwice) {
  PlayedFcm fcm([](const Request&) {
    return Response{404, {{"content-type", "text/html"}}, "<html>not here</html>"};
  });
  auto client = Client::open(fcm.options());
  ASSERT_TRUE(client) << client.error().what;
  const Outcome outcome = client->send(hello(), {TargetKind::token, "abc"});
  EXPECT_EQ(outcome.verdict.kind, VerdictKind::project_blocked);
  EXPECT_EQ(fcm.requests().size(), 1U);
}

// --- what can be wrong before anything is sent ---

TEST(ClientOverHttp2, AMissingKeyFileIsAnErrorOfOpen) {
  const auto client = Client::open({.credentials_file = "/nonexistent/key.json"});
  ASSERT_FALSE(client);
  EXPECT_TRUE(client.error().what.contains("/nonexistent/key.json")) << client.error().what;
}

TEST(ClientOverHttp2, AnEndpointThatIsNoUrlIsWrongUse) {
  const auto client = Client::open({.endpoint = "fcm.example"});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().kind, Error::Kind::usage);
}

#ifndef FANFARE_COUNTS_NO_ALLOCATIONS
// From the caller's target to the caller's callback, over sockets: what is open is allocated once.
// What remains is for a batch (a post to another thread's loop), not for a message.
TEST(ClientOverHttp2, AMessageOfMillionsCostsNoAllocation) {
  PlayedFcm fcm([](const Request& request) {
    is_counted = false;  // The server's thread.
    return accepted(request);
  });
  auto client = Client::open(fcm.options());
  ASSERT_TRUE(client) << client.error().what;
  constexpr std::uint64_t warm_up = 10'000;
  constexpr std::uint64_t counted = 20'000;
  std::uint64_t asked = 0;
  std::uint64_t told = 0;
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  client->send_each(
      hello(),
      [&]() -> std::optional<Target> {
        if (asked == warm_up + counted) return std::nullopt;
        return Target{TargetKind::token, std::to_string(++asked)};  // Short enough to need none.
      },
      [&](const Outcome& outcome) {
        EXPECT_TRUE(outcome.accepted());
        if (++told == warm_up) before = allocations;
        if (told == warm_up + counted) after = allocations;
      });
  EXPECT_EQ(told, warm_up + counted);
  EXPECT_LT(after - before, counted / 2) << "allocations for " << counted << " messages";
  RecordProperty("allocations", std::to_string(after - before));
  std::printf("%llu allocations for %llu messages\n",
              static_cast<unsigned long long>(after - before),
              static_cast<unsigned long long>(counted));
}
#endif

}  // namespace
}  // namespace fanfare
