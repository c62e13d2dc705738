// The client's end, by every engine, against a server made of hand-written frames.
#include "http2/client_session.h"

#include <gtest/gtest.h>

#include "http2/testing/client_script.h"
#include "http2/testing/frames.h"

namespace fanfare::http2 {
namespace {

namespace f = testing;
using f::Client;
using f::Frame;
using f::FrameType;
using How = Ended::How;
namespace flag = f::flag;
namespace code = f::code;
namespace setting = f::setting;

const f::Fields ok{{":status", "200"}};

Request a_post(std::string body = "{}") {
  return {"POST",         "https", "fcm.test", "/v1/send", {{"authorization", "Bearer t"}},
          std::move(body)};
}
Request a_get() {
  return {"GET", "https", "fcm.test", "/", {}, {}};
}

using ClientSessionTest = f::EngineTest;
INSTANTIATE_TEST_SUITE_P(Engines, ClientSessionTest, f::every_engine(), f::engine_name);

// --- The exchange as it should be ---

TEST_P(ClientSessionTest, OpensWithThePrefaceAndItsSettings) {
  const auto session = make_client_session(GetParam());
  std::string out;
  session->take_output(out);
  ASSERT_TRUE(out.starts_with(f::client_preface));
  const auto frames = f::parse_frames(out);
  ASSERT_GE(frames.size(), 2U);
  EXPECT_EQ(frames[0].type, FrameType::settings);
  EXPECT_NE(frames[0].payload.find(std::string("\0\x02\0\0\0\0", 6)), std::string::npos)
      << "ENABLE_PUSH must be 0";
  EXPECT_EQ(frames[1].type, FrameType::window_update);
  EXPECT_EQ(frames[1].stream, 0U);
  EXPECT_GT(frames[1].number(), 1U << 20);
}

// RFC 9113, 8.3: pseudo-headers come first. :method POST, :scheme https and :authority have
// places in HPACK's static table, so their bytes are known.
TEST_P(ClientSessionTest, WritesTheRequestWithPseudoHeadersFirst) {
  const auto client = settled();
  client->session.submit(1, a_post("{\"a\":1}"));
  const auto frames = client->says();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].type, FrameType::headers);
  EXPECT_EQ(frames[0].stream, 1U);
  EXPECT_FALSE(frames[0].has(flag::end_stream));
  EXPECT_TRUE(frames[0].payload.starts_with("\x83\x87\x41"));
  EXPECT_EQ(frames[1].type, FrameType::data);
  EXPECT_EQ(frames[1].payload, "{\"a\":1}");
  EXPECT_TRUE(frames[1].has(flag::end_stream));
}

TEST_P(ClientSessionTest, WritesNoDataForARequestWithoutBody) {
  const auto client = settled();
  client->session.submit(1, a_get());
  const auto frames = client->says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_TRUE(frames[0].has(flag::end_stream));
}

TEST_P(ClientSessionTest, GivesTheWholeAnswer) {
  const auto client = settled();
  client->session.submit(7, a_post());
  (void)client->says();
  client->hears(f::headers(1, {{":status", "429"}, {"retry-after", "30"}}) + f::data(1, "slow ") +
                f::data(1, "down", flag::end_stream));
  const auto end = client->end();
  EXPECT_EQ(end.id, 7U);
  EXPECT_EQ(end.how, How::answered);
  EXPECT_EQ(end.response.status, 429);
  EXPECT_EQ(find_header(end.response, "retry-after"), "30");
  EXPECT_EQ(end.response.body, "slow down");
  EXPECT_EQ(client->session.open_streams(), 0U);
}

TEST_P(ClientSessionTest, ReadsTheSameByteByByte) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->hears_byte_by_byte(f::headers(1, ok) + f::data(1, "body", flag::end_stream));
  EXPECT_EQ(client->end().response.body, "body");
}

