#include "http2/tls.h"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/file.h"
#include "http2/testing/certificates.h"

namespace fanfare::http2 {
namespace {

using testing::client_tls;
using testing::server_tls;
using testing::valid_now;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// A client and a server with a wire between them that delivers at once.
struct Wire {
  explicit Wire(std::unique_ptr<TlsEngine> client_end, std::unique_ptr<TlsEngine> server_end)
      : client(std::move(client_end)), server(std::move(server_end)) {}

  /// Moves bytes until neither end has more to say, or one fails.
  void run() {
    for (;;) {
      std::string to_server;
      client->take_output(to_server);
      if (!to_server.empty() && server_result) {
        server_result = server->receive(bytes_of(to_server), at_server);
      }
      std::string to_client;
      server->take_output(to_client);
      if (!to_client.empty() && client_result) {
        client_result = client->receive(bytes_of(to_client), at_client);
      }
      if (to_server.empty() && to_client.empty()) return;
    }
  }

  std::unique_ptr<TlsEngine> client;
  std::unique_ptr<TlsEngine> server;
  std::string at_client;
  std::string at_server;
  Result<void> client_result;
  Result<void> server_result;
};

Wire connect(std::shared_ptr<TlsContext> server, const std::string& host = "localhost",
             std::shared_ptr<TlsContext> client = client_tls()) {
  Wire wire(TlsEngine::make_client(std::move(client), host),
            TlsEngine::make_server(std::move(server)));
  wire.run();
  return wire;
}

TEST(Tls, BothEndsAgreeOnHttp2) {
  const Wire wire = connect(server_tls());
  EXPECT_TRUE(wire.client->handshake_done());
  EXPECT_TRUE(wire.server->handshake_done());
  EXPECT_EQ(wire.client->alpn(), "h2");
  EXPECT_EQ(wire.server->alpn(), "h2");
}

TEST(Tls, CarriesBytesBothWaysWhateverTheirSize) {
  Wire wire = connect(server_tls());
  const std::string large(300'000, 'x');
  wire.client->send(large);
  wire.server->send("pong");
  wire.run();
  EXPECT_EQ(wire.at_server, large);
  EXPECT_EQ(wire.at_client, "pong");
}

TEST(Tls, BytesSentBeforeTheHandshakeArriveAfterIt) {
  Wire wire(TlsEngine::make_client(client_tls(), "localhost"),
            TlsEngine::make_server(server_tls()));
  wire.client->send("early");
  wire.run();
  EXPECT_EQ(wire.at_server, "early");
}

TEST(Tls, WireMayBeCutIntoSingleBytes) {
  Wire wire(TlsEngine::make_client(client_tls(), "localhost"),
            TlsEngine::make_server(server_tls()));
  wire.client->send("hello");
  for (int turn = 0; turn < 6; ++turn) {
    std::string out;
    wire.client->take_output(out);
    for (const char& byte : out) {
      ASSERT_TRUE(wire.server->receive(bytes_of({&byte, 1}), wire.at_server));
    }
    out.clear();
    wire.server->take_output(out);
    for (const char& byte : out) {
      ASSERT_TRUE(wire.client->receive(bytes_of({&byte, 1}), wire.at_client));
    }
  }
  EXPECT_EQ(wire.at_server, "hello");
}

TEST(Tls, ClosingIsSeenByTheOtherEnd) {
  Wire wire = connect(server_tls());
  EXPECT_FALSE(wire.client->closed());
  wire.server->shut_down();
  wire.run();
  EXPECT_TRUE(wire.client->closed());
}

// The system's anchors: OpenSSL's two variables name others, for as long as this lives.
class SystemAnchors {
 public:
  SystemAnchors() {
    std::string pattern = ::testing::TempDir() + "fanfare-anchors-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
  }
  SystemAnchors(const SystemAnchors&) = delete;
  SystemAnchors& operator=(const SystemAnchors&) = delete;
  ~SystemAnchors() {
    ::unsetenv("SSL_CERT_DIR");
    ::unsetenv("SSL_CERT_FILE");
    std::filesystem::remove_all(folder_);
  }
  void in_a_folder() {
    write("anchor.pem");
    const std::string hash = fmt::format("{:08x}", subject_hash());
    std::filesystem::create_symlink("anchor.pem", folder_ / (hash + ".0"));
    ::setenv("SSL_CERT_DIR", folder_.c_str(), 1);
  }
  void in_a_bundle() {
    write("bundle.pem");
    ::setenv("SSL_CERT_FILE", (folder_ / "bundle.pem").c_str(), 1);
    ::setenv("SSL_CERT_DIR", "/nowhere", 1);
  }

 private:
  void write(const char* name) {
    if (!write_file(folder_ / name, testing::test_authority().certificate_pem)) std::abort();
  }
  static unsigned long subject_hash() {
    const std::string& pem = testing::test_authority().certificate_pem;
    BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* const certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    const unsigned long hash = X509_subject_name_hash(certificate);
    X509_free(certificate);
    BIO_free(bio);
    return hash;
  }
  std::filesystem::path folder_;
};

TEST(Tls, TrustsTheSystemsAnchorsInAFolderOrInABundle) {
  {
    SystemAnchors system;
    system.in_a_folder();
    EXPECT_TRUE(connect(server_tls(), "localhost", TlsContext::make_client(std::nullopt).value())
                    .client->handshake_done());
  }
  {
    SystemAnchors system;
    system.in_a_bundle();
    EXPECT_TRUE(connect(server_tls(), "localhost", TlsContext::make_client(std::nullopt).value())
                    .client->handshake_done());
  }
  EXPECT_FALSE(connect(server_tls(), "localhost", TlsContext::make_client(std::nullopt).value())
                   .client->handshake_done());
}

TEST(Tls, LaterConnectionResumesTheSessionOfAnEarlierOne) {
  const auto server = server_tls();
  const auto client = client_tls();
  EXPECT_FALSE(connect(server, "localhost", client).client->resumed());
  const Wire later = connect(server, "localhost", client);
  EXPECT_TRUE(later.client->handshake_done());
  EXPECT_TRUE(later.client->resumed());
  EXPECT_EQ(later.client->alpn(), "h2");
}

// A server gives two tickets for each connection and one is used up: they never run out.
TEST(Tls, ResumptionGoesOnAndOn) {
  const auto server = server_tls();
  const auto client = client_tls();
  {
    const Wire first = connect(server, "localhost", client);
  }
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(connect(server, "localhost", client).client->resumed());
}

TEST(Tls, SessionsOfAnotherHostAreNotResumed) {
  const auto server = server_tls();
  const auto client = client_tls();
  {
    const Wire first = connect(server, "localhost", client);
  }
  const Wire other = connect(server, "127.0.0.1", client);
  EXPECT_TRUE(other.client->handshake_done());
  EXPECT_FALSE(other.client->resumed());
}

TEST(Tls, ServerThatForgotTheSessionShakesHandsAnew) {
  const auto client = client_tls();
  {
    const Wire first = connect(server_tls(), "localhost", client);
  }
  const Wire later = connect(server_tls(), "localhost", client);
  EXPECT_TRUE(later.client->handshake_done());
  EXPECT_FALSE(later.client->resumed());
}

TEST(Tls, AddressIsVerifiedAsAnAddress) {
  EXPECT_TRUE(connect(server_tls(), "127.0.0.1").client->handshake_done());
  EXPECT_TRUE(connect(server_tls(), "::1").client->handshake_done());
  EXPECT_FALSE(connect(server_tls(), "127.0.0.2").client->handshake_done());
}

TEST(Tls, WrongHostIsRefusedWithTheNamesThatWouldDo) {
  const Wire wire = connect(server_tls({{"a.example", "b.example"}, {}}), "localhost");
  ASSERT_FALSE(wire.client_result.has_value());
  EXPECT_EQ(wire.client_result.error().kind, Error::Kind::network);
  EXPECT_EQ(wire.client_result.error().what,
            "the certificate is not for localhost but for a.example, b.example");
  EXPECT_FALSE(wire.client_result.error().remedy.empty());
}

TEST(Tls, UnknownIssuerIsRefusedAndNamesCaFile) {
  const auto untrusting = TlsContext::make_client(std::nullopt).value();
  const Wire wire = connect(server_tls(), "localhost", untrusting);
  ASSERT_FALSE(wire.client_result.has_value());
  EXPECT_NE(wire.client_result.error().what.find("unknown issuer"), std::string::npos);
  EXPECT_NE(wire.client_result.error().remedy.find("--ca-file"), std::string::npos);
}

TEST(Tls, ExpiredCertificateIsRefusedWithItsTime) {
  const auto start = std::chrono::sys_days(std::chrono::year(2024) / 1 / 2);
  const Wire wire =
      connect(server_tls(testing::loopback_names(), {start - std::chrono::hours(48), start}));
  ASSERT_FALSE(wire.client_result.has_value());
  EXPECT_EQ(wire.client_result.error().what,
            "the certificate \"localhost\" expired at 2024-01-02T00:00:00Z");
}

TEST(Tls, CertificateOfTheFutureIsRefusedAndBlamesTheClock) {
  auto validity = valid_now();
  validity.from += std::chrono::hours(12);
  const Wire wire = connect(server_tls(testing::loopback_names(), validity));
  ASSERT_FALSE(wire.client_result.has_value());
  EXPECT_NE(wire.client_result.error().what.find("is not valid before"), std::string::npos);
  EXPECT_NE(wire.client_result.error().remedy.find("clock"), std::string::npos);
}

TEST(Tls, RefusalOfTheCertificateReachesTheServer) {
  const Wire wire = connect(server_tls({{"a.example"}, {}}), "localhost");
  ASSERT_FALSE(wire.server_result.has_value());
  EXPECT_EQ(wire.server_result.error().kind, Error::Kind::network);
}

TEST(Tls, EmptyHostNameDoesNotSwitchTheCheckOff) {
  const Wire wire = connect(server_tls(), "");
  EXPECT_FALSE(wire.client->handshake_done());
  EXPECT_FALSE(wire.server->handshake_done());
}

TEST(Tls, PlaintextAnswerIsCalledSo) {
  const auto client = TlsEngine::make_client(client_tls(), "localhost");
  std::string plain;
  const auto result = client->receive(bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"), plain);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().what, "the other side does not speak TLS");
}

TEST(Tls, BrokenStaysBroken) {
  const auto client = TlsEngine::make_client(client_tls(), "localhost");
  std::string plain;
  ASSERT_FALSE(client->receive(bytes_of("nonsense nonsense"), plain).has_value());
  EXPECT_FALSE(client->receive(bytes_of("more"), plain).has_value());
  EXPECT_FALSE(client->handshake_done());
}

TEST(Tls, ClientWithoutACertificateIsRefusedWhereOneIsAskedFor) {
  const Identity own =
      issue(testing::test_authority(), testing::loopback_names(), valid_now()).value();
  const Wire wire = connect(TlsContext::make_server(own.certificate_pem, own.private_key_pem,
                                                    testing::test_authority().certificate_pem)
                                .value());
  EXPECT_FALSE(wire.server->handshake_done());
  EXPECT_FALSE(wire.server_result.has_value());
  ASSERT_FALSE(wire.client_result.has_value());
  EXPECT_NE(wire.client_result.error().what.find("certificate required"), std::string::npos)
      << wire.client_result.error().what;
}

TEST(TlsContext, AuthoritiesOfClientsAreCertificates) {
  const Identity own =
      issue(testing::test_authority(), testing::loopback_names(), valid_now()).value();
  const auto context =
      TlsContext::make_server(own.certificate_pem, own.private_key_pem, "no certificate");
  ASSERT_FALSE(context.has_value());
  EXPECT_EQ(context.error().kind, Error::Kind::input);
}

TEST(TlsContext, MissingCaFileIsAnInputError) {
  const auto context = TlsContext::make_client("/nonexistent/ca.pem");
  ASSERT_FALSE(context.has_value());
  EXPECT_EQ(context.error().kind, Error::Kind::input);
}

TEST(TlsContext, CaFileWithoutCertificateIsAnInputError) {
  const testing::TemporaryFile file("not a certificate\n");
  const auto context = TlsContext::make_client(file.path());
  ASSERT_FALSE(context.has_value());
  EXPECT_EQ(context.error().kind, Error::Kind::input);
  EXPECT_NE(context.error().what.find("holds no certificate"), std::string::npos);
}

TEST(TlsContext, KeyMustBelongToTheCertificate) {
  const auto one = testing::make_test_authority();
  const auto other = testing::make_test_authority();
  const auto context = TlsContext::make_server(one.certificate_pem, other.private_key_pem);
  ASSERT_FALSE(context.has_value());
  EXPECT_NE(context.error().what.find("private key"), std::string::npos);
}

}  // namespace
}  // namespace fanfare::http2
