// The server's end against a client made of hand-written frames.
#include "http2/server_session.h"

#include <gtest/gtest.h>

#include "http2/testing/frames.h"

namespace fanfare::http2 {
namespace {

namespace f = testing;
using f::Frame;
using f::FrameType;
namespace flag = f::flag;
namespace code = f::code;
namespace setting = f::setting;

const f::Fields get{
    {":method", "GET"}, {":scheme", "https"}, {":authority", "fcm.test"}, {":path", "/x?y=z"}};
const f::Fields post{
    {":method", "POST"}, {":scheme", "https"}, {":authority", "fcm.test"}, {":path", "/"}};

std::vector<Frame> of_type(const std::vector<Frame>& frames, FrameType type) {
  std::vector<Frame> out;
  std::ranges::copy_if(frames, std::back_inserter(out),
                       [&](const Frame& frame) { return frame.type == type; });
  return out;
}

/// A server session that has read the client's preface, and the script of its client.
class Server {
 public:
  explicit Server(const ServerLimits& limits = {}, const std::string& settings = f::settings())
      : session(limits) {
    hears(std::string(f::client_preface) + settings);
    greeting = says();
  }

  void hears(const std::string& bytes) {
    session.receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  }
  std::vector<Frame> says() {
    std::string out;
    session.take_output(out);
    return f::parse_frames(out);
  }
  std::vector<Incoming> takes() {
    std::vector<Incoming> out;
    session.take_requests(out);
    return out;
  }
  /// The one request there must be by now.
  Incoming take() {
    auto all = takes();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Incoming{} : std::move(all[0]);
  }
  /// The status of the first answer in `frames`, which nghttp2 codes by the static table
  /// (RFC 7541, A) where that has it.
  static int status_of(const std::vector<Frame>& frames) {
    const auto answers = of_type(frames, FrameType::headers);
    if (answers.empty() || answers[0].payload.empty()) return 0;
    switch (static_cast<std::uint8_t>(answers[0].payload[0])) {
      case 0x88:
        return 200;
      case 0x8d:
        return 404;
      default:
        return -1;
    }
  }

  ServerSession session;
  std::vector<Frame> greeting;
};

// --- The exchange as it should be ---

TEST(ServerSession, AnnouncesItsLimitOfStreams) {
  const Server server({.streams = 100});
  ASSERT_FALSE(server.greeting.empty());
  EXPECT_EQ(server.greeting[0].type, FrameType::settings);
  EXPECT_NE(server.greeting[0].payload.find(std::string("\0\x03\0\0\0\x64", 6)), std::string::npos);
}

TEST(ServerSession, AssemblesARequest) {
  Server server;
  auto fields = post;
  fields.push_back({"content-type", "application/json"});
  server.hears(f::headers(1, fields) + f::data(1, "{\"a\":") +
               f::padded_data(1, "1}", 9, flag::end_stream));
  const auto incoming = server.take();
  EXPECT_EQ(incoming.stream, 1);
  EXPECT_EQ(incoming.request.method, "POST");
  EXPECT_EQ(incoming.request.scheme, "https");
  EXPECT_EQ(incoming.request.authority, "fcm.test");
  EXPECT_EQ(incoming.request.path, "/");
  ASSERT_EQ(incoming.request.headers.size(), 1U);
  EXPECT_EQ(find_header(incoming.request.headers, "content-type"), "application/json");
  EXPECT_EQ(incoming.request.body, "{\"a\":1}");
  EXPECT_EQ(server.session.open_streams(), 1U);
  EXPECT_EQ(server.session.last_stream(), 1);
}

TEST(ServerSession, AssemblesTheSameByteByByte) {
  ServerSession session;
  const std::string script = std::string(f::client_preface) + f::settings() + f::headers(1, post) +
                             f::data(1, "body", flag::end_stream);
  for (const char c : script) {
    const auto byte = static_cast<std::uint8_t>(c);
    session.receive({&byte, 1});
  }
  std::vector<Incoming> requests;
  session.take_requests(requests);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].request.body, "body");
}

TEST(ServerSession, TakesTheHostWhereThereIsNoAuthority) {
  Server server;
  server.hears(f::headers(
      1, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "localhost:8080"}},
      flag::end_stream));
  EXPECT_EQ(server.take().request.authority, "localhost:8080");
}