TEST_P(ClientSessionTest, PutsManyRequestsIntoOneOutput) {
  const auto client = settled();
  for (RequestId id = 0; id < 100; ++id) client->session.submit(id, a_post());
  EXPECT_EQ(client->session.free_streams(), 0U);
  const auto frames = client->says();
  EXPECT_EQ(of_type(frames, FrameType::headers).size(), 100U);
  EXPECT_EQ(of_type(frames, FrameType::data).size(), 100U);

  std::string answers;
  for (std::uint32_t stream = 1; stream < 200; stream += 2) {
    answers += f::headers(stream, ok, flag::end_stream);
  }
  client->hears(answers);
  const auto ended = client->ends();
  ASSERT_EQ(ended.size(), 100U);
  for (RequestId id = 0; id < 100; ++id) EXPECT_EQ(ended[id].id, id);
  EXPECT_EQ(client->session.free_streams(), 100U);
}

TEST_P(ClientSessionTest, AcceptsPaddedFrames) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->hears(f::headers(1, ok) + f::padded_data(1, "body", 100, flag::end_stream));
  EXPECT_EQ(client->end().response.body, "body");
}

TEST_P(ClientSessionTest, SkipsInterimAnswers) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->hears(f::headers(1, {{":status", "100"}}) +
                f::headers(1, {{":status", "103"}, {"link", "x"}}) +
                f::headers(1, {{":status", "200"}, {"a", "b"}}, flag::end_stream));
  const auto end = client->end();
  EXPECT_EQ(end.response.status, 200);
  EXPECT_EQ(f::all_headers(end.response).size(), 1U);
}

TEST_P(ClientSessionTest, ToleratesTrailers) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->hears(f::headers(1, ok) + f::data(1, "body") +
                f::headers(1, {{"grpc-status", "0"}}, flag::end_stream));
  const auto end = client->end();
  EXPECT_EQ(end.how, How::answered);
  EXPECT_EQ(end.response.body, "body");
  EXPECT_TRUE(f::all_headers(end.response).empty());
}

TEST_P(ClientSessionTest, ReadsHeadersInPieces) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->hears(f::headers_in_pieces(1, {{":status", "200"}, {"a", "b"}}, 10, flag::end_stream));
  EXPECT_EQ(find_header(client->end().response, "a"), "b");
}

TEST_P(ClientSessionTest, CountsThePongsOfItsOwnPings) {
  const auto client = settled();
  client->session.ping();
  const auto frames = client->says();
  ASSERT_EQ(of_type(frames, FrameType::ping).size(), 1U);
  client->hears(f::ping(frames[0].payload, flag::ack) + f::ping("unasked!", flag::ack));
  EXPECT_EQ(client->session.take_pongs(), 1U);
  EXPECT_EQ(client->session.take_pongs(), 0U);
}

TEST_P(ClientSessionTest, AnswersPings) {
  const auto client = settled();
  client->hears(f::ping("12345678"));
  const auto frames = client->says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_TRUE(frames[0].has(flag::ack));
  EXPECT_EQ(frames[0].payload, "12345678");
}

// --- Concurrency ---

TEST_P(ClientSessionTest, IsSettledByTheFirstSettings) {
  Client client(GetParam());
  EXPECT_FALSE(client.session.settled());
  client.hears(f::settings());
  EXPECT_TRUE(client.session.settled());
}

