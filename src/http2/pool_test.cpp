// The pool against servers on loopback that behave and misbehave as told. Time limits are options
// set short; nothing asserts how long anything took.
#include "http2/pool.h"

#include <deque>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "http2/server.h"
#include "http2/stream_socket.h"
#include "http2/testing/certificates.h"
#include "http2/testing/loop.h"

namespace fanfare::http2 {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using How = Ended::How;
using testing::run_until;

struct Arrived {
  Request request;
  std::shared_ptr<Reply> reply;
};

/// An event loop with a server, whose handler a test chooses, and what came of the requests.
struct World {
  asio::io_context io;
  std::unique_ptr<Server> server;
  std::vector<Arrived> arrived;  ///< What the server has seen, in order.
  std::function<void(Arrived&)> on_request = [](Arrived& a) {
    a.reply->respond({200, {}, "echo " + a.request.body});
  };
  std::vector<Ended> ended;
  std::unique_ptr<Pool> pool;

  explicit World(ServerOptions options = {}) {
    server =
        Server::open(io, std::move(options), [this](Request request, std::shared_ptr<Reply> reply) {
          arrived.push_back({std::move(request), std::move(reply)});
          on_request(arrived.back());
        }).value();
  }

  void open_pool(PoolOptions options = {}) {
    pool = std::make_unique<Pool>(io, Origin{false, "127.0.0.1", server->port()}, nullptr, options);
  }

  void send(const std::string& body = "") {
    Request request;
    request.method = "POST";
    request.scheme = "http";
    request.authority = "test";
    request.path = "/" + body;
    request.body = body;
    pool->send(std::move(request), [this](Ended end) { ended.push_back(std::move(end)); });
  }
  void send_many(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) send(std::to_string(i));
  }
  bool wait_for_ends(std::size_t count) {
    return run_until(io, [&] { return ended.size() >= count; });
  }
  bool wait_for_arrivals(std::size_t count) {
    return run_until(io, [&] { return arrived.size() >= count; });
  }
  std::size_t count(How how) const {
    return static_cast<std::size_t>(std::ranges::count(ended, how, &Ended::how));
  }
};

void hold(Arrived&) {}

TEST(Pool, CarriesARequestAndItsAnswer) {
  World world;
  world.open_pool();
  world.send("hello");
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::answered);
  EXPECT_EQ(world.ended[0].response.status, 200);
  EXPECT_EQ(world.ended[0].response.body, "echo hello");
  EXPECT_EQ(world.pool->in_flight(), 0U);
  EXPECT_EQ(world.pool->connect_error(), std::nullopt);
}

TEST(Pool, SendsNothingFromWithinSend) {
  World world;
  world.open_pool();
  world.send();
  EXPECT_TRUE(world.ended.empty());
  EXPECT_EQ(world.pool->waiting(), 1U);
  EXPECT_EQ(world.pool->connections(), 0U);
}

TEST(Pool, SpeaksTls) {
  ServerOptions options;
  options.tls = testing::server_tls();
  World world(options);
  world.pool = std::make_unique<Pool>(world.io, Origin{true, "localhost", world.server->port()},
                                      testing::client_tls(), PoolOptions{});
  world.send_many(300);
  ASSERT_TRUE(world.wait_for_ends(300));
  EXPECT_EQ(world.count(How::answered), 300U);
}

