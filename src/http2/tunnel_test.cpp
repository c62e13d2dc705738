// The server as a proxy to itself: CONNECT, and what is then spoken inside the tunnel. With curl in
// place of our own bytes see tools_test.
#include <gtest/gtest.h>

#include "http2/client_session.h"
#include "http2/testing/certificates.h"
#include "http2/testing/frames.h"
#include "http2/testing/raw_client.h"

namespace fanfare::http2 {
namespace {

using namespace std::chrono_literals;
using testing::run_until;

const std::string connect =
    "CONNECT fcm.googleapis.com:443 HTTP/1.1\r\nHost: fcm.googleapis.com:443\r\n\r\n";
const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";
const std::string get = "GET /x HTTP/1.1\r\nHost: fcm.googleapis.com\r\n\r\n";

ServerOptions proxy(std::shared_ptr<TlsContext> tls = nullptr) {
  ServerOptions options;
  options.tls = std::move(tls);
  options.tunnels_to = [](std::string_view host) { return host == "fcm.googleapis.com"; };
  return options;
}

struct World : testing::ServerWorld {
  explicit World(ServerOptions options = proxy())
      : ServerWorld(std::move(options)), client(io, server->port()) {}
  testing::RawClient client;
};

/// An HTTP/2 client over TLS that sits on a raw one, as one sits in a tunnel.
class Http2OverTls {
 public:
  Http2OverTls(testing::RawClient& wire, std::size_t begins_at)
      : wire_(wire),
        read_(begins_at),
        tls_(TlsEngine::make_client(testing::client_tls(), "fcm.googleapis.com")) {
    session_->submit(1, {"GET", "https", "fcm.googleapis.com", "/secret", {}, ""});
  }
  /// What goes to the wire next; at first, a ClientHello.
  std::string output() {
    std::string plain;
    std::string out;
    session_->take_output(plain);
    if (!plain.empty()) tls_->send(plain);
    tls_->take_output(out);
    return out;
  }
  [[nodiscard]] bool is_answered(const std::string& body) {
    std::string plain;
    const std::string wire = wire_.received.substr(std::min(read_, wire_.received.size()));
    read_ += wire.size();
    EXPECT_TRUE(
        tls_->receive({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()}, plain)
            .has_value());
    session_->receive({reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size()});
    wire_.send(output());
    EndedList ended;
    session_->take_ended(ended);
    return !ended.empty() && ended.all()[0].response.body == body;
  }
  [[nodiscard]] std::string_view alpn() const { return tls_->alpn(); }

