// The server against clients that speak raw bytes; against the pool see pool_test.cpp, against
// other people's clients tools_test.cpp.
#include "http2/server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "http2/server_connection.h"
#include "http2/testing/certificates.h"
#include "http2/testing/frames.h"
#include "http2/testing/raw_client.h"

namespace fanfare::http2 {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;
using testing::run_until;

using testing::RawClient;
using World = testing::ServerWorld;

TEST(Sniff, FirstBytesTellTheProtocol) {
  EXPECT_EQ(sniff(""), Protocol::undecided);
  EXPECT_EQ(sniff("\x16\x03\x01"), Protocol::tls);
  EXPECT_EQ(sniff("P"), Protocol::undecided);
  EXPECT_EQ(sniff("PRI * HTTP/2"), Protocol::undecided);
  EXPECT_EQ(sniff("PRI * HTTP/2.0\r\n"), Protocol::http2);
  EXPECT_EQ(sniff("POST / HTTP/1.1"), Protocol::http1);
  EXPECT_EQ(sniff("PRI / HTTP/1.1"), Protocol::http1);
}

TEST(Server, ChoosesAFreePort) {
  World world;
  EXPECT_NE(world.server->port(), 0);
}

TEST(Server, PortInUseIsANetworkErrorThatNamesIt) {
  World world;
  ServerOptions options;
  options.port = world.server->port();
  const auto second = Server::open(world.io, options, [](Request, std::shared_ptr<Reply>) {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, Error::Kind::network);
  EXPECT_NE(second.error().what.find(std::to_string(options.port)), std::string::npos);
}

TEST(Server, AnswersHttp1AndKeepsTheConnection) {
  World world;
  RawClient client(world.io, world.server->port());
  client.send("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.gets("you sent /one"));
  client.send("GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.gets("you sent /two"));
  EXPECT_FALSE(client.closed);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  World world;
  RawClient client(world.io, world.server->port());
  std::string requests;
  for (int i = 0; i < 50; ++i)
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(requests);
  ASSERT_TRUE(client.gets("you sent /49"));
  std::size_t position = 0;
  for (int i = 0; i < 50; ++i) {
    position = client.received.find("you sent /" + std::to_string(i), position);
    ASSERT_NE(position, std::string::npos) << i;
  }
}

TEST(Server, AnswersLaterFromTheSameThread) {
  World world;
  world.answers = false;
  RawClient client(world.io, world.server->port());
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  world.arrived[0].second->respond({200, {}, "first"});
  ASSERT_TRUE(client.gets("first"));
  ASSERT_TRUE(world.wait_for_arrivals(2));
  world.arrived[1].second->respond({200, {}, "second"});
  EXPECT_TRUE(client.gets("second"));
}

TEST(Server, OnlyTheFirstCallOfAReplyCounts) {
  World world;
  world.answers = false;
  RawClient client(world.io, world.server->port());
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  world.arrived[0].second->respond({200, {}, "first"});
  world.arrived[0].second->cut();
  ASSERT_TRUE(client.gets("first"));
  client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(world.wait_for_arrivals(2));
}

TEST(Server, ReplyMayOutliveItsConnectionAndTheServer) {
  World world;
  world.answers = false;
  RawClient client(world.io, world.server->port());
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  client.close();
  ASSERT_TRUE(run_until(world.io, [&] { return world.server->connections() == 0; }));
  world.server.reset();
  world.arrived[0].second->respond({200, {}, "nobody hears"});
  world.io.poll();
}

TEST(Server, ReplyIsAliveUntilItIsUsed) {
  World world;
  world.answers = false;
  RawClient client(world.io, world.server->port());
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  EXPECT_TRUE(world.arrived[0].second->alive());
  world.arrived[0].second->respond({200, {}, "said"});
  EXPECT_FALSE(world.arrived[0].second->alive());
}

TEST(Server, ReplyDiesWithItsConnection) {
  World world;
  world.answers = false;
  RawClient client(world.io, world.server->port());
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  client.close();
  EXPECT_TRUE(run_until(world.io, [&] { return !world.arrived[0].second->alive(); }));
}

TEST(Server, CutWritesWhatWasAnsweredBefore) {
  World world;
  world.answers = false;
  RawClient client(world.io, world.server->port());
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  world.arrived[0].second->respond({200, {}, "before"});
  ASSERT_TRUE(world.wait_for_arrivals(2));
  world.arrived[1].second->cut();
  ASSERT_TRUE(client.is_closed());
  EXPECT_NE(client.received.find("before"), std::string::npos);
}

TEST(Server, HandlerMayDestroyTheServer) {
  asio::io_context io;
  std::unique_ptr<Server> server;
  bool called = false;
  server = Server::open(io, {}, [&](Request, std::shared_ptr<Reply>) {
             called = true;
             server.reset();
           }).value();
  RawClient client(io, server->port());
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(called);
}

TEST(Server, PlaintextOnlyServerClosesOnTls) {
  World world;
  RawClient client(world.io, world.server->port());
  client.send("\x16\x03\x01");
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(client.received, "");
}

TEST(Server, SpeaksTlsAndPlaintextOnOnePort) {
  ServerOptions options;
  options.tls = testing::server_tls();
  World world(options);
  RawClient client(world.io, world.server->port());
  client.send("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.gets("you sent /plain"));
}

TEST(Server, TlsOnlyServerSaysSoToPlaintext) {
  ServerOptions options;
  options.tls = testing::server_tls();
  options.tls_only = true;
  World world(options);
  RawClient client(world.io, world.server->port());
  client.send("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(client.received.ends_with("begin with https://\n"));
  RawClient h2(world.io, world.server->port());
  h2.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_TRUE(h2.is_closed());
  EXPECT_EQ(h2.received, "");
  EXPECT_TRUE(world.arrived.empty());
}

TEST(Server, ClientThatSaysNothingIsClosed) {
  ServerOptions options;
  options.first_request_timeout = 10ms;
  World world(options);
  RawClient client(world.io, world.server->port());
  EXPECT_TRUE(client.is_closed());
}

TEST(Server, ClientThatDribblesItsRequestIsClosed) {
  ServerOptions options;
  options.first_request_timeout = 10ms;
  World world(options);
  RawClient client(world.io, world.server->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.gets("you sent"));
  client.send("GET /never-ends");
  EXPECT_TRUE(client.is_closed());
}

TEST(Server, IdleConnectionIsClosed) {
  ServerOptions options;
  options.idle_timeout = 10ms;
  World world(options);
  RawClient client(world.io, world.server->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.gets("you sent"));
  EXPECT_TRUE(client.is_closed());
}

// One that waits for its answer is not idle: the server's owner has the turn.
TEST(Server, ConnectionWithAnOpenRequestIsNotIdle) {
  ServerOptions options;
  options.idle_timeout = 10ms;
  World world(options);
  world.answers = false;
  RawClient patient(world.io, world.server->port());
  patient.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  world.answers = true;
  RawClient idle(world.io, world.server->port());
  idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(idle.is_closed());  // The server has looked for idle connections by now.
  EXPECT_FALSE(patient.closed);
  world.arrived[0].second->respond({200, {}, "at last"});
  EXPECT_TRUE(patient.gets("at last"));
}

TEST(Server, ConnectionsBeyondTheMaximumAreClosedAtOnceWhileAllAreAtWork) {
  ServerOptions options;
  options.max_connections = 1;
  World world(options);
  world.answers = false;
  RawClient first(world.io, world.server->port());
  first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  RawClient second(world.io, world.server->port());
  EXPECT_TRUE(second.is_closed());
  EXPECT_FALSE(first.closed);
}

// A crowd that asks for something once and stays would keep everybody else out.
TEST(Server, ConnectionThatIsIdleForLongestMakesRoomForAnother) {
  ServerOptions options;
  options.max_connections = 2;
  World world(options);
  RawClient longest(world.io, world.server->port());
  longest.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(longest.gets("you sent /1"));
  RawClient other(world.io, world.server->port());
  other.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(other.gets("you sent /2"));
  RawClient another(world.io, world.server->port());
  another.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(another.gets("you sent /3"));
  EXPECT_TRUE(longest.is_closed());
  EXPECT_FALSE(other.closed);
}

TEST(Server, ConnectionThatMakesRoomIsToldOverHttp2) {
  ServerOptions options;
  options.max_connections = 1;
  World world(options);
  RawClient idle(world.io, world.server->port());
  idle.send(std::string(testing::client_preface) + testing::settings() +
            testing::headers(
                1, {{":method", "GET"}, {":scheme", "http"}, {":path", "/1"}, {":authority", "a"}},
                testing::flag::end_stream));
  ASSERT_TRUE(idle.gets("you sent /1"));
  RawClient another(world.io, world.server->port());
  another.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(another.gets("you sent /2"));
  ASSERT_TRUE(idle.is_closed());
  EXPECT_EQ(testing::parse_frames(idle.received).back().type, testing::FrameType::goaway);
}

TEST(Server, ConnectionThatSaysNothingMakesRoomForAnother) {
  ServerOptions options;
  options.max_connections = 2;
  World world(options);
  RawClient served(world.io, world.server->port());
  served.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(served.gets("you sent"));
  RawClient idle(world.io, world.server->port());
  RawClient another(world.io, world.server->port());
  another.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(another.gets("you sent"));
  EXPECT_TRUE(idle.is_closed());
  EXPECT_FALSE(served.closed);
}

// However much others hold, whoever holds little is served.
TEST(Server, ConnectionThatHoldsTheMostGoesWhenAllTogetherHoldTooMuch) {
  ServerOptions options;
  options.max_held_bytes = 100'000;
  World world(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n";
  RawClient modest(world.io, world.server->port());
  modest.send("POST /modest HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n123");
  RawClient much(world.io, world.server->port());
  much.send(head + std::string(50'000, 'x'));
  RawClient most(world.io, world.server->port());
  most.send(head + std::string(60'000, 'x'));
  ASSERT_TRUE(run_until(world.io, [&] { return much.closed || most.closed; }));
  EXPECT_TRUE(most.is_closed());
  EXPECT_FALSE(much.closed);
  modest.send("456");
  EXPECT_TRUE(modest.gets("you sent /modest"));
  much.send(std::string(40'000, 'x'));
  EXPECT_TRUE(much.gets("you sent /"));
}

TEST(Server, AnswersThatAreNotFetchedAreHeldForTheirClient) {
  namespace f = testing;
  ServerOptions options;
  options.max_held_bytes = 100'000;
  World world(options);
  world.answers = false;
  RawClient client(world.io, world.server->port());
  client.send(std::string(f::client_preface) + f::settings({{f::setting::initial_window_size, 0}}));
  const f::Fields get{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
  for (std::uint32_t stream = 1; stream < 5; stream += 2) {
    client.send(f::headers(stream, get, f::flag::end_stream));
  }
  ASSERT_TRUE(world.wait_for_arrivals(2));
  world.arrived[0].second->respond({200, {}, std::string(60'000, 'x')});
  ASSERT_TRUE(run_until(world.io, [&] {
    const auto frames = f::parse_frames(client.received);
    return !frames.empty() && frames.back().type == f::FrameType::headers;
  }));
  world.arrived[1].second->respond({200, {}, std::string(60'000, 'x')});
  ASSERT_TRUE(client.is_closed());
  const auto goaway = f::parse_frames(client.received).back();
  EXPECT_EQ(goaway.type, f::FrameType::goaway);
  EXPECT_EQ(goaway.number(4), f::code::enhance_your_calm);
}

TEST(Server, ClientThatDoesNotReadStopsBeingRead) {
  World world;
  world.answers = false;
  const std::string large(400'000, 'x');
  tcp::socket client(world.io);
  client.connect({asio::ip::make_address("127.0.0.1"), world.server->port()});
  client.non_blocking(true);
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  asio::write(client, asio::buffer(requests));
  ASSERT_TRUE(world.wait_for_arrivals(1));
  std::size_t answered = 0;
  do {  // Answers whatever comes until nothing more comes.
    while (answered < world.arrived.size()) {
      world.arrived[answered++].second->respond({200, {}, large});
    }
  } while (world.io.poll() > 0);
  EXPECT_LT(answered, 1000U);

  std::vector<char> buffer(1U << 20);  // Once it reads, it gets all of them.
  boost::system::error_code error;
  ASSERT_TRUE(run_until(world.io, [&] {
    while (answered < world.arrived.size()) {
      world.arrived[answered++].second->respond({200, {}, "small"});
    }
    client.read_some(asio::buffer(buffer), error);
    return answered == 1000;
  }));
}

TEST(Server, ShutDownStopsListeningAndAnswersWhatIsOpen) {
  World world;
  world.answers = false;
  RawClient client(world.io, world.server->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  world.server->shut_down();
  world.arrived[0].second->respond({200, {}, "goodbye"});
  ASSERT_TRUE(client.is_closed());
  EXPECT_NE(client.received.find("goodbye"), std::string::npos);
  tcp::socket late(world.io);
  boost::system::error_code error;
  late.connect({asio::ip::make_address("127.0.0.1"), world.server->port()}, error);
  EXPECT_TRUE(error);
}

TEST(Server, LackOfSocketsPausesAcceptingAndPasses) {
  World world;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  RawClient client(world.io, world.server->port());  // In the queue, not yet accepted.
  client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < 4; ++i) world.io.run_one_for(20ms);
  EXPECT_EQ(world.server->connections(), 0U);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(client.gets("you sent /late"));
}

}  // namespace
}  // namespace fanfare::http2
