// A private RSA key of OpenSSL's, owned.
#pragma once

#include <memory>
#include <string_view>

#include <openssl/evp.h>

namespace fanfare::oauth {

struct KeyDeleter {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using RsaKey = std::unique_ptr<EVP_PKEY, KeyDeleter>;

/// Reads a PEM private key, PKCS#8 or PKCS#1. Null when the text holds none, it is encrypted, or
/// it is not RSA.
[[nodiscard]] RsaKey parse_rsa_key(std::string_view pem);

}  // namespace fanfare::oauth