TEST(ServerSession, IgnoresTrailers) {
  Server server;
  server.hears(f::headers(1, post) + f::data(1, "body") +
               f::headers(1, {{"x-checksum", "1"}}, flag::end_stream));
  const auto incoming = server.take();
  EXPECT_EQ(incoming.request.body, "body");
  EXPECT_TRUE(incoming.request.headers.empty());
}

TEST(ServerSession, WritesTheAnswerWithItsLength) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream));
  server.session.respond(server.take().stream, {200, {}, "hello"});
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(Server::status_of(frames), 200);
  EXPECT_EQ(frames[1].payload, "hello");
  EXPECT_TRUE(frames[1].has(flag::end_stream));
  EXPECT_EQ(server.session.open_streams(), 0U);
}

TEST(ServerSession, WritesAnEmptyAnswerAsHeadersAlone) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream));
  server.session.respond(server.take().stream, {404, {}, ""});
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(Server::status_of(frames), 404);
  EXPECT_TRUE(frames[0].has(flag::end_stream));
}

TEST(ServerSession, SendsNoBodyToHead) {
  Server server;
  auto fields = get;
  fields[0].second = "HEAD";
  server.hears(f::headers(1, fields, flag::end_stream));
  server.session.respond(server.take().stream, {200, {}, "hello"});
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_TRUE(frames[0].has(flag::end_stream));
}

TEST(ServerSession, AnswersInAnyOrder) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream) + f::headers(3, get, flag::end_stream));
  ASSERT_EQ(server.takes().size(), 2U);
  server.session.respond(3, {200, {}, ""});
  EXPECT_EQ(server.says()[0].stream, 3U);
  server.session.respond(1, {200, {}, ""});
  EXPECT_EQ(server.says()[0].stream, 1U);
}

TEST(ServerSession, AnswersOnlyOnce) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream));
  const auto stream = server.take().stream;
  server.session.respond(stream, {200, {}, ""});
  server.session.respond(stream, {404, {}, ""});
  server.session.reset(stream, ErrorCode::cancel);
  EXPECT_EQ(server.says().size(), 1U);
}

TEST(ServerSession, WritesAnAnswerLargerThanTheWindowInTurns) {
  Server server({}, f::settings({{setting::initial_window_size, 4}}));
  server.hears(f::headers(1, get, flag::end_stream));
  server.session.respond(server.take().stream, {200, {}, "12345678"});
  EXPECT_EQ(of_type(server.says(), FrameType::data)[0].payload, "1234");
  EXPECT_TRUE(server.says().empty());
  server.hears(f::window_update(1, 4));
  const auto rest = server.says();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].payload, "5678");
  EXPECT_TRUE(rest[0].has(flag::end_stream));
}

// --- Misbehaving on request ---

TEST(ServerSession, ResetsInPlaceOfAnAnswer) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream));
  server.session.reset(server.take().stream, ErrorCode::refused_stream);
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].type, FrameType::rst_stream);
  EXPECT_EQ(frames[0].number(), code::refused_stream);
  EXPECT_EQ(server.session.open_streams(), 0U);
}

TEST(ServerSession, GoesAwayAndStillAnswersWhatItTook) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream) + f::headers(3, get, flag::end_stream));
  ASSERT_EQ(server.takes().size(), 2U);
  server.session.go_away(1, ErrorCode::enhance_your_calm, "too_many_pings");
  EXPECT_EQ(server.session.open_streams(), 1U);
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].type, FrameType::goaway);
  EXPECT_EQ(frames[0].number(), 1U);
  EXPECT_EQ(frames[0].number(4), code::enhance_your_calm);
  EXPECT_EQ(frames[0].payload.substr(8), "too_many_pings");

  server.session.respond(3, {200, {}, ""});
  EXPECT_TRUE(server.says().empty());
  server.hears(f::headers(5, get, flag::end_stream));
  EXPECT_TRUE(server.takes().empty());
  EXPECT_FALSE(server.session.dead());
  server.session.respond(1, {200, {}, ""});
  EXPECT_EQ(server.says().size(), 1U);
  EXPECT_TRUE(server.session.dead());
}

// "Just below stream 5" is 4, an id that clients don't use.
TEST(ServerSession, NamesAStreamOfTheClientsWhenItGoesAway) {
  Server server;
  server.hears(f::headers(5, get, flag::end_stream));
  server.session.go_away(4, ErrorCode::no_error, "");
  EXPECT_EQ(server.says()[0].number(), 3U);
}

