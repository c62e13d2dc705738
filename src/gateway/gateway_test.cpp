// A whole gateway in this process, its FCM too: under ThreadSanitizer the test of all its threads.
#include "gateway/gateway.h"

#include <filesystem>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

#include "client/testing/fake_fcm.h"
#include "http2/pool.h"
#include "queue/messages.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    std::string pattern = ::testing::TempDir() + "fanfare-gateway-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    open();
  }
  ~GatewayTest() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    GatewayOptions options;
    options.port = 0;
    options.registry_path = folder_ / "fanfare.db";
    options.queue_path = folder_ / "fanfare.queue.db";
    ClientOptions client;
    client.project = "demo";
    client.endpoint = fcm_.url("");
    client.lanes = 2;
    client.messages_per_minute = 0;
    options.projects = {client};
    auto opened = Gateway::open(io_, options);
    ASSERT_TRUE(opened) << opened.error().what;
    gateway_ = *std::move(opened);
    const http2::Origin origin{false, "127.0.0.1", gateway_->port()};
    pool_ = std::make_unique<http2::Pool>(io_, origin, nullptr, http2::PoolOptions{});
  }
  void close() {
    if (!gateway_) return;
    gateway_->stop();
    until([&] { return gateway_->stopped(); });
    pool_.reset();
    gateway_.reset();
    io_.poll();
  }

  template <class Ready>
  void until(Ready ready) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!ready()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      io_.run_one_for(20ms);
    }
  }

  void post(const std::string& body) {
    http2::Request request;
    request.method = "POST";
    request.scheme = "http";
    request.authority = "127.0.0.1";
    request.path = "/v1/projects/demo/messages";
    request.body = body;
    pool_->send(std::move(request), [this](const http2::Ended& ended) {
      EXPECT_EQ(ended.response.status, 202) << ended.response.body << ended.reason;
      ++answered_;
    });
  }
  static std::string one(int number) {
    return R"({"message":{"data":{"a":"b"}},"to":{"token":"t)" + std::to_string(number) +
           R"("},"idempotency_key":"k)" + std::to_string(number / 2) + "-" +
           std::to_string(number) + R"("})";
  }

  /// The books as another process would read them.
  queue::Books books() {
    auto store =
        queue::Store::open(folder_ / "fanfare.queue.db", {.mode = queue::StoreOptions::Mode::read});
    queue::Books found;
    const auto looked = (*store)->look([&] {
      const auto all = queue::Messages(**store).stored_books();
      if (all.contains("demo")) found = all.at("demo");
    });
    EXPECT_TRUE(looked);
    return found;
  }

  boost::asio::io_context io_{1};
  client::testing::FakeFcm fcm_{io_};
  std::filesystem::path folder_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<http2::Pool> pool_;
  int answered_ = 0;
};

TEST_F(GatewayTest, TakesDeliversAndBalances) {
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) post(one(i));
  until([&] { return answered_ == count; });
  until([&] { return books().of(queue::State::delivered) == count; });
  EXPECT_TRUE(books().balance());
  EXPECT_EQ(fcm_.sends.size(), static_cast<std::size_t>(count));
}

TEST_F(GatewayTest, AStoppedOneHandsWhatIsLeftToTheNext) {
  std::vector<client::testing::FakeFcm::ReplyPtr> kept;
  fcm_.on_send = [&](const http2::Request&, const auto& reply) { kept.push_back(reply); };
  for (int i = 0; i < 20; ++i) post(one(i));
  until([&] { return answered_ == 20 && kept.size() == 20; });
  gateway_->stop();
  fcm_.on_send = [](const http2::Request&, const auto& reply) {
    reply->respond(client::testing::FakeFcm::accepted());
  };
  for (const auto& reply : kept) reply->respond(client::testing::FakeFcm::json(503, "{}"));
  until([&] { return gateway_->stopped(); });
  EXPECT_EQ(books().of(queue::State::waiting), 20U);
  pool_.reset();
  gateway_.reset();
  io_.poll();
  open();
  until([&] { return books().of(queue::State::delivered) == 20U; });
  EXPECT_TRUE(books().balance());
}

}  // namespace
}  // namespace fanfare::gateway
