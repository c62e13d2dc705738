// One exchange against a server on loopback that answers byte by byte as told. Time limits are
// set short; nothing asserts how long anything took.
#include "http2/http1_exchange.h"

#include <array>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "http2/testing/loop.h"

namespace fanfare::http2 {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;
using How = Ended::How;

/// Accepts one connection, keeps what it reads, and says each piece once the former was written.
struct Server {
  enum class Then : std::uint8_t { close, hold };

  asio::io_context& io;
  tcp::acceptor acceptor{io, {asio::ip::make_address("127.0.0.1"), 0}};
  Origin origin{false, "127.0.0.1", acceptor.local_endpoint().port()};
  tcp::socket socket{io};
  std::array<char, 4096> buffer{};
  std::string heard;
  std::vector<std::string> pieces;
  Then then;
  std::size_t said = 0;
  bool client_left = false;

  Server(asio::io_context& loop, std::vector<std::string> says, Then after)
      : io(loop), pieces(std::move(says)), then(after) {
    acceptor.async_accept(socket, [this](boost::system::error_code error) {
      acceptor.close();
      if (!error) listen();
    });
  }

  void listen() {
    socket.async_read_some(asio::buffer(buffer), [this](auto error, std::size_t count) {
      heard.append(buffer.data(), count);
      client_left = static_cast<bool>(error);
      if (error) return;
      if (said == 0 && heard.find("\r\n\r\n") != std::string::npos) say();
      listen();
    });
  }

  void say() {
    if (said == pieces.size()) {
      boost::system::error_code ignored;
      if (then == Then::close) socket.shutdown(tcp::socket::shutdown_send, ignored);
      return;
    }
    const std::string& piece = pieces[said++];
    asio::async_write(socket, asio::buffer(piece), [this](auto error, std::size_t) {
      if (!error) say();
    });
  }
};

Request a_get() {
  Request request;
  request.scheme = "http";
  request.path = "/computeMetadata/v1/project?alt=text";
  request.headers = {{"metadata-flavor", "Google"}};
  return request;
}

struct World {
  asio::io_context io;
  std::optional<Server> server;
  std::vector<Ended> ends;
  std::unique_ptr<Http1Exchange> exchange;

