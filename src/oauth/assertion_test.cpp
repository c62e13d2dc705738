#include "oauth/assertion.h"

#include <array>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "oauth/credential.h"
#include "oauth/rsa_key.h"
#include "oauth/testing/throwaway_key.h"

namespace fanfare::oauth {
namespace {

using namespace std::chrono_literals;

const SystemTime noon{std::chrono::sys_days{std::chrono::November / 24 / 2026} + 12h};

std::string decode(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (const char c : text) {
    const auto value = alphabet.find(c);
    EXPECT_NE(value, std::string_view::npos) << c;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> count) & 0xFFU);
  }
  return bytes;
}

std::array<std::string, 3> split(std::string_view token) {
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  return {std::string(token.substr(0, first)),
          std::string(token.substr(first + 1, second - first - 1)),
          std::string(token.substr(second + 1))};
}

bool verifies(std::string_view input, const std::string& signature) {
  const auto key = parse_rsa_key(testing::throwaway_key_pem);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key.get());
  const int result = EVP_DigestVerify(
      context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
      reinterpret_cast<const unsigned char*>(input.data()), input.size());
  EVP_MD_CTX_free(context);
  return result == 1;
}

ServiceAccount an_account() {
  return *parse_service_account(testing::key_file("https://example.com/token"), "key.json");
}

// RFC 4648, 10, without the padding.
TEST(Assertion, EncodesBase64UrlWithoutPadding) {
  EXPECT_EQ(base64url(""), "");
  EXPECT_EQ(base64url("f"), "Zg");
  EXPECT_EQ(base64url("fo"), "Zm8");
  EXPECT_EQ(base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
}

TEST(Assertion, NamesAlgorithmAndKeyInItsHeader) {
  const auto parts = split(make_assertion(an_account(), messaging_scope, noon)->reveal());
  EXPECT_EQ(boost::json::parse(decode(parts[0])),
            boost::json::value({{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "0123456789abcdef"}}));
}

TEST(Assertion, LeavesTheKeyIdOutWhenTheFileHasNone) {
  auto account = an_account();
  account.private_key_id.clear();
  const auto parts = split(make_assertion(account, messaging_scope, noon)->reveal());
  EXPECT_FALSE(boost::json::parse(decode(parts[0])).as_object().contains("kid"));
}

TEST(Assertion, ClaimsOneHourForTheAccountAtItsTokenEndpoint) {
  const auto parts = split(make_assertion(an_account(), messaging_scope, noon + 999ms)->reveal());
  EXPECT_EQ(boost::json::parse(decode(parts[1])),
            boost::json::value({{"iss", "sender@demo-project.iam.gserviceaccount.com"},
                                {"scope", "https://www.googleapis.com/auth/firebase.messaging"},
                                {"aud", "https://example.com/token"},
                                {"iat", 1795521600},
                                {"exp", 1795525200}}));
}

TEST(Assertion, IsSignedByTheKey) {
  const auto assertion = make_assertion(an_account(), messaging_scope, noon);
  auto parts = split(assertion->reveal());
  const auto signature = decode(parts[2]);
  EXPECT_TRUE(verifies(parts[0] + '.' + parts[1], signature));
  EXPECT_FALSE(verifies(parts[0] + '.' + parts[1] + 'x', signature));
}

TEST(Assertion, SaysWhoseKeyCannotSign) {
  auto account = an_account();
  account.private_key = Secret("hunter2");
  const auto assertion = make_assertion(account, messaging_scope, noon);
  ASSERT_FALSE(assertion);
  EXPECT_EQ(assertion.error().kind, Error::Kind::credentials);
  EXPECT_NE(assertion.error().what.find(account.client_email), std::string::npos);
  EXPECT_EQ(assertion.error().what.find("hunter2"), std::string::npos);
}

TEST(ServiceAccountCredential, PostsTheAssertionAsAForm) {
  const auto progress = ServiceAccountCredential(an_account()).begin(noon, messaging_scope);
  const auto* step = std::get_if<Step>(&progress.state);
  ASSERT_NE(step, nullptr);
  const auto* request = std::get_if<TokenRequest>(&step->ask);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->url, "https://example.com/token");
  const auto assertion = make_assertion(an_account(), messaging_scope, noon);
  EXPECT_EQ(request->body.reveal(),
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
                std::string(assertion->reveal()));
}

}  // namespace
}  // namespace fanfare::oauth