TEST(Pool, CarriesLargeBodiesBothWays) {
  ServerOptions options;
  options.tls = testing::server_tls();
  World world(options);
  world.pool = std::make_unique<Pool>(world.io, Origin{true, "127.0.0.1", world.server->port()},
                                      testing::client_tls(), PoolOptions{});
  const std::string body(900'000, 'b');
  world.on_request = [](Arrived& a) { a.reply->respond({200, {}, std::move(a.request.body)}); };
  for (int i = 0; i < 8; ++i)
    world.pool->send({.method = "POST", .authority = "t", .headers = {}, .body = body},
                     [&](Ended end) { world.ended.push_back(std::move(end)); });
  ASSERT_TRUE(world.wait_for_ends(8));
  for (const auto& end : world.ended) {
    EXPECT_EQ(end.how, How::answered) << end.reason;
    EXPECT_TRUE(end.response.body == body);
  }
}

TEST(Pool, OpensAnotherConnectionWhenTheStreamsAreFull) {
  World world;
  world.on_request = hold;
  PoolOptions options;
  options.max_connections = 3;
  options.limits.streams = 10;
  world.open_pool(options);
  world.send_many(10);
  ASSERT_TRUE(world.wait_for_arrivals(10));
  EXPECT_EQ(world.pool->connections(), 1U);
  world.send();
  ASSERT_TRUE(world.wait_for_arrivals(11));
  EXPECT_EQ(world.pool->connections(), 2U);
}

TEST(Pool, NeverExceedsItsConnectionsNorTheirStreams) {
  World world;
  world.on_request = hold;
  PoolOptions options;
  options.max_connections = 2;
  options.limits.streams = 10;
  world.open_pool(options);
  world.send_many(50);
  ASSERT_TRUE(world.wait_for_arrivals(20));
  EXPECT_EQ(world.pool->in_flight(), 20U);
  EXPECT_EQ(world.pool->waiting(), 30U);
  EXPECT_EQ(world.server->connections(), 2U);
  for (std::size_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(world.wait_for_arrivals(i + 1));
    world.arrived[i].reply->respond({200, {}, ""});
  }
  ASSERT_TRUE(world.wait_for_ends(50));
  EXPECT_EQ(world.count(How::answered), 50U);
}

TEST(Pool, ObeysTheServersLimitOfStreams) {
  ServerOptions server_options;
  server_options.limits.streams = 3;
  World world(server_options);
  std::size_t open = 0;
  std::size_t most = 0;
  world.on_request = [&](Arrived& a) {
    most = std::max(most, ++open);
    asio::post(world.io, [&, reply = a.reply] {
      --open;
      reply->respond({200, {}, ""});
    });
  };
  PoolOptions options;
  options.max_connections = 1;
  world.open_pool(options);
  world.send_many(40);
  ASSERT_TRUE(world.wait_for_ends(40));
  EXPECT_EQ(world.count(How::answered), 40U);
  EXPECT_LE(most, 3U);
}

TEST(Pool, GoawayMovesTheRequestsThatWereNotProcessed) {
  World world;
  bool gone = false;
  world.on_request = [&](Arrived& a) {
    if (a.request.body == "5" && !std::exchange(gone, true)) {
      a.reply->go_away(ErrorCode::no_error, "maintenance");
    } else {
      a.reply->respond({200, {}, ""});
    }
  };
  world.open_pool();
  world.send_many(20);
  ASSERT_TRUE(world.wait_for_ends(20));
  EXPECT_EQ(world.count(How::answered), 20U);
  ASSERT_TRUE(run_until(world.io, [&] { return world.pool->connections() == 1; }));
}

TEST(Pool, GoawayLetsOldRequestsFinishWhileNewOnesGoElsewhere) {
  World world;
  world.on_request = hold;
  PoolOptions options;
  options.max_connections = 1;
  world.open_pool(options);
  world.send("old");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  world.send("trigger");
  ASSERT_TRUE(world.wait_for_arrivals(2));
  world.arrived[1].reply->go_away(ErrorCode::no_error, "");
  ASSERT_TRUE(world.wait_for_arrivals(3));  // The trigger again, on the second connection.
  EXPECT_EQ(world.pool->connections(), 2U);
  world.arrived[2].reply->respond({200, {}, "new"});
  world.arrived[0].reply->respond({200, {}, "old"});
  ASSERT_TRUE(world.wait_for_ends(2));
  EXPECT_EQ(world.count(How::answered), 2U);
}

TEST(Pool, RefusedRequestIsSentAgain) {
  World world;
  world.on_request = [&](Arrived& a) {
    if (world.arrived.size() == 1) {
      a.reply->reset(ErrorCode::refused_stream);
    } else {
      a.reply->respond({200, {}, ""});
    }
  };
  world.open_pool();
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::answered);
  EXPECT_EQ(world.arrived.size(), 2U);
}