TEST_P(ClientSessionTest, TakesTheSmallerOfBothLimits) {
  Client client(GetParam(), {.streams = 10});
  EXPECT_EQ(client.session.free_streams(), 10U);
  client.hears(f::settings({{setting::max_concurrent_streams, 4}}));
  EXPECT_EQ(client.session.free_streams(), 4U);
  client.hears(f::settings({{setting::max_concurrent_streams, 1'000}}));
  EXPECT_EQ(client.session.free_streams(), 10U);
}

// The server lowers its limit while six requests wait to be written: two may still go.
TEST_P(ClientSessionTest, NeverHasMoreOpenThanALimitLoweredInFlight) {
  const auto client = settled();
  for (RequestId id = 0; id < 6; ++id) client->session.submit(id, a_get());
  client->hears(f::settings({{setting::max_concurrent_streams, 2}}));
  // receive() may have written some before; what counts is that the rest stays within the limit.
  const auto before = of_type(client->says(), FrameType::headers).size();
  EXPECT_EQ(before, 2U);
  EXPECT_EQ(client->session.free_streams(), 0U);
  client->hears(f::headers(1, ok, flag::end_stream));
  EXPECT_EQ(of_type(client->says(), FrameType::headers).size(), 1U);
  EXPECT_EQ(client->session.open_streams(), 5U);
}

TEST_P(ClientSessionTest, DrainsWhenItsRequestsAreUsedUp) {
  const auto client = settled({.requests = 2});
  client->session.submit(1, a_get());
  EXPECT_FALSE(client->session.draining());
  client->session.submit(2, a_get());
  EXPECT_TRUE(client->session.draining());
  EXPECT_EQ(client->session.free_streams(), 0U);
  client->session.submit(3, a_get());
  EXPECT_EQ(client->end().how, How::unsent);
}

// --- Flow control ---

TEST_P(ClientSessionTest, WritesABodyLargerThanTheWindowInTurns) {
  Client client(GetParam());
  client.hears(f::settings({{setting::initial_window_size, 10}}));
  (void)client.says();
  client.session.submit(1, a_post("0123456789abcdefghij"));
  EXPECT_EQ(client.says().back().payload, "0123456789");
  EXPECT_TRUE(client.says().empty());
  client.hears(f::window_update(1, 10));
  const auto rest = client.says();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].payload, "abcdefghij");
  EXPECT_TRUE(rest[0].has(flag::end_stream));
}

TEST_P(ClientSessionTest, KeepsTheWindowOpenForManyLargeAnswers) {
  const auto client = settled();
  const std::string frame_of_data(16'384, 'x');
  std::uint32_t connection_credit = 0;
  for (std::uint32_t stream = 1; stream < 80; stream += 2) {  // 40 answers of 1 MiB.
    client->session.submit(stream, a_get());
    (void)client->says();
    client->hears(f::headers(stream, ok));
    for (int i = 0; i < 64; ++i) client->hears(f::data(stream, frame_of_data));
    client->hears(f::data(stream, "", flag::end_stream));
    for (const auto& frame : of_type(client->says(), FrameType::window_update)) {
      if (frame.stream == 0) connection_credit += frame.number();
    }
    EXPECT_EQ(client->end().response.body.size(), 1U << 20);
  }
  EXPECT_GE(connection_credit, 24U << 20) << "40 MiB came through a window of 16";
}

// --- Never processed ---

TEST_P(ClientSessionTest, EndsARefusedStreamAsUnsent) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->hears(f::rst_stream(1, code::refused_stream));
  const auto end = client->end();
  EXPECT_EQ(end.how, How::unsent);
  EXPECT_EQ(end.reason, "RST_STREAM REFUSED_STREAM");
  EXPECT_FALSE(client->session.draining());
}

// A server that contradicts itself is not to be believed: half an answer shows processing.
TEST_P(ClientSessionTest, DoesNotBelieveARefusalAfterHalfAnAnswer) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->hears(f::headers(1, ok) + f::rst_stream(1, code::refused_stream));
  EXPECT_EQ(client->end().how, How::unknown);
}

TEST_P(ClientSessionTest, EndsStreamsAboveAGoawayAsUnsentAndFinishesTheOthers) {
  const auto client = settled();
  for (RequestId id = 1; id <= 3; ++id) client->session.submit(id, a_post());
  (void)client->says();
  client->hears(f::goaway(1, code::no_error, "session_timed_out"));
  const auto unsent = client->ends();
  ASSERT_EQ(unsent.size(), 2U);
  EXPECT_EQ(unsent[0].id, 2U);
  EXPECT_EQ(unsent[1].id, 3U);
  EXPECT_EQ(unsent[0].how, How::unsent);
  EXPECT_EQ(unsent[0].reason, "GOAWAY NO_ERROR (session_timed_out)");
  EXPECT_TRUE(client->session.draining());
  EXPECT_FALSE(client->session.dead());

  client->hears(f::headers(1, ok, flag::end_stream));
  EXPECT_EQ(client->end().how, How::answered);
  EXPECT_TRUE(client->session.dead());
}

// RFC 9113, 6.8: a server first says "soon" with the highest id, then names the real one.
TEST_P(ClientSessionTest, ObeysASecondGoawayThatGoesLower) {
  const auto client = settled();
  for (RequestId id = 1; id <= 2; ++id) client->session.submit(id, a_post());
  (void)client->says();
  client->hears(f::goaway(0x7fffffff, code::no_error));
  EXPECT_TRUE(client->ends().empty());
  EXPECT_TRUE(client->session.draining());
  client->hears(f::goaway(1, code::no_error));
  EXPECT_EQ(client->end().id, 2U);
}

TEST_P(ClientSessionTest, EndsRequestsNotYetWrittenAsUnsentAtAnyGoaway) {
  const auto client = settled();
  client->session.submit(1, a_post());
  client->hears(f::goaway(0x7fffffff, code::no_error));
  EXPECT_EQ(client->end().how, How::unsent);
  EXPECT_TRUE(client->says().empty());
  EXPECT_TRUE(client->session.dead());
}

// What FCM does to a client that opens a 101st stream.
TEST_P(ClientSessionTest, NamesTheGoawayThatKilledTheOthers) {
  const auto client = settled();
  for (RequestId id = 1; id <= 2; ++id) client->session.submit(id, a_post());
  (void)client->says();
  client->hears(f::goaway(1, code::protocol_error, "exceeded_max_concurrent_streams"));
  EXPECT_EQ(client->end().how, How::unsent);
  client->session.connection_lost("end of file");
  const auto end = client->end();
  EXPECT_EQ(end.id, 1U);
  EXPECT_EQ(end.how, How::unknown);
  EXPECT_EQ(
      end.reason,
      "GOAWAY PROTOCOL_ERROR (exceeded_max_concurrent_streams); connection lost: end of file");
}

TEST_P(ClientSessionTest, MakesTheDebugTextOfAGoawayPrintable) {
  const auto client = settled();
  client->session.submit(1, a_get());
  (void)client->says();
  client->hears(f::goaway(0, code::no_error, "a\nb\x1b" + std::string(5'000, 'x')));
  const auto end = client->end();
  EXPECT_TRUE(end.reason.starts_with("GOAWAY NO_ERROR (a.b.xxx"));
  EXPECT_LT(end.reason.size(), 300U);
}

TEST_P(ClientSessionTest, EndsAHalfWrittenRequestOfALostConnectionAsUnsent) {
  Client client(GetParam());
  client.hears(f::settings({{setting::initial_window_size, 10}}));
  client.session.submit(1, a_post("longer than ten bytes"));
  client.session.submit(2, a_post("short"));
  (void)client.says();
  client.session.connection_lost("reset by peer");
  const auto ended = client.ends();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].how, How::unsent);
  EXPECT_EQ(ended[1].how, How::unknown);
  EXPECT_EQ(ended[1].reason, "connection lost: reset by peer");
  EXPECT_TRUE(client.session.dead());
}

TEST_P(ClientSessionTest, EndsAHalfWrittenRequestWhoseAnswerHasBegunAsUnknown) {
  Client client(GetParam());
  client.hears(f::settings({{setting::initial_window_size, 10}}));
  client.session.submit(1, a_post("longer than ten bytes"));
  (void)client.says();
  client.hears(f::headers(1, ok));
  client.session.connection_lost("reset by peer");
  EXPECT_EQ(client.end().how, How::unknown);
}

TEST_P(ClientSessionTest, TakesNoRequestAfterTheConnectionWasLost) {
  const auto client = settled();
  client->session.connection_lost("gone");
  EXPECT_EQ(client->session.free_streams(), 0U);
  client->session.submit(1, a_get());
  EXPECT_EQ(client->end().how, How::unsent);
  EXPECT_TRUE(client->says().empty());
}

// A header block over nghttp2's limit can't be written; that is known before a byte leaves.
TEST_P(ClientSessionTest, EndsARequestThatCannotBeWrittenAsUnsent) {
  const auto client = settled();
  auto request = a_get();
  request.headers.push_back({"x-big", std::string(100'000, 'x')});
  client->session.submit(1, request);
  EXPECT_TRUE(client->says().empty());
  const auto end = client->end();
  EXPECT_EQ(end.how, How::unsent);
  EXPECT_NE(end.reason.find("could not be written"), std::string::npos);
  EXPECT_FALSE(client->session.dead());
}

// --- Unknown ---

TEST_P(ClientSessionTest, EndsOtherResetsAsUnknown) {
  const auto client = settled();
  client->session.submit(1, a_post());
  client->session.submit(2, a_post());
  (void)client->says();
  client->hears(f::rst_stream(1, code::internal_error) + f::rst_stream(3, code::no_error));
  const auto ended = client->ends();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].how, How::unknown);
  EXPECT_EQ(ended[0].reason, "RST_STREAM INTERNAL_ERROR");
  EXPECT_EQ(ended[1].how, How::unknown);
}

// RFC 9113, 8.1: a server may answer before it has read all and stop the rest with NO_ERROR.
TEST_P(ClientSessionTest, CountsACompleteAnswerBeforeAResetWithNoError) {
  Client client(GetParam());
  client.hears(f::settings({{setting::initial_window_size, 10}}));
  client.session.submit(1, a_post("longer than ten bytes"));
  (void)client.says();
  client.hears(f::headers(1, {{":status", "413"}}, flag::end_stream) +
               f::rst_stream(1, code::no_error));
  const auto end = client.end();
  EXPECT_EQ(end.how, How::answered);
  EXPECT_EQ(end.response.status, 413);
}

TEST_P(ClientSessionTest, WithdrawsTheRestOfARequestAnsweredEarly) {
  Client client(GetParam());
  client.hears(f::settings({{setting::initial_window_size, 10}}));
  client.session.submit(1, a_post("longer than ten bytes"));
  (void)client.says();
  client.hears(f::headers(1, {{":status", "413"}}, flag::end_stream));
  EXPECT_EQ(client.end().how, How::answered);
  const auto frames = client.says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].type, FrameType::rst_stream);
}

TEST_P(ClientSessionTest, EndsAnAnswerOverTheBodyLimitAsUnknown) {
  const auto client = settled({.body_bytes = 10});
  client->session.submit(1, a_post());
  (void)client->says();
  client->hears(f::headers(1, ok) + f::data(1, "0123456789") + f::data(1, "a") +
                f::data(1, "more", flag::end_stream));
  EXPECT_EQ(client->end().how, How::unknown);
  const auto frames = client->says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].number(), code::cancel);
  EXPECT_FALSE(client->session.dead());
}