 private:
  testing::RawClient& wire_;
  std::size_t read_;
  std::unique_ptr<TlsEngine> tls_;
  std::unique_ptr<ClientSession> session_ = make_client_session(Http2Engine::nghttp2);
};

std::shared_ptr<TlsContext> googles_tls() {
  return testing::server_tls({{"fcm.googleapis.com"}, {}});
}

TEST(Tunnel, CarriesHttp1) {
  World world;
  world.client.send(connect);
  ASSERT_TRUE(world.client.gets(established));
  world.client.send(get);
  ASSERT_TRUE(world.client.gets("you sent /x"));
  EXPECT_EQ(world.arrived.size(), 1U);
}

TEST(Tunnel, CarriesHttp2) {
  World world;
  world.client.send(connect);
  ASSERT_TRUE(world.client.gets(established));
  const testing::Fields fields{
      {":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/x"}};
  world.client.send(std::string(testing::client_preface) + testing::settings() +
                    testing::headers(1, fields, testing::flag::end_stream));
  EXPECT_TRUE(world.client.gets("you sent /x"));
}

TEST(Tunnel, CarriesHttp2OverTls) {
  World world(proxy(googles_tls()));
  world.client.send(connect);
  ASSERT_TRUE(world.client.gets(established));
  Http2OverTls inside(world.client, established.size());
  EXPECT_TRUE(run_until(world.io, [&] { return inside.is_answered("you sent /secret"); }));
  EXPECT_EQ(inside.alpn(), "h2");
  EXPECT_EQ(world.arrived[0].first.scheme, "https");
}

// A client that is sure of its proxy need not wait for the answer to CONNECT.
TEST(Tunnel, BeginsWithTheBytesBehindTheConnect) {
  World world(proxy(googles_tls()));
  Http2OverTls inside(world.client, established.size());
  world.client.send(connect + inside.output());
  ASSERT_TRUE(world.client.gets(established));
  EXPECT_TRUE(run_until(world.io, [&] { return inside.is_answered("you sent /secret"); }));
}

TEST(Tunnel, TakesABodyForItsFirstBytes) {
  World world;
  world.client.send("CONNECT fcm.googleapis.com:443 HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                    std::to_string(get.size()) + "\r\n\r\n" + get);
  ASSERT_TRUE(world.client.gets("you sent /x"));
  EXPECT_TRUE(world.client.received.starts_with(established));
}

TEST(Tunnel, MayBeCutAnywhere) {
  World world;
  for (const char c : connect + get) {
    world.client.send({&c, 1});
    world.io.poll();
  }
  EXPECT_TRUE(world.client.gets("you sent /x"));
}

// As Python's http.client asks.
TEST(Tunnel, OpensForHttp10) {
  World world;
  world.client.send("CONNECT fcm.googleapis.com:443 HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(world.client.gets(established));
}

TEST(Tunnel, KnowsItsHostInAnyCase) {
  World world;
  world.client.send("CONNECT FCM.GoogleAPIs.com:443 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(world.client.gets(established));
}

TEST(Tunnel, ComesAfterTheAnswersBefore) {
  World world;
  world.client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + connect + get);
  ASSERT_TRUE(world.client.gets("you sent /x"));
  const auto first = world.client.received.find("you sent /first");
  EXPECT_LT(first, world.client.received.find(established));
}

TEST(Tunnel, IsReadAfterAClientThatPipelinedTooMuch) {
  World world;
  world.answers = false;
  std::string inside = std::string(testing::client_preface) + testing::settings();
  const auto unknown = static_cast<testing::FrameType>(0x42);  // To be ignored (RFC 9113, 5.5).
  for (int i = 0; i < 15; ++i) {
    inside += testing::write_frame({unknown, 0, 0, std::string(16'000, 'x')});
  }
  const testing::Fields fields{
      {":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/x"}};
  inside += testing::headers(1, fields, testing::flag::end_stream);
  world.client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + connect + inside);
  ASSERT_TRUE(world.wait_for_arrivals(1));
  while (world.io.poll() > 0) {  // Until it is no longer read from.
  }
  world.arrived[0].second->respond({200, {}, ""});
  EXPECT_TRUE(world.wait_for_arrivals(2));
}

TEST(Tunnel, DoesNotLeadToOtherHosts) {
  for (const std::string authority : {"example.com:443", "[::1]:443", "example.com", ":443"}) {
    World world;
    world.client.send("CONNECT " + authority + " HTTP/1.1\r\nHost: a\r\n\r\n" + get);
    ASSERT_TRUE(world.client.is_closed()) << authority;
    EXPECT_TRUE(world.client.received.starts_with("HTTP/1.1 403 "));
    EXPECT_NE(world.client.received.find("NO_PROXY"), std::string::npos);
    EXPECT_TRUE(world.arrived.empty());
  }
}

TEST(Tunnel, IsTheHandlersToRefuseWhenTheServerIsNoProxy) {
  World world{ServerOptions()};
  world.client.send(connect + get);
  ASSERT_TRUE(world.client.is_closed());
  ASSERT_EQ(world.arrived.size(), 1U);
  EXPECT_EQ(world.arrived[0].first.method, "CONNECT");
}

TEST(Tunnel, MustBeUsedInTime) {
  auto options = proxy();
  options.first_request_timeout = 10ms;
  World world(options);
  world.client.send(connect);
  ASSERT_TRUE(world.client.is_closed());
  EXPECT_EQ(world.client.received, established);
}

TEST(Tunnel, OfTlsNeedsAServerWithTls) {
  World world;
  world.client.send(connect + "\x16\x03\x01");
  EXPECT_TRUE(world.client.is_closed());
}

TEST(Tunnel, InATunnelIsBoundedByWhatTheClientSends) {
  World world;
  std::string nested;
  for (int i = 0; i < 1'000; ++i) nested += connect;
  world.client.send(nested + get);
  EXPECT_TRUE(world.client.gets("you sent /x"));
}

// What a proxy is sent for plain HTTP (RFC 9112, 3.2.2).
TEST(Tunnel, IsNotNeededForPlainHttp) {
  World world;
  world.client.send("GET http://fcm.googleapis.com/x HTTP/1.1\r\nHost: fcm.googleapis.com\r\n\r\n");
  EXPECT_TRUE(world.client.gets("you sent /x"));
}

}  // namespace
}  // namespace fanfare::http2