TEST(Pool, RequestThatIsRefusedEverywhereEndsUnsent) {
  World world;
  world.on_request = [](Arrived& a) { a.reply->reset(ErrorCode::refused_stream); };
  PoolOptions options;
  options.max_connections = 1;
  options.unsent_retries = 2;
  world.open_pool(options);
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::unsent);
  EXPECT_NE(world.ended[0].reason.find("REFUSED_STREAM"), std::string::npos);
  EXPECT_EQ(world.arrived.size(), 3U);
}

TEST(Pool, RequestThatCannotBeWrittenEndsAtOnce) {
  World world;
  PoolOptions options;
  options.unsent_retries = 0;
  world.open_pool(options);
  world.pool->send({.method = "POST",
                    .authority = "t",
                    .path = std::string(100'000, 'x'),
                    .headers = {},
                    .body = {}},
                   [&](Ended end) { world.ended.push_back(std::move(end)); });
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::unsent);
  EXPECT_NE(world.ended[0].reason.find("too large"), std::string::npos);
}

TEST(Pool, OtherResetIsUnknownAndNotSentAgain) {
  World world;
  world.on_request = [](Arrived& a) { a.reply->reset(ErrorCode::internal_error); };
  world.open_pool();
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::unknown);
  EXPECT_EQ(world.arrived.size(), 1U);
}

TEST(Pool, CutConnectionLeavesItsRequestsUnknownAndIsReplaced) {
  World world;
  world.on_request = [](Arrived& a) {
    if (a.request.body == "2") {
      a.reply->cut();
    } else if (a.request.body == "0") {
      a.reply->respond({200, {}, ""});
    }
  };
  world.open_pool();
  world.send_many(3);
  ASSERT_TRUE(world.wait_for_ends(3));
  EXPECT_EQ(world.count(How::answered), 1U);
  EXPECT_EQ(world.count(How::unknown), 2U);
  world.send("0");
  ASSERT_TRUE(world.wait_for_ends(4));
  EXPECT_EQ(world.ended[3].how, How::answered);
}

TEST(Pool, AnswerThatDoesNotComeInTimeIsUnknown) {
  World world;
  world.on_request = hold;
  PoolOptions options;
  options.request_timeout = 50ms;
  world.open_pool(options);
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::unknown);
  EXPECT_NE(world.ended[0].reason.find("50 ms"), std::string::npos);
  EXPECT_EQ(world.pool->connections(), 1U);  // The connection is not to blame.
}

TEST(Pool, RequestThatNeverGetsAStreamEndsUnsent) {
  ServerOptions server_options;
  server_options.limits.streams = 0;
  World world(server_options);
  PoolOptions options;
  options.request_timeout = 50ms;
  world.open_pool(options);
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::unsent);
  EXPECT_NE(world.ended[0].reason.find("no stream was free"), std::string::npos);
  EXPECT_TRUE(world.arrived.empty());
}

TEST(Pool, LateAnswerToACancelledRequestIsDropped) {
  World world;
  world.on_request = hold;
  PoolOptions options;
  options.request_timeout = 50ms;
  world.open_pool(options);
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  world.arrived[0].reply->respond({200, {}, "late"});
  world.on_request = [](Arrived& a) { a.reply->respond({200, {}, "fresh"}); };
  world.send();
  ASSERT_TRUE(world.wait_for_ends(2));
  EXPECT_EQ(world.ended[1].response.body, "fresh");
  EXPECT_EQ(world.ended.size(), 2U);
}

