#include "gateway/access.h"

#include <algorithm>
#include <array>

#include <openssl/sha.h>

namespace fanfare::gateway {
namespace {

// So that what is kept in memory is no secret, and comparing takes no time that tells of one.
std::string hash_of(std::string_view presented) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(presented.data()), presented.size(), digest.data());
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// A scheme's case means nothing (RFC 9110, 11.1).
std::string_view presented_key(const http2::Request& request) {
  constexpr std::string_view bearer = "bearer ";
  const auto authorization = http2::find_header(request.headers, "authorization");
  const auto scheme = authorization.substr(0, bearer.size());
  const bool is_bearer = std::ranges::equal(scheme, bearer, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
  if (is_bearer) return authorization.substr(bearer.size());
  return http2::find_header(request.headers, "x-api-key");
}

Refusal unauthenticated(std::string message) {
  return {
      .code = 401,
      .status = "UNAUTHENTICATED",
      .message = std::move(message),
      .remedy = "send an API key as 'Authorization: Bearer ff_…'; 'fanfare keys add' makes one"};
}

}  // namespace

bool Caller::may(queue::Scope scope) const noexcept {
  return !key || std::ranges::find(key->scopes, scope) != key->scopes.end();
}

bool Caller::may_use(std::string_view project) const noexcept {
  return !key || key->projects.empty() ||
         std::ranges::find(key->projects, project) != key->projects.end();
}

Result<const queue::ApiKey*> Access::find(std::string_view presented) {
  std::string hash = hash_of(presented);
  if (const auto at = known_.find(hash); at != known_.end()) return &at->second;
  auto found = find_(presented);
  if (!found) return std::unexpected(std::move(found).error());
  if (!*found) return nullptr;
  if (known_.size() >= most_known) known_.clear();
  return &known_.emplace(std::move(hash), **std::move(found)).first->second;
}

bool Access::may_ask_now(const queue::ApiKey& key, client::SteadyTime now) {
  if (key.requests_per_second == 0) return true;
  const double rate = key.requests_per_second;
  const auto [at, fresh] = buckets_.try_emplace(key.id, Bucket{rate, now});
  Bucket& bucket = at->second;
  const std::chrono::duration<double> passed = now - bucket.at;
  bucket.tokens = std::min(rate, bucket.tokens + passed.count() * rate);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

std::expected<Caller, Refusal> Access::admit(const http2::Request& request, SystemTime now,
                                             client::SteadyTime steady_now) {
  const auto presented = presented_key(request);
  if (!require_keys_ && !presented.starts_with("ff_")) return Caller{.actor = "local", .key = {}};
  if (presented.empty()) return std::unexpected(unauthenticated("there is no API key"));
  const auto found = find(presented);
  if (!found) {
    return std::unexpected(Refusal{.code = 503,
                                   .status = "UNAVAILABLE",
                                   .message = "the gateway can't read its API keys",
                                   .remedy = "repeat later; the gateway's log says what is wrong",
                                   .retry_after_s = 5});
  }
  const queue::ApiKey* key = *found;
  if (key == nullptr) return std::unexpected(unauthenticated("the API key is not known here"));
  if (key->revoked) return std::unexpected(unauthenticated("the API key was revoked"));
  if (key->expires && *key->expires <= now) {
    return std::unexpected(unauthenticated("the API key has expired"));
  }
  if (!may_ask_now(*key, steady_now)) {
    return std::unexpected(Refusal{.code = 429,
                                   .status = "RESOURCE_EXHAUSTED",
                                   .message = "the API key asks more often than it may",
                                   .remedy = "ask less often, or raise its requests_per_second",
                                   .retry_after_s = 1});
  }
  return Caller{.actor = "key:" + key->id, .key = *key};
}

}  // namespace fanfare::gateway
