#include "registry/hash.h"

#include <array>
#include <cassert>
#include <memory>

#include <openssl/evp.h>

namespace fanfare::registry {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
struct FreeDigest {
  void operator()(EVP_MD* digest) const noexcept { EVP_MD_free(digest); }
};

// OpenSSL 3 looks an algorithm up at each one-shot call, which costs more than hashing a token;
// so each thread looks it up once.
struct Sha256 {
  std::unique_ptr<EVP_MD, FreeDigest> digest{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
  std::unique_ptr<EVP_MD_CTX, FreeContext> context{EVP_MD_CTX_new()};

  // The first 8 bytes of the digest of both texts.
  std::int64_t of(std::string_view prefix, std::string_view text) {
    std::array<unsigned char, 32> out{};
    [[maybe_unused]] const bool done =
        EVP_DigestInit_ex2(context.get(), digest.get(), nullptr) == 1 &&
        EVP_DigestUpdate(context.get(), prefix.data(), prefix.size()) == 1 &&
        EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
        EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1;
    assert(done);
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | out[i];
    return static_cast<std::int64_t>(bits);
  }
};

Sha256& sha256() {
  thread_local Sha256 instance;
  return instance;
}

}  // namespace

std::int64_t registration_hash(TargetKind kind, std::string_view value) {
  return sha256().of(kind == TargetKind::fid ? "fid:" : "token:", value);
}

std::int64_t text_hash(std::string_view text) {
  return sha256().of({}, text);
}

}  // namespace fanfare::registry