TEST(Pool, UnreachablePortFailsTheWaitingWithTheReason) {
  World world;
  const auto port = world.server->port();
  world.server.reset();
  world.pool =
      std::make_unique<Pool>(world.io, Origin{false, "127.0.0.1", port}, nullptr, PoolOptions{});
  world.send_many(2);
  ASSERT_TRUE(world.wait_for_ends(2));
  EXPECT_EQ(world.count(How::unsent), 2U);
  ASSERT_TRUE(world.pool->connect_error().has_value());
  EXPECT_EQ(world.pool->connect_error()->kind, Error::Kind::network);
  EXPECT_EQ(world.ended[0].reason,
            "cannot connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
  EXPECT_FALSE(world.pool->connect_error()->remedy.empty());
}

TEST(Pool, RecoversWhenTheServerComesBack) {
  World world;
  const auto port = world.server->port();
  world.server.reset();
  world.pool =
      std::make_unique<Pool>(world.io, Origin{false, "127.0.0.1", port}, nullptr, PoolOptions{});
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  ServerOptions options;
  options.port = port;
  world.server = Server::open(world.io, options, [](Request, std::shared_ptr<Reply> reply) {
                   reply->respond({200, {}, ""});
                 }).value();
  world.send();
  ASSERT_TRUE(world.wait_for_ends(2));
  EXPECT_EQ(world.ended[1].how, How::answered);
  EXPECT_EQ(world.pool->connect_error(), std::nullopt);
}

TEST(Pool, UnknownHostFailsTheWaiting) {
  World world;
  world.pool = std::make_unique<Pool>(world.io, Origin{false, "no-such-host.invalid", 80}, nullptr,
                                      PoolOptions{});
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::unsent);
  EXPECT_NE(world.ended[0].reason.find("no-such-host.invalid"), std::string::npos);
}

/// The connect error of a pool over TLS.
Error tls_error(std::shared_ptr<TlsContext> server_side, std::shared_ptr<TlsContext> client_side,
                const std::string& host) {
  ServerOptions options;
  options.tls = std::move(server_side);
  World world(options);
  world.pool = std::make_unique<Pool>(world.io, Origin{true, host, world.server->port()},
                                      std::move(client_side), PoolOptions{});
  world.send();
  EXPECT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended.at(0).how, How::unsent);
  EXPECT_NE(world.ended.at(0).reason.find(host + ":"), std::string::npos);
  return world.pool->connect_error().value_or(Error{});
}

TEST(Pool, WrongHostIsAConnectErrorThatNamesBoth) {
  const auto error =
      tls_error(testing::server_tls({{"other.example"}, {}}), testing::client_tls(), "127.0.0.1");
  EXPECT_NE(error.what.find("not for 127.0.0.1 but for other.example"), std::string::npos);
}

TEST(Pool, UnknownAuthorityIsAConnectErrorThatNamesTheOption) {
  const auto error =
      tls_error(testing::server_tls(), TlsContext::make_client(std::nullopt).value(), "127.0.0.1");
  EXPECT_NE(error.what.find("unknown issuer"), std::string::npos);
  EXPECT_NE(error.remedy.find("--ca-file"), std::string::npos);
}

TEST(Pool, ExpiredCertificateIsAConnectErrorWithItsTime) {
  const auto day = std::chrono::sys_days(std::chrono::year(2020) / 5 / 1);
  const auto error = tls_error(testing::server_tls(testing::loopback_names(), {day, day + 24h}),
                               testing::client_tls(), "127.0.0.1");
  EXPECT_NE(error.what.find("expired at 2020-05-02"), std::string::npos);
}

TEST(Pool, TlsToAPlaintextPortIsAConnectError) {
  World world;
  world.pool = std::make_unique<Pool>(world.io, Origin{true, "127.0.0.1", world.server->port()},
                                      testing::client_tls(), PoolOptions{});
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::unsent);
}

