#include "http2/certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "http2/openssl.h"
#include "http2/testing/certificates.h"

namespace fanfare::http2 {
namespace {

using testing::valid_now;

openssl::Certificate parse(const std::string& pem) {
  const auto bio = openssl::bio_of(pem);
  return openssl::Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

/// OpenSSL's strictest reading of RFC 5280, for a server's certificate.
int verify_strictly(const Identity& authority, const Identity& server) {
  const auto root = parse(authority.certificate_pem);
  const auto leaf = parse(server.certificate_pem);
  const std::unique_ptr<X509_STORE, openssl::Free<X509_STORE_free>> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), root.get());
  X509_STORE_set_flags(store.get(), X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
  X509_STORE_set_purpose(store.get(), X509_PURPOSE_SSL_SERVER);
  const std::unique_ptr<X509_STORE_CTX, openssl::Free<X509_STORE_CTX_free>> context(
      X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

TEST(Certificate, ChainHoldsUnderStrictRules) {
  const auto authority = make_authority("Fanfare CA", valid_now()).value();
  const auto server = issue(authority, {{"localhost"}, {}}, valid_now()).value();
  EXPECT_EQ(verify_strictly(authority, server), X509_V_OK);
}

TEST(Certificate, OfAnotherAuthorityDoesNotVerify) {
  const auto authority = make_authority("Fanfare CA", valid_now()).value();
  const auto other = make_authority("Other CA", valid_now()).value();
  const auto server = issue(other, {{"localhost"}, {}}, valid_now()).value();
  EXPECT_NE(verify_strictly(authority, server), X509_V_OK);
}

TEST(Certificate, IsForEachOfItsNamesAndNoOther) {
  const auto server = issue(testing::test_authority(),
                            {{"localhost", "*.example.org"}, {"127.0.0.1", "::1"}}, valid_now())
                          .value();
  const auto certificate = parse(server.certificate_pem);
  const auto is_for = [&](const char* host) {
    return X509_check_host(certificate.get(), host, 0, 0, nullptr) == 1;
  };
  EXPECT_TRUE(is_for("localhost"));
  EXPECT_TRUE(is_for("fcm.example.org"));
  EXPECT_FALSE(is_for("example.org"));
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "::1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.2", 0), 0);
}

TEST(Certificate, SerialNumbersDiffer) {
  const auto first = parse(make_authority("CA", valid_now()).value().certificate_pem);
  const auto second = parse(make_authority("CA", valid_now()).value().certificate_pem);
  EXPECT_NE(
      ASN1_INTEGER_cmp(X509_get0_serialNumber(first.get()), X509_get0_serialNumber(second.get())),
      0);
}

TEST(Certificate, RefusesNamesThatWouldSmuggleInOthers) {
  for (const char* name : {"", "a,DNS:evil.example", "a b", "a\nb"}) {
    const auto result = issue(testing::test_authority(), {{name}, {}}, valid_now());
    ASSERT_FALSE(result.has_value()) << name;
    EXPECT_EQ(result.error().kind, Error::Kind::usage);
  }
  EXPECT_FALSE(issue(testing::test_authority(), {}, valid_now()).has_value());
  EXPECT_FALSE(issue(testing::test_authority(), {{}, {"127.0.0"}}, valid_now()).has_value());
}

TEST(Certificate, LongHostNameIsKeptWhole) {
  const std::string host = std::string(60, 'a') + ".push.example.org";
  const auto server = issue(testing::test_authority(), {{host}, {}}, valid_now()).value();
  EXPECT_EQ(X509_check_host(parse(server.certificate_pem).get(), host.c_str(), 0, 0, nullptr), 1);
}

TEST(Certificate, RefusesAnAuthorityThatIsNotPem) {
  const auto result = issue({"nonsense", "nonsense"}, {{"localhost"}, {}}, valid_now());
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, Error::Kind::input);
}

}  // namespace
}  // namespace fanfare::http2