TEST(ServerSession, DropsAtGoawayWhatTheOwnerHasNotTaken) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream));
  server.session.go_away(0, ErrorCode::no_error, "");
  EXPECT_TRUE(server.takes().empty());
}

// RFC 9113, 6.8: the notice leaves time for requests that are on their way.
TEST(ServerSession, StillTakesRequestsAfterANoticeOfShutDown) {
  Server server;
  server.session.go_away(0x7fffffff, ErrorCode::no_error, "");
  EXPECT_EQ(server.says()[0].number(), 0x7fffffffU);
  EXPECT_FALSE(server.session.dead());
  server.hears(f::headers(1, get, flag::end_stream));
  EXPECT_EQ(server.take().stream, 1);
}

TEST(ServerSession, StallsAfterHalfABodyOfTheWholeLength) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream));
  server.session.respond_half(server.take().stream, {200, {}, "12345678"});
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 2U);
  // content-length, entry 28 of the static table, never put into the dynamic one (RFC 7541, 6.2.2).
  EXPECT_NE(frames[0].payload.find("\x0f\x0d\x01\x38"), std::string::npos);
  EXPECT_EQ(frames[1].payload, "1234");
  EXPECT_FALSE(frames[1].has(flag::end_stream));
  EXPECT_EQ(server.session.open_streams(), 0U);
  EXPECT_FALSE(server.session.dead());

  server.hears(f::headers(3, get, flag::end_stream));  // Other streams go on.
  server.session.respond(server.take().stream, {200, {}, "12345678"});
  EXPECT_TRUE(of_type(server.says(), FrameType::data)[0].has(flag::end_stream));
}

TEST(ServerSession, StallsWithoutABodyToo) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream));
  server.session.respond_half(server.take().stream, {200, {}, ""});
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_FALSE(frames[0].has(flag::end_stream));
}

TEST(ServerSession, DrainsInARoundTrip) {
  Server server;
  server.session.drain();
  const auto frames = server.says();
  const auto goaways = of_type(frames, FrameType::goaway);
  const auto pings = of_type(frames, FrameType::ping);
  ASSERT_EQ(goaways.size(), 1U);
  EXPECT_EQ(goaways[0].number(), 0x7fffffffU);
  ASSERT_EQ(pings.size(), 1U);

  server.hears(f::headers(1, get, flag::end_stream));  // Sent before the notice arrived.
  server.hears(f::ping(pings[0].payload, flag::ack));
  const auto last = of_type(server.says(), FrameType::goaway);
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].number(), 1U);
  EXPECT_EQ(last[0].number(4), code::no_error);
  server.session.respond(server.take().stream, {200, {}, ""});
  EXPECT_EQ(Server::status_of(server.says()), 200);
  EXPECT_TRUE(server.session.dead());
}

TEST(ServerSession, IsNotDrainedByAPongThatNobodyAskedFor) {
  Server server;
  server.hears(f::ping("draining", flag::ack));
  EXPECT_TRUE(server.says().empty());
}

TEST(ServerSession, TerminatesWithEverythingOpen) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream) + f::headers(3, get, flag::end_stream));
  ASSERT_EQ(server.takes().size(), 2U);
  server.session.terminate(3, ErrorCode::protocol_error, "exceeded_max_concurrent_streams");
  EXPECT_TRUE(server.session.dead());
  EXPECT_EQ(server.session.open_streams(), 0U);
  server.session.respond(1, {200, {}, ""});
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].number(), 3U);
  EXPECT_EQ(frames[0].number(4), code::protocol_error);
  EXPECT_EQ(frames[0].payload.substr(8), "exceeded_max_concurrent_streams");
}

// nghttp2 would write GOAWAY first and drop the answer above its last stream.
TEST(ServerSession, WritesTheAnswersThatWereGivenBeforeItGoesAway) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream) + f::headers(3, get, flag::end_stream));
  ASSERT_EQ(server.takes().size(), 2U);
  server.session.respond(3, {200, {}, "processed"});
  server.session.go_away(0, ErrorCode::no_error, "");
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[1].payload, "processed");
  EXPECT_EQ(frames[2].type, FrameType::goaway);
}