TEST_P(ClientSessionTest, EndsAnAnswerOverTheHeaderLimitAsUnknown) {
  const auto client = settled({.header_bytes = 100});
  client->session.submit(1, a_post());
  (void)client->says();
  client->hears(
      f::headers(1, {{":status", "200"}, {"a", std::string(100, 'x')}}, flag::end_stream));
  EXPECT_EQ(client->end().how, How::unknown);
}

TEST_P(ClientSessionTest, BoundsInterimAnswersByTheHeaderLimit) {
  const auto client = settled({.header_bytes = 100});
  client->session.submit(1, a_post());
  (void)client->says();
  for (int i = 0; i < 20; ++i) client->hears(f::headers(1, {{":status", "103"}}));
  EXPECT_EQ(client->end().how, How::unknown);
}

TEST_P(ClientSessionTest, EndsMalformedAnswersAsUnknownAtOnce) {
  const std::vector<std::string> malformed{
      f::headers(1, {{"no-status", "x"}}, flag::end_stream),
      f::headers(1, {{":status", "abc"}}, flag::end_stream),
      f::headers(1, {{":status", "100"}}, flag::end_stream),
      f::headers(1, {{":status", "200"}, {"content-length", "5"}}) +
          f::data(1, "four", flag::end_stream),
      f::data(1, "before headers", flag::end_stream),
  };
  for (const auto& answer : malformed) {
    const auto client = settled();
    client->session.submit(1, a_post());
    (void)client->says();
    client->hears(answer);
    EXPECT_EQ(client->end().how, How::unknown);
  }
}

