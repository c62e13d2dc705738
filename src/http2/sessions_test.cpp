// Our client and our server against each other. That both could share a mistake is why each is
// also held against hand-written frames, in client_session_test and server_session_test.
#include <gtest/gtest.h>

#include "http2/client_session.h"
#include "http2/server_session.h"
#include "http2/testing/client_script.h"

namespace fanfare::http2 {
namespace {

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

using SessionsTest = testing::EngineTest;
INSTANTIATE_TEST_SUITE_P(Engines, SessionsTest, testing::every_engine(), testing::engine_name);

/// Both ends of one connection and a wire without delay.
struct Pair {
  explicit Pair(Http2Engine engine, const ClientLimits& client_limits = {},
                const ServerLimits& server_limits = {})
      : client_session(make_client_session(engine, client_limits)), server(server_limits) {}

  std::unique_ptr<ClientSession> client_session;
  ClientSession& client = *client_session;
  ServerSession server;
  std::vector<Incoming> requests;
  EndedList ended_list;
  [[nodiscard]] auto ended() { return ended_list.all(); }

  /// Carries bytes both ways until neither side has more to say.
  void exchange() {
    for (bool busy = true; busy;) {
      std::string up;
      std::string down;
      client.take_output(up);
      server.receive(as_bytes(up));
      server.take_requests(requests);
      server.take_output(down);
      client.receive(as_bytes(down));
      client.take_ended(ended_list);
      busy = !up.empty() || !down.empty();
    }
  }
  void answer_all() {
    for (auto& incoming : std::exchange(requests, {})) {
      server.respond(incoming.stream,
                     {200, {{"x-path", incoming.request.path}}, incoming.request.body});
    }
  }
};

Request a_post(std::string body) {
  return {"POST",         "https", "fcm.test", "/v1/send", {{"content-type", "application/json"}},
          std::move(body)};
}

TEST_P(SessionsTest, CarryARequestAndItsAnswerWhole) {
  Pair pair(GetParam());
  pair.client.submit(7, a_post("{}"));
  pair.exchange();
  ASSERT_EQ(pair.requests.size(), 1U);
  const auto& request = pair.requests[0].request;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.scheme, "https");
  EXPECT_EQ(request.authority, "fcm.test");
  EXPECT_EQ(request.path, "/v1/send");
  EXPECT_EQ(find_header(request.headers, "content-type"), "application/json");
  EXPECT_EQ(find_header(request.headers, "content-length"), "2");
  EXPECT_EQ(request.body, "{}");

  pair.answer_all();
  pair.exchange();
  ASSERT_EQ(pair.ended().size(), 1U);
  EXPECT_EQ(pair.ended()[0].id, 7U);
  EXPECT_EQ(pair.ended()[0].how, Ended::How::answered);
  EXPECT_EQ(pair.ended()[0].response.status, 200);
  EXPECT_EQ(find_header(pair.ended()[0].response, "x-path"), "/v1/send");
}

TEST_P(SessionsTest, CarryAHundredRequestsAtOnce) {
  Pair pair(GetParam());
  pair.exchange();
  for (RequestId id = 0; id < 100; ++id) pair.client.submit(id, a_post(std::to_string(id)));
  pair.exchange();
  ASSERT_EQ(pair.requests.size(), 100U);
  pair.answer_all();
  pair.exchange();
  ASSERT_EQ(pair.ended().size(), 100U);
  for (const auto& end : pair.ended()) EXPECT_EQ(end.response.body, std::to_string(end.id));
  EXPECT_EQ(pair.client.free_streams(), 100U);
}

TEST_P(SessionsTest, CarryBodiesLargerThanEveryWindow) {
  Pair pair(GetParam(), {.body_bytes = 40U << 20}, {.body_bytes = 40U << 20});
  const std::string body(30U << 20, 'x');
  pair.client.submit(1, a_post(body));
  pair.exchange();
  pair.answer_all();
  pair.exchange();
  ASSERT_EQ(pair.ended().size(), 1U);
  EXPECT_TRUE(pair.ended()[0].response.body == body);
}

TEST_P(SessionsTest, AgreeOnWhatAGoawayLeftUnsent) {
  Pair pair(GetParam());
  for (RequestId id = 1; id <= 3; ++id) pair.client.submit(id, a_post("{}"));
  pair.exchange();
  ASSERT_EQ(pair.requests.size(), 3U);
  pair.server.go_away(pair.requests[1].stream - 1, ErrorCode::no_error, "restart");
  pair.answer_all();
  pair.exchange();
  std::map<RequestId, Ended::How> ends;
  for (const auto& end : pair.ended()) ends[end.id] = end.how;
  EXPECT_EQ(ends,
            (std::map<RequestId, Ended::How>{
                {1, Ended::How::answered}, {2, Ended::How::unsent}, {3, Ended::How::unsent}}));
  EXPECT_TRUE(pair.client.dead());
  EXPECT_TRUE(pair.server.dead());
}

TEST_P(SessionsTest, CloseAfterTheClientShutsDown) {
  Pair pair(GetParam());
  pair.client.submit(1, a_post("{}"));
  pair.client.shut_down();
  pair.exchange();
  pair.answer_all();
  pair.exchange();
  ASSERT_EQ(pair.ended().size(), 1U);
  EXPECT_EQ(pair.ended()[0].how, Ended::How::answered);
  EXPECT_TRUE(pair.client.dead());
  EXPECT_TRUE(pair.server.dead());
}

TEST_P(SessionsTest, KeepWithinALimitThatTheServerLowers) {
  Pair pair(GetParam());
  pair.exchange();
  pair.server.set_max_streams(3);
  pair.exchange();
  EXPECT_EQ(pair.client.free_streams(), 3U);
}

// What our own server sends, and nghttp2 compresses, must come within the comparison of blocks.
TEST(Sessions, ShareTheHeadersOfAnswersThatRepeat) {
  Pair pair(Http2Engine::frames);
  for (RequestId id = 1; id <= 4; ++id) {
    pair.client.submit(id, a_post("{}"));
    pair.exchange();
    pair.answer_all();
    pair.exchange();
  }
  ASSERT_EQ(pair.ended().size(), 4U);
  EXPECT_NE(pair.ended()[3].response.common, nullptr);
  EXPECT_EQ(pair.ended()[3].response.common, pair.ended()[2].response.common);
}

}  // namespace
}  // namespace fanfare::http2