/// Accepts connections, reads, and says only what it was given.
class DumbServer {
 public:
  DumbServer(asio::io_context& io, std::string says, bool closes)
      : acceptor_(io, {asio::ip::make_address("127.0.0.1"), 0}),
        says_(std::move(says)),
        closes_(closes) {
    accept();
  }
  std::uint16_t port() { return acceptor_.local_endpoint().port(); }
  std::size_t accepted() const { return sockets_.size(); }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, asio::ip::tcp::socket socket) {
      if (error) return;
      sockets_.push_back(std::move(socket));
      if (!says_.empty()) asio::write(sockets_.back(), asio::buffer(says_));
      if (closes_) sockets_.back().close();
      accept();
    });
  }
  asio::ip::tcp::acceptor acceptor_;
  std::string says_;
  bool closes_;
  std::deque<asio::ip::tcp::socket> sockets_;
};

// An empty SETTINGS frame (RFC 9113, 6.5): the least that opens a connection.
const std::string settings_frame("\0\0\0\4\0\0\0\0\0", 9);

Ended send_to_dumb_server(const std::string& says, bool closes, PoolOptions options,
                          std::optional<Error>* connect_error = nullptr) {
  World world;
  DumbServer dumb(world.io, says, closes);
  world.pool =
      std::make_unique<Pool>(world.io, Origin{false, "127.0.0.1", dumb.port()}, nullptr, options);
  world.send();
  EXPECT_TRUE(world.wait_for_ends(1));
  if (connect_error != nullptr) *connect_error = world.pool->connect_error();
  return world.ended.at(0);
}

TEST(Pool, ServerOfAnotherProtocolNeverGetsTheRequest) {
  std::optional<Error> error;
  const auto ended =
      send_to_dumb_server("HTTP/1.1 400 Bad Request\r\n\r\n", false, PoolOptions{}, &error);
  EXPECT_EQ(ended.how, How::unsent);
  ASSERT_TRUE(error.has_value());
  EXPECT_NE(error->what.find("does not speak HTTP/2"), std::string::npos);
}

TEST(Pool, ServerThatClosesAtOnceIsAConnectFailure) {
  EXPECT_EQ(send_to_dumb_server("", true, PoolOptions{}).how, How::unsent);
}

TEST(Pool, ServerThatNeverSettlesIsAConnectFailure) {
  PoolOptions options;
  options.connect_timeout = 100ms;
  const auto ended = send_to_dumb_server("", false, options);
  EXPECT_EQ(ended.how, How::unsent);
  EXPECT_NE(ended.reason.find("within 100 ms"), std::string::npos);
}

TEST(Pool, SilentServerIsPingedAndGivenUp) {
  PoolOptions options;
  options.doubt_after = 40ms;
  options.ping_timeout = 40ms;
  const auto ended = send_to_dumb_server(settings_frame, false, options);
  EXPECT_EQ(ended.how, How::unknown);
  EXPECT_NE(ended.reason.find("PING"), std::string::npos);
}

TEST(Pool, SlowServerThatAnswersPingsIsKept) {
  World world;
  world.on_request = hold;
  PoolOptions options;
  options.doubt_after = 10ms;
  options.ping_timeout = 2'000ms;
  options.request_timeout = 200ms;  // Several doubts long.
  world.open_pool(options);
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_NE(world.ended[0].reason.find("no answer"), std::string::npos);
  EXPECT_EQ(world.pool->connections(), 1U);
}

TEST(Pool, RequestsGoAroundASilentConnection) {
  World world;
  world.on_request = [&](Arrived& a) {
    if (world.arrived.size() > 1) a.reply->respond({200, {}, "answered"});
  };
  PoolOptions options;
  options.max_connections = 1;  // One that is silent does not count.
  options.quiet_after = 0ms;
  world.open_pool(options);
  world.send("unanswered");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.pool->connections(), 2U);
  EXPECT_EQ(world.pool->in_flight(), 1U);
}