  void start(std::vector<std::string> says, Server::Then then = Server::Then::close,
             const Request& request = a_get(), std::chrono::milliseconds timeout = 20s) {
    server.emplace(io, std::move(says), then);
    open(server->origin, request, timeout);
  }
  void open(const Origin& origin, const Request& request, std::chrono::milliseconds timeout) {
    exchange = std::make_unique<Http1Exchange>(
        io, origin, request, timeout, [this](Ended ended) { ends.push_back(std::move(ended)); });
    EXPECT_TRUE(ends.empty()) << "called from within the constructor";
  }
  const Ended& end() {
    EXPECT_TRUE(testing::run_until(io, [&] { return !ends.empty(); }));
    io.poll();
    EXPECT_EQ(ends.size(), 1U);
    if (ends.empty()) ends.emplace_back();
    return ends.front();
  }
  const Ended& end_of(std::vector<std::string> says, Server::Then then = Server::Then::close) {
    ends.clear();
    start(std::move(says), then);
    return end();
  }
};

TEST(Http1Exchange, AsksAndCarriesTheAnswer) {
  World world;
  const auto& ended =
      world.end_of({"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\n"
                    "Content-Length: 5\r\n\r\nhello"});
  ASSERT_EQ(ended.how, How::answered);
  EXPECT_EQ(ended.response.status, 200);
  EXPECT_EQ(ended.response.body, "hello");
  EXPECT_EQ(find_header(ended.response.headers, "metadata-flavor"), "Google");
  EXPECT_EQ(world.server->heard, "GET /computeMetadata/v1/project?alt=text HTTP/1.1\r\nhost: " +
                                     world.server->origin.authority() +
                                     "\r\nconnection: close\r\nmetadata-flavor: Google\r\n\r\n");
}

TEST(Http1Exchange, SendsABodyWithItsLength) {
  World world;
  Request request;
  request.method = "POST";
  request.path = "/token";
  request.body = "a=b";
  world.start({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, Server::Then::close, request);
  EXPECT_EQ(world.end().how, How::answered);
  EXPECT_TRUE(world.server->heard.starts_with("POST /token HTTP/1.1\r\n"));
  EXPECT_TRUE(world.server->heard.ends_with("content-length: 3\r\n\r\na=b")) << world.server->heard;
}

TEST(Http1Exchange, WaitsForNoMoreThanTheAnswer) {
  World world;
  const auto& ended =
      world.end_of({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, Server::Then::hold);
  EXPECT_EQ(ended.how, How::answered);
  EXPECT_TRUE(testing::run_until(world.io, [&] { return world.server->client_left; }));
}

TEST(Http1Exchange, ReadsAnAnswerHoweverItIsCut) {
  const std::string whole =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;note=x\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: t\r\n\r\n";
  for (std::size_t at = 1; at < whole.size(); ++at) {
    World world;
    const auto& ended = world.end_of({whole.substr(0, at), whole.substr(at)});
    ASSERT_EQ(ended.how, How::answered) << at << ": " << ended.reason;
    EXPECT_EQ(ended.response.body, "hello!") << at;
  }
  std::vector<std::string> bytes;
  for (const char c : whole) bytes.emplace_back(1, c);
  World world;
  EXPECT_EQ(world.end_of(std::move(bytes)).response.body, "hello!");
}

TEST(Http1Exchange, TakesTheEndOfTheConnectionForTheEndOfABodyWithoutALength) {
  World world;
  const auto& ended = world.end_of({"HTTP/1.0 200 OK\r\n\r\n", "all ", "of it"});
  ASSERT_EQ(ended.how, How::answered);
  EXPECT_EQ(ended.response.body, "all of it");
}

TEST(Http1Exchange, HandsOverRefusalsAndRedirectsAsTheyAre) {
  World world;
  EXPECT_EQ(world.end_of({"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}).response.status,
            404);
  World other;
  const auto& moved = other.end_of(
      {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"});
  EXPECT_EQ(moved.how, How::answered);
  EXPECT_EQ(moved.response.status, 302);
}

// RFC 9110, 15.2: a client must be able to read them although it did not ask.
TEST(Http1Exchange, PassesOverAnswersThatAreNotYetTheAnswer) {
  World world;
  const auto& ended = world.end_of({"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n",
                                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  EXPECT_EQ(ended.response.status, 200);
  EXPECT_EQ(ended.response.body, "ok");
}

TEST(Http1Exchange, AnswerWithoutABodyEndsWithItsHeader) {
  World world;
  const auto& ended = world.end_of({"HTTP/1.1 204 No Content\r\n\r\n"}, Server::Then::hold);
  EXPECT_EQ(ended.how, How::answered);
  EXPECT_EQ(ended.response.status, 204);
}

TEST(Http1Exchange, WhatIsNoHttpIsUnknown) {
  for (const char* odd : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    World world;
    const auto& ended = world.end_of({odd}, Server::Then::hold);
    EXPECT_EQ(ended.how, How::unknown) << odd;
    EXPECT_EQ(ended.reason, "the answer is not HTTP/1.1") << odd;
  }
}

TEST(Http1Exchange, AnswerThatIsCutOffIsUnknown) {
  for (const char* begun :
       {"HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    World world;
    const auto& ended = world.end_of({begun});
    EXPECT_EQ(ended.how, How::unknown) << begun;
    EXPECT_FALSE(ended.reason.empty()) << begun;
  }
}

TEST(Http1Exchange, ConnectionThatEndsWithoutAWordIsUnknown) {
  World world;
  EXPECT_EQ(world.end_of({}).how, How::unknown);
}

TEST(Http1Exchange, BodyOverTheLimitIsUnknownAndSaysSo) {
  World world;
  const auto& announced =
      world.end_of({"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"}, Server::Then::hold);
  EXPECT_EQ(announced.how, How::unknown);
  EXPECT_NE(announced.reason.find("1 MiB"), std::string::npos) << announced.reason;
  World unannounced;
  const auto& ended =
      unannounced.end_of({"HTTP/1.1 200 OK\r\n\r\n", std::string((1U << 20) + 1, 'x')});
  EXPECT_EQ(ended.how, How::unknown);
  EXPECT_NE(ended.reason.find("1 MiB"), std::string::npos) << ended.reason;
}

TEST(Http1Exchange, BodyAtTheLimitIsTaken) {
  World world;
  const auto& ended = world.end_of(
      {"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n", std::string(1U << 20, 'x')});
  EXPECT_EQ(ended.how, How::answered);
  EXPECT_EQ(ended.response.body.size(), 1U << 20);
}

TEST(Http1Exchange, EndlessHeaderIsUnknown) {
  World world;
  const auto& ended =
      world.end_of({"HTTP/1.1 200 OK\r\nX: ", std::string(64U << 10, 'x')}, Server::Then::hold);
  EXPECT_EQ(ended.how, How::unknown);
}

TEST(Http1Exchange, NobodyListeningIsUnsent) {
  World world;
  std::uint16_t port = 0;
  {
    tcp::acceptor gone(world.io, {asio::ip::make_address("127.0.0.1"), 0});
    port = gone.local_endpoint().port();
  }
  world.open({false, "127.0.0.1", port}, a_get(), 20s);
  EXPECT_EQ(world.end().how, How::unsent);
  EXPECT_FALSE(world.end().reason.empty());
}

TEST(Http1Exchange, ServerThatSaysNothingInTimeIsUnknown) {
  World world;
  world.start({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}, Server::Then::hold, a_get(),
              30ms);
  EXPECT_EQ(world.end().how, How::unknown);
  EXPECT_EQ(world.end().reason, "no answer within 30 ms");
}

TEST(Http1Exchange, DestroyedItSaysNothingMore) {
  World world;
  world.start({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
  ASSERT_TRUE(testing::run_until(world.io, [&] { return world.server->said == 1; }));
  world.exchange.reset();
  ASSERT_TRUE(testing::run_until(world.io, [&] { return world.server->client_left; }));
  EXPECT_TRUE(world.ends.empty());
}

TEST(Http1Exchange, MayBeDestroyedByItsHandler) {
  asio::io_context io;
  Server server(io, {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, Server::Then::close);
  std::unique_ptr<Http1Exchange> exchange;
  int ended = 0;
  exchange = std::make_unique<Http1Exchange>(io, server.origin, a_get(), 20s, [&](const Ended&) {
    ++ended;
    exchange.reset();
  });
  ASSERT_TRUE(testing::run_until(io, [&] { return ended == 1 && server.client_left; }));
}

}  // namespace
}  // namespace fanfare::http2
