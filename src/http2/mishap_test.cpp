// What Reply::fail looks like from the client's end of a socket. The frames of each mishap are also
// in server_session_test.
#include "http2/mishap.h"

#include <gtest/gtest.h>

#include "http2/testing/frames.h"
#include "http2/testing/raw_client.h"

namespace fanfare::http2 {
namespace {

using namespace std::chrono_literals;
namespace f = testing;
using f::Frame;
using f::FrameType;
using testing::run_until;
namespace code = f::code;
namespace flag = f::flag;

const Response eight_bytes{200, {}, "12345678"};

/// A server that leaves its requests to the test, and one HTTP/2 client of it.
struct Http2World : testing::ServerWorld {
  explicit Http2World(ServerOptions options = {})
      : ServerWorld(std::move(options)), client(io, server->port()) {
    answers = false;
    client.send(std::string(f::client_preface) + f::settings());
  }
  /// Sends a request for each of `streams` and waits until all have arrived.
  void request(std::initializer_list<std::uint32_t> streams) {
    std::string bytes;
    for (const auto stream : streams) {
      const f::Fields fields{
          {":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}};
      bytes += f::headers(stream, fields, flag::end_stream);
    }
    client.send(bytes);
    ASSERT_TRUE(wait_for_arrivals(arrived.size() + streams.size()));
  }
  void fail(std::size_t request, Mishap mishap) {
    arrived[request].second->fail(mishap, eight_bytes);
  }
  /// What came but SETTINGS and WINDOW_UPDATE, which every connection begins with.
  [[nodiscard]] std::vector<Frame> frames() const {
    auto all = f::parse_frames(client.received);
    std::erase_if(all, [](const Frame& frame) {
      return frame.type == FrameType::settings || frame.type == FrameType::window_update;
    });
    return all;
  }
  [[nodiscard]] bool gets_frames(std::size_t count) {
    return run_until(io, [&] { return frames().size() >= count; });
  }
  /// The connection ends after frames of these types and no others.
  void expect_end(const std::vector<FrameType>& types) {
    ASSERT_TRUE(client.is_closed());
    std::vector<FrameType> came;
    for (const auto& frame : frames()) came.push_back(frame.type);
    EXPECT_EQ(came, types);
  }
  [[nodiscard]] bool serves(std::uint32_t stream) {
    const auto before = frames().size();
    request({stream});
    arrived.back().second->respond({200, {}, "still here"});
    return gets_frames(before + 2) && frames().back().payload == "still here";
  }

  testing::RawClient client;
};

void expect_goaway(const Frame& frame, std::uint32_t last, std::uint32_t error,
                   std::string_view debug) {
  ASSERT_EQ(frame.type, FrameType::goaway);
  EXPECT_EQ(frame.number(), last);
  EXPECT_EQ(frame.number(4), error);
  EXPECT_EQ(frame.payload.substr(8), debug);
}

TEST(Mishap, CutClosesWithoutAWord) {
  Http2World world;
  world.request({1});
  world.fail(0, Mishap::cut);
  world.expect_end({});
}

TEST(Mishap, CutMidBodyClosesAfterHalfOfIt) {
  Http2World world;
  world.request({1});
  world.fail(0, Mishap::cut_mid_body);
  world.expect_end({FrameType::headers, FrameType::data});
  EXPECT_EQ(world.frames()[1].payload, "1234");
  EXPECT_FALSE(world.frames()[1].has(flag::end_stream));
}

TEST(Mishap, StallMidBodyLeavesOtherStreamsAlone) {
  Http2World world;
  world.request({1});
  world.fail(0, Mishap::stall_mid_body);
  ASSERT_TRUE(world.gets_frames(2));
  EXPECT_EQ(world.frames()[1].payload, "1234");
  EXPECT_TRUE(world.serves(3));
}

TEST(Mishap, SilenceAnswersNothingAndServesOn) {
  Http2World world;
  world.request({1});
  world.fail(0, Mishap::silence);
  EXPECT_FALSE(world.arrived[0].second->alive());
  ASSERT_TRUE(world.serves(3));
  for (const auto& frame : world.frames()) EXPECT_EQ(frame.stream, 3U);
}

TEST(Mishap, ResetAndRefuseEndTheStreamAlone) {
  Http2World world;
  world.request({1, 3});
  world.fail(0, Mishap::reset);
  world.fail(1, Mishap::refuse);
  ASSERT_TRUE(world.gets_frames(2));
  EXPECT_EQ(world.frames()[0].number(), code::internal_error);
  EXPECT_EQ(world.frames()[1].number(), code::refused_stream);
  EXPECT_TRUE(world.serves(5));
}

TEST(Mishap, GoAwayBeforeNamesTheRequestBeforeAndAnswersThat) {
  Http2World world;
  world.request({1, 3, 5});
  world.fail(1, Mishap::go_away_before);
  EXPECT_FALSE(world.arrived[2].second->alive());
  world.arrived[0].second->respond(eight_bytes);
  world.expect_end({FrameType::goaway, FrameType::headers, FrameType::data});
  expect_goaway(world.frames()[0], 1, code::no_error, "");
}

TEST(Mishap, GoAwayAfterAnswersFirstAndDrains) {
  Http2World world;
  world.request({1, 3, 5});
  world.fail(1, Mishap::go_away_after);
  EXPECT_FALSE(world.arrived[2].second->alive());
  ASSERT_TRUE(world.gets_frames(3));
  expect_goaway(world.frames()[2], 3, code::no_error, "");
  world.arrived[0].second->respond(eight_bytes);
  world.expect_end({FrameType::headers, FrameType::data, FrameType::goaway, FrameType::headers,
                    FrameType::data});
}

TEST(Mishap, GoAwayNoticeTakesRequestsForARoundTrip) {
  Http2World world;
  world.request({1});
  world.fail(0, Mishap::go_away_notice);
  ASSERT_TRUE(world.gets_frames(4));  // With PING and the answer.
  auto frames = world.frames();
  const auto notice = std::ranges::find(frames, FrameType::goaway, &Frame::type);
  const auto ping = std::ranges::find(frames, FrameType::ping, &Frame::type);
  ASSERT_TRUE(notice != frames.end() && ping != frames.end());
  expect_goaway(*notice, 0x7fffffff, code::no_error, "");

  world.request({3});
  world.client.send(f::ping(ping->payload, flag::ack));
  ASSERT_TRUE(world.gets_frames(5));
  expect_goaway(world.frames()[4], 3, code::no_error, "");
  world.arrived[1].second->respond(eight_bytes);
  ASSERT_TRUE(world.client.is_closed());
  EXPECT_EQ(world.frames().size(), 7U);
}

TEST(Mishap, GoAwaysThatKillAllStreamsSayWhyAndClose) {
  struct Expected {
    Mishap mishap;
    std::uint32_t last;
    std::uint32_t error;
    std::string_view debug;
  };
  for (const auto& [mishap, last, error, debug] : {
           Expected{Mishap::go_away_max_streams, 5, code::protocol_error,
                    "exceeded_max_concurrent_streams"},
           Expected{Mishap::go_away_pings, 5, code::enhance_your_calm, "too_many_pings"},
           Expected{Mishap::go_away_timeout, 1, code::no_error, "session_timed_out"},
       }) {
    Http2World world;
    world.request({1, 3, 5});
    world.fail(1, mishap);
    world.arrived[0].second->respond(eight_bytes);  // Too late.
    world.expect_end({FrameType::goaway});
    expect_goaway(world.frames()[0], last, error, debug);
  }
}

// What an idle connection through a proxy meets: the server is gone, and one may still write.
TEST(Mishap, HalfCloseReadsUntilTheClientCloses) {
  Http2World world;
  world.request({1});
  world.fail(0, Mishap::half_close);
  world.expect_end({});
  for (int i = 0; i < 100; ++i) {  // With a reset for an answer, the second would throw.
    world.client.send(std::string(10'000, 'x'));
    world.io.poll();
  }
  EXPECT_EQ(world.server->connections(), 1U);
  world.client.close();
  EXPECT_TRUE(run_until(world.io, [&] { return world.server->connections() == 0; }));
}

TEST(Mishap, StopReadingAnswersAndHearsTheRestLater) {
  ServerOptions options;
  options.reading_pause = 10ms;
  options.first_request_timeout = 40ms;  // So that the server looks every 10 ms.
  Http2World world(options);
  world.request({1});
  world.fail(0, Mishap::stop_reading);
  ASSERT_TRUE(world.gets_frames(2));
  world.client.send(f::ping("12345678"));
  ASSERT_TRUE(world.gets_frames(3));
  EXPECT_EQ(world.frames()[2].type, FrameType::ping);
}

TEST(Mishap, StopReadingFillsTheClientsSocket) {
  Http2World world;  // Which is deaf for longer than this test lasts.
  world.request({1});
  world.fail(0, Mishap::stop_reading);
  ASSERT_TRUE(world.gets_frames(2));
  const std::string pings = f::ping("12345678");
  world.client.send(pings);
  while (world.io.poll() > 0) {
  }
  EXPECT_EQ(world.frames().size(), 2U);
  EXPECT_TRUE(world.client.fills_up());
  EXPECT_FALSE(world.client.closed);
}

TEST(Mishap, LimitOfStreamsChangesInFlight) {
  Http2World world;
  world.request({1});
  world.arrived[0].second->limit_streams(7);
  EXPECT_TRUE(world.arrived[0].second->alive());
  EXPECT_TRUE(world.client.gets(std::string("\0\x03\0\0\0\x07", 6)));
  world.arrived[0].second->respond(eight_bytes);
  EXPECT_TRUE(world.gets_frames(2));
}

// --- HTTP/1.1 has fewer words ---

struct Http1World : testing::ServerWorld {
  Http1World() : client(io, server->port()) { answers = false; }
  /// What the client has received when the connection ends.
  std::string end_of(Mishap mishap) {
    request();
    arrived.back().second->fail(mishap, eight_bytes);
    EXPECT_TRUE(client.is_closed());
    return client.received;
  }
  void request() {
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(wait_for_arrivals(arrived.size() + 1));
  }
  testing::RawClient client;
};

TEST(MishapOverHttp1, MostCloseWithoutAnAnswer) {
  for (const Mishap mishap : {Mishap::cut, Mishap::reset, Mishap::refuse, Mishap::go_away_before,
                              Mishap::go_away_max_streams, Mishap::go_away_pings,
                              Mishap::go_away_timeout, Mishap::half_close}) {
    EXPECT_EQ(Http1World().end_of(mishap), "") << static_cast<int>(mishap);
  }
}

TEST(MishapOverHttp1, GoAwaysThatAnswerSayThatTheConnectionCloses) {
  for (const Mishap mishap : {Mishap::go_away_after, Mishap::go_away_notice}) {
    EXPECT_EQ(Http1World().end_of(mishap),
              "HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\n12345678");
  }
}

TEST(MishapOverHttp1, CutMidBodyClosesAfterHalfOfIt) {
  EXPECT_EQ(Http1World().end_of(Mishap::cut_mid_body),
            "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n1234");
}

TEST(MishapOverHttp1, StallMidBodyStaysOpen) {
  Http1World world;
  world.request();
  world.arrived[0].second->fail(Mishap::stall_mid_body, eight_bytes);
  ASSERT_TRUE(world.client.gets("1234"));
  while (world.io.poll() > 0) {
  }
  EXPECT_TRUE(world.client.received.ends_with("1234"));
  EXPECT_FALSE(world.client.closed);
}

TEST(MishapOverHttp1, StopReadingAnswersFirst) {
  Http1World world;
  world.request();
  world.arrived[0].second->fail(Mishap::stop_reading, eight_bytes);
  ASSERT_TRUE(world.client.gets("12345678"));
  world.client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while (world.io.poll() > 0) {
  }
  EXPECT_EQ(world.arrived.size(), 1U);
}

}  // namespace
}  // namespace fanfare::http2