TEST(ServerSession, TellsWhichRequestsWaitForAnAnswer) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream) + f::headers(3, get, flag::end_stream) +
               f::headers(5, get, flag::end_stream));
  ASSERT_EQ(server.takes().size(), 3U);
  EXPECT_TRUE(server.session.is_open(1));
  server.session.respond(1, {200, {}, ""});
  EXPECT_FALSE(server.session.is_open(1));
  server.hears(f::rst_stream(3, code::cancel));
  EXPECT_FALSE(server.session.is_open(3));
  server.session.go_away(3, ErrorCode::no_error, "");
  EXPECT_FALSE(server.session.is_open(5));
  EXPECT_FALSE(server.session.is_open(7));
}

TEST(ServerSession, ChangesItsLimitInFlight) {
  Server server;
  server.session.set_max_streams(7);
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].payload, std::string("\0\x03\0\0\0\x07", 6));
}

// --- Limits ---

TEST(ServerSession, RefusesStreamsOverALimitThatTheClientMayNotKnowYet) {
  Server server({.streams = 1});
  server.hears(f::headers(1, get, flag::end_stream) + f::headers(3, get, flag::end_stream));
  EXPECT_EQ(server.take().stream, 1);
  const auto frames = server.says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].stream, 3U);
  EXPECT_EQ(frames[0].number(), code::refused_stream);
}

// As FCM does: once the client has acknowledged the limit, exceeding it costs the connection.
TEST(ServerSession, GoesAwayFromAClientThatExceedsTheLimitItAcknowledged) {
  Server server({.streams = 1});
  server.hears(f::settings_ack() + f::headers(1, get, flag::end_stream) +
               f::headers(3, get, flag::end_stream));
  EXPECT_TRUE(server.session.dead());
  const auto goaways = of_type(server.says(), FrameType::goaway);
  ASSERT_EQ(goaways.size(), 1U);
  EXPECT_EQ(goaways[0].number(), 1U);
  EXPECT_EQ(goaways[0].number(4), code::protocol_error);
  EXPECT_EQ(goaways[0].payload.substr(8), "exceeded_max_concurrent_streams");
}

