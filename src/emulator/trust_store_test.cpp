#include "emulator/trust_store.h"

#include <memory>

#include <gtest/gtest.h>
#include <openssl/pkcs12.h>

#include "http2/certificate.h"

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

std::string an_authority() {
  const auto now = std::chrono::system_clock::now();
  return http2::make_authority("Test authority", {now - 1h, now + 24h}).value().certificate_pem;
}

// Java's own opinion is in tests/client_setup_test.py.
TEST(TrustStore, IsReadByOpensslWithAnyPasswordAndWithNone) {
  const auto bytes = make_trust_store(an_authority(), "test").value();
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const std::unique_ptr<PKCS12, decltype(&PKCS12_free)> store(
      d2i_PKCS12(nullptr, &data, static_cast<long>(bytes.size())), &PKCS12_free);
  ASSERT_TRUE(store);
  EXPECT_EQ(PKCS12_mac_present(store.get()), 0);
  STACK_OF(PKCS7)* safes = PKCS12_unpack_authsafes(store.get());
  ASSERT_EQ(sk_PKCS7_num(safes), 1);
  STACK_OF(PKCS12_SAFEBAG)* bags = PKCS12_unpack_p7data(sk_PKCS7_value(safes, 0));
  ASSERT_EQ(sk_PKCS12_SAFEBAG_num(bags), 1);
  const auto* bag = sk_PKCS12_SAFEBAG_value(bags, 0);
  EXPECT_EQ(PKCS12_SAFEBAG_get_nid(bag), NID_certBag);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(PKCS12_SAFEBAG_get1_cert(bag),
                                                                &X509_free);
  ASSERT_TRUE(certificate);
  char name[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                            sizeof(name));
  EXPECT_STREQ(name, "Test authority");
  char* alias = PKCS12_get_friendlyname(const_cast<PKCS12_SAFEBAG*>(bag));
  EXPECT_STREQ(alias, "test");
  OPENSSL_free(alias);
  EXPECT_EQ(sk_X509_ATTRIBUTE_num(PKCS12_SAFEBAG_get0_attrs(bag)), 2);
  sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
  sk_PKCS7_pop_free(safes, PKCS7_free);
}

TEST(TrustStore, HoldsNothingThatIsNotACertificate) {
  const auto store = make_trust_store("nonsense", "test");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, Error::Kind::input);
}

}  // namespace
}  // namespace fanfare::emulator