// --- Giving up ---

TEST_P(ClientSessionTest, CancelsAWrittenRequestAsUnknown) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->session.cancel(1, "deadline");
  const auto end = client->end();
  EXPECT_EQ(end.how, How::unknown);
  EXPECT_EQ(end.reason, "deadline");
  const auto frames = client->says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].type, FrameType::rst_stream);
  EXPECT_EQ(frames[0].number(), code::cancel);
}

TEST_P(ClientSessionTest, CancelsAnUnwrittenRequestWithoutATrace) {
  const auto client = settled();
  client->session.submit(1, a_post());
  client->session.cancel(1, "deadline");
  EXPECT_EQ(client->end().how, How::unsent);
  EXPECT_TRUE(client->says().empty());
  EXPECT_TRUE(client->ends().empty());
}

TEST_P(ClientSessionTest, ReleasesWhatIsNotWrittenInFull) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->session.submit(2, a_post());
  client->session.release_unsent("silent");
  const auto end = client->end();
  EXPECT_EQ(end.id, 2U);
  EXPECT_EQ(end.how, How::unsent);
  EXPECT_EQ(end.reason, "silent");
  EXPECT_TRUE(client->says().empty());
  EXPECT_EQ(client->session.open_streams(), 1U);
}

TEST_P(ClientSessionTest, ReleasesARequestThatFlowControlHasCut) {
  const auto client = settled();
  Request large = a_post();
  large.body.assign(100'000, 'x');  // The server takes 65,535.
  client->session.submit(1, large);
  (void)client->says();
  client->session.release_unsent("silent");
  EXPECT_EQ(client->end().how, How::unsent);
  const auto frames = client->says();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].type, FrameType::rst_stream);
}