TEST(ServerSession, AnswersABodyOverTheLimitAndReadsOnWithoutKeepingIt) {
  Server server({.body_bytes = 100'000});
  server.hears(f::headers(1, post));
  const std::string frame_of_data(16'384, 'x');
  std::uint32_t credit = 0;
  std::vector<Frame> answers;
  for (int i = 0; i < 256; ++i) {  // 4 MiB, four times the stream's window.
    server.hears(f::data(1, frame_of_data));
    for (const auto& frame : server.says()) {
      if (frame.type == FrameType::headers) answers.push_back(frame);
      if (frame.type == FrameType::window_update && frame.stream == 1) credit += frame.number();
    }
  }
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_GT(credit, 3U << 20);
  server.hears(f::data(1, "", flag::end_stream));
  EXPECT_TRUE(server.takes().empty());
  EXPECT_FALSE(server.session.dead());
  server.hears(f::headers(3, get, flag::end_stream));
  EXPECT_EQ(server.take().stream, 3);
}

TEST(ServerSession, AnswersHeadersOverTheLimit) {
  Server server({.header_bytes = 200});
  auto fields = get;
  fields.push_back({"a", std::string(200, 'x')});
  server.hears(f::headers(1, fields, flag::end_stream));
  EXPECT_TRUE(server.takes().empty());
  EXPECT_EQ(of_type(server.says(), FrameType::headers).size(), 1U);
  EXPECT_FALSE(server.session.dead());
}

// A field of two bytes costs some hundred bytes of memory.
TEST(ServerSession, FieldsCountMoreThanTheirBytes) {
  auto fields = get;
  for (int i = 0; i < 200; ++i) fields.emplace_back("a", "b");
  Server within({.header_bytes = 8'000});
  within.hears(f::headers(1, fields, flag::end_stream));
  EXPECT_EQ(within.takes().size(), 1U);
  Server beyond({.header_bytes = 6'000});
  beyond.hears(f::headers(1, fields, flag::end_stream));
  EXPECT_TRUE(beyond.takes().empty());
}

TEST(ServerSession, RefusesInTheWordsOfItsOwner) {
  Server server({.body_bytes = 3, .refusal = [](int status, std::string_view words) {
                   return Response{status, {}, "<" + std::string(words) + ">"};
                 }});
  server.hears(f::headers(1, post) + f::data(1, "four", flag::end_stream));
  const auto data = of_type(server.says(), FrameType::data);
  ASSERT_EQ(data.size(), 1U);
  EXPECT_EQ(data[0].payload, "<the request's body is too large>");
}

// --- A client that is broken or hostile ---

TEST(ServerSession, ResetsRequestsThatAreNone) {
  const std::vector<f::Fields> malformed{
      {{":method", "GET"}, {":scheme", "https"}, {":path", ""}, {":authority", "a"}},
      {{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}},
      {{":scheme", "https"}, {":path", "/"}, {":authority", "a"}},
      {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"Upper", "x"}},
      {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"connection", "close"}},
  };
  for (const auto& fields : malformed) {
    Server server;
    server.hears(f::headers(1, fields, flag::end_stream));
    EXPECT_TRUE(server.takes().empty());
    EXPECT_EQ(of_type(server.says(), FrameType::rst_stream).size(), 1U);
    EXPECT_FALSE(server.session.dead());
  }
}

TEST(ServerSession, ResetsABodyOfAnotherLengthThanSaid) {
  auto fields = post;
  fields.emplace_back("content-length", "3");
  Server server;
  server.hears(f::headers(1, fields) + f::data(1, "four", flag::end_stream));
  EXPECT_TRUE(server.takes().empty());
  const auto resets = of_type(server.says(), FrameType::rst_stream);
  ASSERT_EQ(resets.size(), 1U);
  EXPECT_EQ(resets[0].number(), code::protocol_error);
}

TEST(ServerSession, ResetsTrailersThatDoNotEndTheRequest) {
  Server server;
  server.hears(f::headers(1, post) + f::headers(1, {{"x", "y"}}));
  EXPECT_EQ(of_type(server.says(), FrameType::rst_stream).size(), 1U);
}

TEST(ServerSession, GoesOnAfterAMalformedRequest) {
  Server server;
  server.hears(f::headers(1, {{":method", "GET"}}, flag::end_stream));
  server.hears(f::headers(3, get, flag::end_stream));
  EXPECT_EQ(server.take().stream, 3);
}

// As firebase-admin for Node does.
TEST(ServerSession, TakesASchemeWithAColon) {
  auto fields = get;
  fields[1].second = "https:";
  Server server;
  server.hears(f::headers(1, fields, flag::end_stream));
  EXPECT_EQ(server.take().request.scheme, "https");
}

TEST(ServerSession, DiesOfAWrongPreface) {
  ServerSession session;
  const std::string http1 = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  session.receive({reinterpret_cast<const std::uint8_t*>(http1.data()), http1.size()});
  EXPECT_TRUE(session.dead());
}

TEST(ServerSession, KeepsARequestThatWasResetFromItsOwner) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream) + f::rst_stream(1, code::cancel));
  EXPECT_TRUE(server.takes().empty());
  EXPECT_EQ(server.session.open_streams(), 0U);
}

TEST(ServerSession, DropsTheAnswerToARequestThatWasResetMeanwhile) {
  Server server;
  server.hears(f::headers(1, get, flag::end_stream));
  const auto stream = server.take().stream;
  server.hears(f::rst_stream(1, code::cancel));
  server.session.respond(stream, {200, {}, "late"});
  EXPECT_TRUE(server.says().empty());
}

TEST(ServerSession, LeavesAClientThatKeepsResetting) {
  Server server;
  for (std::uint32_t stream = 1; stream < 20'000 && !server.session.dead(); stream += 2) {
    server.hears(f::headers(stream, get, flag::end_stream) + f::rst_stream(stream, code::cancel));
    (void)server.takes();
  }
  EXPECT_TRUE(server.session.dead());
}

TEST(ServerSession, DiesOfAFloodOfContinuations) {
  Server server;
  auto fields = get;
  fields.push_back({"a", std::string(1'000, 'x')});
  server.hears(f::headers_in_pieces(1, fields, 50, flag::end_stream));
  EXPECT_TRUE(server.session.dead());
}

TEST(ServerSession, DiesOfAFloodOfPings) {
  Server server;
  std::string flood;
  for (int i = 0; i < 5'000; ++i) flood += f::ping("12345678");
  server.hears(flood);
  EXPECT_TRUE(server.session.dead());
  EXPECT_EQ(of_type(server.says(), FrameType::goaway).back().number(4), code::enhance_your_calm);
}

}  // namespace
}  // namespace fanfare::http2