TEST(Pool, SilentConnectionGivesBackWhatFlowControlKeepsFromBeingWhole) {
  PoolOptions options;
  options.quiet_after = 20ms;
  options.unsent_retries = 0;
  World world;
  DumbServer dumb(world.io, settings_frame, false);
  world.pool =
      std::make_unique<Pool>(world.io, Origin{false, "127.0.0.1", dumb.port()}, nullptr, options);
  world.pool->send(
      {.method = "POST", .authority = "t", .headers = {}, .body = std::string(100'000, 'x')},
      [&](Ended end) { world.ended.push_back(std::move(end)); });
  ASSERT_TRUE(world.wait_for_ends(1));
  const Ended& ended = world.ended[0];
  EXPECT_EQ(ended.how, How::unsent);
  EXPECT_NE(ended.reason.find("silent for 20 ms"), std::string::npos) << ended.reason;
}

TEST(Pool, ConnectionThatIsNotNeededAnyMoreIsGivenUp) {
  World world;
  world.on_request = hold;
  PoolOptions options;
  options.limits.streams = 10;
  options.idle_timeout = 200ms;  // Looks back over the half of it.
  world.open_pool(options);
  world.send_many(20);
  ASSERT_TRUE(world.wait_for_arrivals(20));
  ASSERT_EQ(world.pool->connections(), 2U);
  world.on_request = [](Arrived& a) { a.reply->respond({200, {}, ""}); };
  for (auto& a : world.arrived) a.reply->respond({200, {}, ""});
  ASSERT_TRUE(world.wait_for_ends(20));
  // One at a time is enough for one connection, and never lets it fall idle.
  for (std::size_t sent = 20; world.pool->connections() > 1; ++sent) {
    world.send();
    ASSERT_TRUE(world.wait_for_ends(sent + 1));
  }
  EXPECT_EQ(world.count(How::answered), world.ended.size());
}

TEST(Pool, PausesBetweenTheOpeningsOfConnections) {
  World world;
  world.on_request = hold;
  PoolOptions options;
  options.limits.streams = 10;
  options.open_pause = 3'600'000ms;
  world.open_pool(options);
  world.send_many(30);
  ASSERT_TRUE(world.wait_for_arrivals(20));
  EXPECT_EQ(world.pool->connections(), 2U) << "the second comes at once, the third after a pause";
  EXPECT_EQ(world.pool->waiting(), 10U);
}

asio::ip::tcp::endpoint at(const char* address) {
  return {asio::ip::make_address(address), 443};
}

TEST(AddressesInTurn, SuccessiveConnectionsBeginWithAnotherAddress) {
  const std::vector addresses{at("10.0.0.1"), at("10.0.0.2"), at("10.0.0.3")};
  EXPECT_EQ(in_turn(addresses, 0), addresses);
  EXPECT_EQ(in_turn(addresses, 4), (std::vector{at("10.0.0.2"), at("10.0.0.3"), at("10.0.0.1")}));
  EXPECT_TRUE(in_turn({}, 3).empty());
}

TEST(AddressesInTurn, PreferredFamilyStaysFirst) {
  const std::vector addresses{at("2001:db8::1"), at("10.0.0.1"), at("2001:db8::2")};
  EXPECT_EQ(in_turn(addresses, 1),
            (std::vector{at("2001:db8::2"), at("2001:db8::1"), at("10.0.0.1")}));
}

TEST(Pool, IdleConnectionIsClosedAndOpenedAgainWhenNeeded) {
  World world;
  PoolOptions options;
  options.idle_timeout = 30ms;
  world.open_pool(options);
  world.send();
  ASSERT_TRUE(world.wait_for_ends(1));
  ASSERT_TRUE(run_until(world.io, [&] {
    return world.pool->connections() == 0 && world.server->connections() == 0;
  }));
  world.send();
  ASSERT_TRUE(world.wait_for_ends(2));
  EXPECT_EQ(world.ended[1].how, How::answered);
}

TEST(Pool, DestructionEndsEverythingOnce) {
  World world;
  world.on_request = hold;
  PoolOptions options;
  options.max_connections = 1;
  options.limits.streams = 5;
  world.open_pool(options);
  world.send_many(8);
  ASSERT_TRUE(world.wait_for_arrivals(5));
  world.pool.reset();
  EXPECT_EQ(world.count(How::unknown), 5U);
  EXPECT_EQ(world.count(How::unsent), 3U);
  for (auto& a : world.arrived) a.reply->respond({200, {}, ""});
  ASSERT_TRUE(run_until(world.io, [&] { return world.server->connections() == 0; }));
  EXPECT_EQ(world.ended.size(), 8U);
}

TEST(Pool, DestructionDuringConnectEndsEverything) {
  World world;
  world.open_pool();
  world.send();
  world.io.poll_one();
  world.pool.reset();
  EXPECT_EQ(world.count(How::unsent), 1U);
  world.io.poll();
}

TEST(Pool, HandlerMayDestroyThePool) {
  World world;
  world.open_pool();
  for (int i = 0; i < 20; ++i) {
    world.pool->send({.authority = "t", .headers = {}, .body = {}}, [&](Ended end) {
      world.ended.push_back(std::move(end));
      world.pool.reset();
    });
  }
  ASSERT_TRUE(world.wait_for_ends(20));
  EXPECT_EQ(world.pool, nullptr);
  EXPECT_EQ(world.ended.size(), 20U);
}

TEST(Pool, HandlerMaySendTheNextRequest) {
  World world;
  world.open_pool();
  int left = 50;
  std::function<void(Ended)> next = [&](Ended end) {
    world.ended.push_back(std::move(end));
    if (--left > 0) world.pool->send({.authority = "t", .headers = {}, .body = {}}, next);
  };
  world.pool->send({.authority = "t", .headers = {}, .body = {}}, next);
  ASSERT_TRUE(world.wait_for_ends(50));
  EXPECT_EQ(world.count(How::answered), 50U);
  EXPECT_EQ(world.pool->connections(), 1U);
}

TEST(Pool, ShutDownFinishesOpenRequestsAndTakesNoMore) {
  World world;
  world.on_request = hold;
  world.open_pool();
  world.send("open");
  ASSERT_TRUE(world.wait_for_arrivals(1));
  int done = 0;
  world.pool->shut_down([&] { ++done; });
  world.send("late");
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].how, How::unsent);
  EXPECT_EQ(done, 0);
  world.arrived[0].reply->respond({200, {}, ""});
  ASSERT_TRUE(run_until(world.io, [&] { return done == 1; }));
  EXPECT_EQ(world.ended[1].how, How::answered);
  EXPECT_EQ(world.pool->connections(), 0U);
}

TEST(Pool, ShutDownOfAnIdlePoolIsDoneAtOnce) {
  World world;
  world.open_pool();
  int done = 0;
  world.pool->shut_down([&] { ++done; });
  EXPECT_EQ(done, 0);  // Not from within.
  ASSERT_TRUE(run_until(world.io, [&] { return done == 1; }));
}

TEST(Pool, ServerThatShutsDownLosesNothing) {
  World world;
  world.on_request = hold;
  world.open_pool();
  world.send();
  ASSERT_TRUE(world.wait_for_arrivals(1));
  world.server->shut_down();
  world.arrived[0].reply->respond({200, {}, "last"});
  ASSERT_TRUE(world.wait_for_ends(1));
  EXPECT_EQ(world.ended[0].response.body, "last");
  ASSERT_TRUE(run_until(world.io, [&] { return world.server->connections() == 0; }));
}

}  // namespace
}  // namespace fanfare::http2