TEST_P(ClientSessionTest, IgnoresTheLateAnswerToACancelledRequest) {
  const auto client = settled();
  client->session.submit(1, a_post());
  (void)client->says();
  client->session.cancel(1, "deadline");
  (void)client->ends();
  client->hears(f::headers(1, ok) + f::data(1, "late", flag::end_stream));
  EXPECT_TRUE(client->ends().empty());
  EXPECT_FALSE(client->session.dead());
}

TEST_P(ClientSessionTest, CancelHasNoEffectOnAnEndedRequest) {
  const auto client = settled();
  client->session.submit(1, a_get());
  (void)client->says();
  client->hears(f::headers(1, ok, flag::end_stream));
  (void)client->ends();
  client->session.cancel(1, "late");
  client->session.cancel(99, "never submitted");
  EXPECT_TRUE(client->ends().empty());
  EXPECT_TRUE(client->says().empty());
}

TEST_P(ClientSessionTest, FinishesOpenRequestsAfterShutDown) {
  const auto client = settled();
  client->session.submit(1, a_post());
  client->session.shut_down();
  EXPECT_TRUE(client->session.draining());
  const auto frames = client->says();
  EXPECT_EQ(of_type(frames, FrameType::headers).size(), 1U);
  ASSERT_EQ(frames.back().type, FrameType::goaway);
  EXPECT_FALSE(client->session.dead());
  client->hears(f::headers(1, ok, flag::end_stream));
  EXPECT_EQ(client->end().how, How::answered);
  EXPECT_TRUE(client->session.dead());
}

TEST_P(ClientSessionTest, ShutDownWithoutRequestsIsTheEnd) {
  const auto client = settled();
  client->session.shut_down();
  EXPECT_EQ(client->says().size(), 1U);
  EXPECT_TRUE(client->session.dead());
}

// --- A server that is broken or hostile ---

