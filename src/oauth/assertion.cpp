#include "oauth/assertion.h"

#include <memory>
#include <optional>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "oauth/rsa_key.h"

namespace fanfare::oauth {
namespace {

namespace json = boost::json;

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

std::optional<std::string> sign_rs256(EVP_PKEY* key, std::string_view text) {
  const std::unique_ptr<EVP_MD_CTX, DigestDeleter> context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  std::string signature;
  bool signed_well = context &&
                     EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
                     EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1;
  if (signed_well) {
    signature.resize(size);
    auto* out = reinterpret_cast<unsigned char*>(signature.data());
    signed_well = EVP_DigestSign(context.get(), out, &size, bytes, text.size()) == 1;
    signature.resize(size);
  }
  ERR_clear_error();
  if (!signed_well) return std::nullopt;
  return signature;
}

std::string header_of(const ServiceAccount& account) {
  json::object header{{"alg", "RS256"}, {"typ", "JWT"}};
  if (!account.private_key_id.empty()) header["kid"] = account.private_key_id;
  return json::serialize(header);
}

std::string claims_of(const ServiceAccount& account, std::string_view scope, SystemTime now) {
  const auto issued = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  return json::serialize(json::object{{"iss", account.client_email},
                                      {"scope", json::string_view(scope.data(), scope.size())},
                                      {"aud", account.token_uri},
                                      {"iat", issued.count()},
                                      {"exp", (issued + assertion_lifetime).count()}});
}

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL adds a NUL.
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  text.erase(text.find_last_not_of('=') + 1);
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

Result<Secret> make_assertion(const ServiceAccount& account, std::string_view scope,
                              SystemTime now) {
  const auto key = parse_rsa_key(account.private_key.reveal());
  const auto input =
      base64url(header_of(account)) + '.' + base64url(claims_of(account, scope, now));
  const auto signature = key ? sign_rs256(key.get(), input) : std::nullopt;
  if (!signature) {
    return fail(Error::Kind::credentials,
                fmt::format("the private key of {} can't sign", account.client_email),
                "generate a new key for the service account");
  }
  return Secret(input + '.' + base64url(*signature));
}

}  // namespace fanfare::oauth
