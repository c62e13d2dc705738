#include "emulator/identities.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "emulator/noise.h"

namespace fanfare::emulator {
namespace {

/// 42 characters that nobody guesses without the account's key.
std::string derive(const ServiceAccount& account, std::string_view what) {
  const auto key = account.private_key_pem.reveal();
  unsigned char mac[EVP_MAX_MD_SIZE] = {};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(what.data()), what.size(), mac, &size);
  std::string text;
  for (unsigned i = 0; i + 3 <= size && text.size() < 40; i += 3) {
    append_base64(text,
                  mac[i] | (std::uint64_t{mac[i + 1]} << 8) | (std::uint64_t{mac[i + 2]} << 16), 4);
  }
  return text;
}

}  // namespace

Identities make_identities(const ServiceAccount& account) {
  return {.client_id = "123456789012-fanfare.apps.googleusercontent.com",
          .client_secret = Secret("GOCSPX-" + derive(account, "client secret")),
          .refresh_token = Secret("1//0" + derive(account, "refresh token")),
          .audience =
              "//iam.googleapis.com/projects/123456789012/locations/global/"
              "workloadIdentityPools/fanfare-pool/providers/fanfare-provider",
          .subject_token = Secret("fanfare-subject." + derive(account, "subject token")),
          .client_email = account.client_email};
}

}  // namespace fanfare::emulator