TEST_P(ClientSessionTest, DiesOfGarbage) {
  Client client(GetParam());
  client.session.submit(1, a_post());
  (void)client.says();
  client.hears("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_TRUE(client.session.dead());
  EXPECT_EQ(client.end().how, How::unknown);
  ASSERT_EQ(of_type(client.says(), FrameType::goaway).size(), 1U) << "it should say why it leaves";
  client.hears("more");
  EXPECT_TRUE(client.ends().empty());
}

TEST_P(ClientSessionTest, RefusesPushes) {
  const auto client = settled();
  client->session.submit(1, a_get());
  (void)client->says();
  client->hears(f::settings_ack() +
                f::write_frame({FrameType::push_promise, flag::end_headers, 1,
                                std::string("\0\0\0\x02", 4) + f::header_block({{":path", "/"}})}));
  EXPECT_TRUE(client->session.dead());
  EXPECT_EQ(client->end().how, How::unknown);
}

TEST_P(ClientSessionTest, DiesOfAFloodOfPings) {
  const auto client = settled();
  std::string flood;
  for (int i = 0; i < 5'000; ++i) flood += f::ping("12345678");
  client->hears(flood);
  EXPECT_TRUE(client->session.dead());
  const auto goaways = of_type(client->says(), FrameType::goaway);
  ASSERT_EQ(goaways.size(), 1U);
  EXPECT_EQ(goaways[0].number(4), code::enhance_your_calm);
}

// An owner that cannot write must not make the session hoard acknowledgements.
TEST_P(ClientSessionTest, BoundsItsOutputUnderAFloodThatNobodyDrains) {
  const auto client = settled();
  std::string flood;
  for (int i = 0; i < 500; ++i) flood += f::settings({{setting::initial_window_size, 65'535}});
  for (int i = 0; i < 1'000 && !client->session.dead(); ++i) client->hears(flood);
  EXPECT_TRUE(client->session.dead());
  std::string out;
  client->session.take_output(out);
  EXPECT_LT(out.size(), 256U << 10);
}

TEST_P(ClientSessionTest, DiesOfAFloodOfContinuations) {
  const auto client = settled();
  client->session.submit(1, a_get());
  (void)client->says();
  client->hears(f::headers_in_pieces(1, {{":status", "200"}, {"a", std::string(1'000, 'x')}}, 50));
  EXPECT_TRUE(client->session.dead());
  EXPECT_EQ(client->end().how, How::unknown);
}

// --- Exactly one end ---

// The connection is cut at every byte of a script in which requests end in every way there is.
TEST_P(ClientSessionTest, EndsEveryRequestOnceWhereverTheConnectionIsCut) {
  const std::string script =
      f::settings({{setting::max_concurrent_streams, 6}, {setting::initial_window_size, 20}}) +
      f::headers(1, ok) + f::data(1, "a", flag::end_stream) +
      f::rst_stream(3, code::refused_stream) + f::headers(5, ok) + f::rst_stream(5, code::cancel) +
      f::headers(7, {{":status", "413"}}, flag::end_stream) + f::rst_stream(7, code::no_error) +
      f::padded_data(9, "x", 3) + f::ping("12345678") + f::goaway(11, code::no_error) +
      f::headers(11, ok, flag::end_stream);
  for (std::size_t cut = 0; cut <= script.size(); ++cut) {
    Client client(GetParam(), {.streams = 8});
    for (RequestId id = 1; id <= 8; ++id) {
      client.session.submit(id, a_post("a body of more than twenty bytes"));
    }
    (void)client.says();
    client.hears_byte_by_byte(script.substr(0, cut));
    client.session.cancel(6, "deadline");
    client.session.connection_lost("cut");
    std::map<RequestId, int> counts;
    for (const auto& end : client.ends()) ++counts[end.id];
    EXPECT_EQ(counts.size(), 8U) << "cut at " << cut;
    for (const auto& [id, count] : counts) EXPECT_EQ(count, 1) << "request " << id << ", " << cut;
    EXPECT_EQ(client.session.open_streams(), 0U);
  }
}

}  // namespace
}  // namespace fanfare::http2
