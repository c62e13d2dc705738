#include "emulator/testing/assertion.h"

#include <memory>
#include <vector>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace fanfare::emulator::testing {
namespace {

std::string base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                    reinterpret_cast<const unsigned char*>(bytes.data()),
                                    static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::string sign(std::string_view pem, std::string_view text) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  std::size_t size = 0;
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                 text.size());
  return signature;
}

ServiceAccount make_account(std::string email) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_RSA_gen(2048), EVP_PKEY_free);
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return {std::move(email), Secret(std::string(text, static_cast<std::size_t>(size)))};
}

}  // namespace

const ServiceAccount& account() {
  static const auto made = make_account("sender@fanfare-demo.iam.gserviceaccount.com");
  return made;
}

const ServiceAccount& other_account() {
  static const auto made = make_account("sender@fanfare-demo.iam.gserviceaccount.com");
  return made;
}

boost::json::object good_claims(SystemTime now, std::string_view audience) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  return {{"iss", account().client_email},
          {"scope", "https://www.googleapis.com/auth/firebase.messaging"},
          {"aud", audience},
          {"iat", seconds},
          {"exp", seconds + 3'600}};
}

std::string make_jwt(const ServiceAccount& account, const boost::json::object& claims,
                     const boost::json::object& header) {
  const auto text = fmt::format("{}.{}", base64url(boost::json::serialize(header)),
                                base64url(boost::json::serialize(claims)));
  return fmt::format("{}.{}", text, base64url(sign(account.private_key_pem.reveal(), text)));
}

std::string make_form(std::string_view jwt) {
  return fmt::format(
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}", jwt);
}

}  // namespace fanfare::emulator::testing
