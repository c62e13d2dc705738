#include "http2/http1_session.h"

#include <gtest/gtest.h>

namespace fanfare::http2 {
namespace {

/// A session with an owner that answers at once or when told.
struct Fixture {
  explicit Fixture(const ServerLimits& limits = {}) : session(limits, "http") {}

  void feed(std::string_view text) {
    session.receive({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    session.take_requests(requests);
  }
  void answer(Response response) {
    session.respond(requests.back().stream, std::move(response));
    session.take_requests(requests);
  }
  std::string output() {
    std::string out;
    session.take_output(out);
    return out;
  }

  Http1Session session;
  std::vector<Incoming> requests;
};

TEST(Http1Session, ReadsARequestCutAnywhere) {
  const std::string text =
      "POST /v1/x?y=1 HTTP/1.1\r\nHost: a.example:80\r\nX-Thing: One\r\nContent-Length: 5\r\n\r\n"
      "hello";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    Fixture f;
    f.feed(std::string_view(text).substr(0, cut));
    ASSERT_TRUE(f.requests.empty());
    EXPECT_TRUE(f.session.mid_request());
    f.feed(std::string_view(text).substr(cut));
    ASSERT_EQ(f.requests.size(), 1U) << cut;
    const Request& request = f.requests[0].request;
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.scheme, "http");
    EXPECT_EQ(request.authority, "a.example:80");
    EXPECT_EQ(request.path, "/v1/x?y=1");
    EXPECT_EQ(find_header(request.headers, "x-thing"), "One");
    EXPECT_EQ(request.body, "hello");
  }
}

TEST(Http1Session, AnswersAndStaysOpen) {
  Fixture f;
  f.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  f.answer({200, {{"content-type", "text/plain"}}, "hi"});
  EXPECT_EQ(f.output(),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nhi");
  EXPECT_FALSE(f.session.dead());
}

TEST(Http1Session, PipelinedRequestsWaitForTheAnswerBefore) {
  Fixture f;
  f.feed("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(f.requests.size(), 1U);
  f.answer({200, {}, "one"});
  ASSERT_EQ(f.requests.size(), 2U);
  EXPECT_EQ(f.requests[1].request.path, "/2");
}

TEST(Http1Session, AnswerToAnotherRequestHasNoEffect) {
  Fixture f;
  f.feed("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  f.answer({200, {}, "one"});
  static_cast<void>(f.output());
  f.answer({200, {}, "again"});
  EXPECT_EQ(f.output(), "");
}

TEST(Http1Session, ReadsAChunkedBody) {
  Fixture f;
  f.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  ASSERT_TRUE(f.requests.empty());
  f.feed("2\r\nde\r\n0\r\n\r\n");
  ASSERT_EQ(f.requests.size(), 1U);
  EXPECT_EQ(f.requests[0].request.body, "abcde");
}

TEST(Http1Session, AsksForABodyThatIsHeldBack) {
  Fixture f;
  f.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(f.output(), "HTTP/1.1 100 Continue\r\n\r\n");
  f.feed("ok");
  EXPECT_EQ(f.output(), "");
  ASSERT_EQ(f.requests.size(), 1U);
}

TEST(Http1Session, RefusesABodyBeyondTheLimitBeforeItIsSent) {
  ServerLimits limits;
  limits.body_bytes = 10;
  Fixture f(limits);
  f.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(f.output().starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(f.session.dead());
}

TEST(Http1Session, RefusesAChunkedBodyBeyondTheLimit) {
  ServerLimits limits;
  limits.body_bytes = 10;
  Fixture f(limits);
  f.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n");
  f.feed("8\r\n12345678\r\n");
  EXPECT_TRUE(f.output().starts_with("HTTP/1.1 413 "));
}

TEST(Http1Session, RefusesHeadersBeyondTheLimit) {
  ServerLimits limits;
  limits.header_bytes = 100;
  Fixture f(limits);
  f.feed("GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(200, 'x') + "\r\n\r\n");
  EXPECT_TRUE(f.output().starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(f.session.dead());
}

TEST(Http1Session, RefusesChunkExtensionsAndTrailersWithoutEnd) {
  for (const char* beginning : {"1;", "0\r\nX: "}) {
    ServerLimits limits;
    limits.header_bytes = 1'000;
    Fixture f(limits);
    f.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    f.feed(beginning);
    for (int i = 0; i < 20 && !f.session.dead(); ++i) f.feed(std::string(100, 'x'));
    EXPECT_TRUE(f.output().starts_with("HTTP/1.1 431 ")) << beginning;
  }
}

TEST(Http1Session, RefusesInTheWordsOfItsOwner) {
  ServerLimits limits;
  limits.refusal = [](int status, std::string_view words) {
    return Response{status, {{"content-type", "text/x"}}, "<" + std::string(words) + ">"};
  };
  Fixture f(limits);
  f.feed("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  const std::string said = f.output();
  EXPECT_TRUE(said.starts_with("HTTP/1.1 400 ")) << said;
  EXPECT_NE(said.find("content-type: text/x\r\n"), std::string::npos) << said;
  EXPECT_TRUE(said.ends_with("<an HTTP/1.1 request needs one Host>")) << said;
}

TEST(Http1Session, RefusesNonsense) {
  Fixture f;
  f.feed("nonsense\r\n\r\n");
  EXPECT_TRUE(f.output().starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(f.session.dead());
}

// Two readings of one message are how requests are smuggled past a proxy (RFC 9112, 11.2).
TEST(Http1Session, RefusesWhatCouldBeReadInTwoWays) {
  for (const char* fields :
       {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n", "Host: b\r\n",
        "X: y\r\n Content-Length: 3\r\n", "Content-Length:\r\n\t3\r\n"}) {
    Fixture f;
    f.feed(std::string("POST / HTTP/1.1\r\nHost: a\r\n") + fields + "\r\nabc");
    EXPECT_TRUE(f.requests.empty()) << fields;
    EXPECT_TRUE(f.session.dead()) << fields;
  }
}

TEST(Http1Session, TakesABodyWhoseLinesAreIndented) {
  Fixture f;
  f.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\r\n x");
  ASSERT_EQ(f.requests.size(), 1U);
  EXPECT_EQ(f.requests[0].request.body, "\r\n x");
}

TEST(Http1Session, Version11NeedsAHost) {
  Fixture f;
  f.feed("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(f.output().starts_with("HTTP/1.1 400 "));
}

TEST(Http1Session, Version10ClosesUnlessAskedToStay) {
  Fixture closing;
  closing.feed("GET / HTTP/1.0\r\n\r\n");
  closing.answer({200, {}, ""});
  EXPECT_NE(closing.output().find("connection: close"), std::string::npos);
  EXPECT_TRUE(closing.session.dead());

  Fixture staying;
  staying.feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  staying.answer({200, {}, ""});
  EXPECT_NE(staying.output().find("connection: keep-alive"), std::string::npos);
  EXPECT_FALSE(staying.session.dead());
}

TEST(Http1Session, ClosesWhenTheClientAsks) {
  Fixture f;
  f.feed("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  f.answer({204, {}, ""});
  EXPECT_EQ(f.output(), "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
  EXPECT_TRUE(f.session.dead());
}

TEST(Http1Session, IgnoresAnOfferToUpgrade) {
  Fixture f;
  f.feed(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
  ASSERT_EQ(f.requests.size(), 1U);
  EXPECT_TRUE(f.requests[0].request.headers.empty());
  f.answer({200, {}, "hi"});
  EXPECT_TRUE(f.output().starts_with("HTTP/1.1 200 "));
  EXPECT_FALSE(f.session.dead());
}

TEST(Http1Session, HeadHasALengthAndNoBody) {
  Fixture f;
  f.feed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  f.answer({200, {}, "four"});
  EXPECT_EQ(f.output(), "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n");
}

TEST(Http1Session, StallsAfterHalfABodyOfTheWholeLength) {
  Fixture f;
  f.feed("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  f.session.respond_half(f.requests[0].stream, {200, {}, "12345678"});
  EXPECT_EQ(f.output(), "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n1234");
  EXPECT_EQ(f.session.open_streams(), 0U);
  EXPECT_FALSE(f.session.dead());
  f.feed("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(f.requests.size(), 1U);
}

TEST(Http1Session, AbsoluteTargetNamesTheAuthority) {
  Fixture f;
  f.feed("GET http://b.example:8080/x?y HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(f.requests.size(), 1U);
  EXPECT_EQ(f.requests[0].request.authority, "b.example:8080");
  EXPECT_EQ(f.requests[0].request.path, "/x?y");
}

TEST(Http1Session, ConnectEndsWithItsHeaders) {
  Fixture f;
  f.feed(
      "CONNECT b.example:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\x16\x03"
      "ab");
  ASSERT_EQ(f.requests.size(), 1U);
  EXPECT_EQ(f.requests[0].request.method, "CONNECT");
  EXPECT_EQ(f.requests[0].request.path, "b.example:443");
  EXPECT_EQ(f.requests[0].request.body, "");
  EXPECT_EQ(f.session.open_tunnel(f.requests[0].stream),
            "\x16\x03"
            "ab");
  EXPECT_EQ(f.output(), "HTTP/1.1 200 Connection established\r\n\r\n");
  EXPECT_TRUE(f.session.dead());
}

// The bytes behind it were meant for somebody else; to read them as requests is how they are
// smuggled.
TEST(Http1Session, RefusedConnectClosesTheConnection) {
  Fixture f;
  f.feed("CONNECT b.example:443 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  f.answer({405, {}, ""});
  EXPECT_NE(f.output().find("connection: close"), std::string::npos);
  EXPECT_TRUE(f.session.dead());
  EXPECT_EQ(f.requests.size(), 1U);
}

TEST(Http1Session, HoldsBackAClientThatPipelinesWithoutEnd) {
  Fixture f;
  f.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  f.feed(std::string(100'000, 'x'));
  EXPECT_FALSE(f.session.wants_bytes());
}

TEST(Http1Session, ShutDownWaitsForTheOpenRequestOnly) {
  Fixture f;
  f.feed("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  f.session.shut_down();
  EXPECT_FALSE(f.session.dead());
  f.answer({200, {}, ""});
  EXPECT_NE(f.output().find("connection: close"), std::string::npos);
  EXPECT_TRUE(f.session.dead());
  EXPECT_EQ(f.requests.size(), 1U);
}

}  // namespace
}  // namespace fanfare::http2
