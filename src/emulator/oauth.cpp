#include "emulator/oauth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "emulator/url.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const noexcept {
    free_function(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

constexpr auto clock_leeway = 300s;
constexpr std::string_view token_prefix = "ya29.c.";

// A token's bytes: expiry (8, big endian), scopes (1), noise, then the MAC.
constexpr std::size_t fixed_bytes = 9;
constexpr std::size_t mac_bytes = 32;
constexpr std::size_t least_bytes = fixed_bytes + 16 + mac_bytes;

// --- base64url without padding (RFC 7515, 2) ---

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode_base64url(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) text.push_back(alphabet[(bits >> (count - 6)) & 63U]);
  }
  if (count > 0) text.push_back(alphabet[(bits << (6 - count)) & 63U]);
  return text;
}

std::optional<std::string> decode_base64url(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto place = alphabet.find(c);
    if (place == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(place);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>((bits >> count) & 0xFFU));
    }
  }
  return bytes;
}

// --- the form ---

std::string form_value(std::string_view form, std::string_view name) {
  return query_value(form, name).value_or("");
}

/// Why an assertion was refused. Captured or well known words, but for not_a_jwt.
struct Refusal {
  std::string_view error;
  std::string_view description;
};

constexpr std::string_view grant = "invalid_grant";
constexpr Refusal wrong_clock{
    grant,
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."};
constexpr Refusal wrong_signature{grant, "Invalid JWT Signature."};
constexpr Refusal no_account{grant, "Invalid grant: account not found"};
constexpr Refusal wrong_audience{grant, "Invalid JWT: Failed audience check."};
constexpr Refusal not_a_jwt{grant, "Invalid JWT: it must be three base64url parts of JSON, RS256."};
constexpr Refusal wrong_scope{"invalid_scope",
                              "Invalid OAuth scope or ID token audience provided."};

http2::Response refuse(const Refusal& refusal) {
  return oauth_refusal(400, refusal.error, refusal.description);
}

// --- the assertion ---

struct Assertion {
  json::object header;
  json::object claims;
  std::string_view signed_text;
  std::string signature;
};

/// With its padding, too, which no JWT has (RFC 7515, 2) but those of google-auth for Python 1.x;
/// Google takes them.
std::optional<std::string> decode_part(std::string_view part) {
  if (part.ends_with("==")) part.remove_suffix(1);
  if (part.ends_with("=")) part.remove_suffix(1);
  return decode_base64url(part);
}

std::optional<json::object> parse_part(std::string_view part) {
  const auto text = decode_part(part);
  if (!text) return std::nullopt;
  boost::system::error_code error;
  auto value = json::parse(*text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::optional<Assertion> parse_assertion(std::string_view jwt) {
  const auto first = jwt.find('.');
  const auto second = first == jwt.npos ? jwt.npos : jwt.find('.', first + 1);
  if (second == jwt.npos || jwt.find('.', second + 1) != jwt.npos) return std::nullopt;
  auto header = parse_part(jwt.substr(0, first));
  auto claims = parse_part(jwt.substr(first + 1, second - first - 1));
  auto signature = decode_part(jwt.substr(second + 1));
  if (!header || !claims || !signature) return std::nullopt;
  return Assertion{std::move(*header), std::move(*claims), jwt.substr(0, second),
                   std::move(*signature)};
}

std::string_view text_claim(const json::object& claims, std::string_view name) {
  const auto* value = claims.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view{};
}

std::optional<double> number_claim(const json::object& claims, std::string_view name) {
  const auto* value = claims.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->is_double() ? value->get_double() : value->to_number<double>();
}

bool is_timely(const json::object& claims, SystemTime now) {
  const auto issued = number_claim(claims, "iat");
  const auto expires = number_claim(claims, "exp");
  if (!issued || !expires) return false;
  const auto present = std::chrono::duration<double>(now.time_since_epoch()).count();
  const auto leeway = static_cast<double>(clock_leeway.count());
  return *issued <= present + leeway && *expires > present - leeway && *expires > *issued &&
         *expires - *issued <= 3'600;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool verifies(EVP_PKEY* key, std::string_view text, std::string_view signature) {
  const Digest digest(EVP_MD_CTX_new());
  return digest != nullptr &&
         EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(digest.get(), bytes_of(signature), signature.size(), bytes_of(text),
                          text.size()) == 1;
}

std::string mac_of(std::string_view key, std::string_view text) {
  std::string mac(mac_bytes, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &size);
  return mac;
}

std::int64_t read_expiry(std::string_view bytes) {
  std::uint64_t seconds = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    seconds = (seconds << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<std::int64_t>(seconds);
}

char write_scopes(Scopes scopes) {
  return static_cast<char>((scopes.messaging ? 1 : 0) | (scopes.cloud_platform ? 2 : 0));
}

Scopes read_scopes(char bits) {
  return {(bits & 1) != 0, (bits & 2) != 0};
}

std::int64_t seconds_of(SystemTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

bool is_token_path(std::string_view path) {
  return std::any_of(google_token_urls.begin(), google_token_urls.end(), [&](std::string_view url) {
    return url.substr(url.find('/', url.find("//") + 2)) == path;
  });
}

http2::Response oauth_answer(int status, const json::object& body) {
  http2::Response response;
  response.status = status;
  response.headers = {{"content-type", "application/json; charset=utf-8"},
                      {"cache-control", "no-cache, no-store, max-age=0, must-revalidate"},
                      {"pragma", "no-cache"},
                      {"server", "scaffolding on HTTPServer2"}};
  response.body = json::serialize(body);
  return response;
}

http2::Response oauth_refusal(int status, std::string_view error, std::string_view description) {
  return oauth_answer(status, {{"error", error}, {"error_description", description}});
}

std::optional<Scopes> parse_scopes(std::string_view text) {
  constexpr std::string_view google = "https://www.googleapis.com/auth/";
  Scopes scopes;
  bool any = false;
  while (!text.empty()) {
    const auto scope = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(scope.size() + 1, text.size()));
    if (scope.empty()) continue;
    any = true;
    const bool sign_in = scope == "openid" || scope == "email" || scope == "profile";
    if (!scope.starts_with(google) && !sign_in) return std::nullopt;
    const bool all = scope == "https://www.googleapis.com/auth/cloud-platform";
    const bool messaging = scope == "https://www.googleapis.com/auth/firebase.messaging";
    scopes.cloud_platform = scopes.cloud_platform || all;
    scopes.messaging = scopes.messaging || all || messaging;
  }
  if (!any) return std::nullopt;
  return scopes;
}

struct TokenEndpoint::Impl {
  std::string client_email;
  std::vector<std::string> audiences;
  Key key;
  Secret mac_key;

  /// A token whose MAC was right. Checking one costs more than answering a message, and a sender
  /// uses the same for an hour.
  struct Known {
    std::string token;
    std::int64_t expiry;
    Scopes scopes;
  };
  std::vector<Known> known;
  static constexpr std::size_t max_known = 8;

  const Known* find(std::string_view token);
  std::optional<Refusal> fault_of(const std::optional<Assertion>& assertion, SystemTime now) const;
};

const TokenEndpoint::Impl::Known* TokenEndpoint::Impl::find(std::string_view token) {
  for (const auto& one : known) {
    if (one.token == token) return &one;
  }
  if (!token.starts_with(token_prefix)) return nullptr;
  const auto bytes = decode_base64url(token.substr(token_prefix.size()));
  if (!bytes || bytes->size() < fixed_bytes + mac_bytes) return nullptr;
  const auto content = std::string_view(*bytes).substr(0, bytes->size() - mac_bytes);
  const auto mac = mac_of(mac_key.reveal(), content);
  if (CRYPTO_memcmp(mac.data(), bytes->data() + content.size(), mac_bytes) != 0) return nullptr;
  if (known.size() >= max_known) known.erase(known.begin());
  known.push_back({std::string(token), read_expiry(content), read_scopes(content[8])});
  return &known.back();
}

// In Google's order as far as it shows: an unknown account is named before its signature.
std::optional<Refusal> TokenEndpoint::Impl::fault_of(const std::optional<Assertion>& assertion,
                                                     SystemTime now) const {
  if (!assertion || text_claim(assertion->header, "alg") != "RS256") return not_a_jwt;
  if (text_claim(assertion->claims, "iss") != client_email) return no_account;
  if (!verifies(key.get(), assertion->signed_text, assertion->signature)) return wrong_signature;
  const auto audience = text_claim(assertion->claims, "aud");
  if (std::find(audiences.begin(), audiences.end(), audience) == audiences.end()) {
    return wrong_audience;
  }
  if (!is_timely(assertion->claims, now)) return wrong_clock;
  if (!parse_scopes(text_claim(assertion->claims, "scope"))) return wrong_scope;
  return std::nullopt;
}

TokenEndpoint::TokenEndpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TokenEndpoint::TokenEndpoint(TokenEndpoint&&) noexcept = default;
TokenEndpoint& TokenEndpoint::operator=(TokenEndpoint&&) noexcept = default;
TokenEndpoint::~TokenEndpoint() = default;

Result<TokenEndpoint> TokenEndpoint::make(const ServiceAccount& account,
                                          std::vector<std::string> audiences) {
  const auto pem = account.private_key_pem.reveal();
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  auto impl = std::make_unique<Impl>();
  impl->key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!impl->key || EVP_PKEY_get_base_id(impl->key.get()) != EVP_PKEY_RSA) {
    return fail(Error::Kind::input, "the service account's private_key is not an RSA key in PEM",
                "delete the credentials file; a new one is made at the next start");
  }
  impl->client_email = account.client_email;
  impl->audiences = std::move(audiences);
  impl->mac_key = Secret(mac_of("fanfare emulator access tokens", pem));
  return TokenEndpoint(std::move(impl));
}

http2::Response TokenEndpoint::exchange(std::string_view form, SystemTime now, Fault fault) {
  const auto grant_type = form_value(form, "grant_type");
  if (grant_type.empty()) {
    return refuse({"invalid_request", "Required parameter is missing: grant_type"});
  }
  if (grant_type != "urn:ietf:params:oauth:grant-type:jwt-bearer") {
    const auto text = fmt::format("Invalid grant_type: {}", grant_type);
    return refuse({"unsupported_grant_type", text});
  }
  const auto jwt = form_value(form, "assertion");
  if (jwt.empty()) return refuse({"invalid_request", "Required parameter is missing: assertion"});
  if (fault == Fault::revoked_key) return refuse(wrong_signature);
  if (fault == Fault::clock_skew) return refuse(wrong_clock);
  if (fault == Fault::account_gone) return refuse(no_account);
  const auto assertion = parse_assertion(jwt);
  if (const auto refusal = impl_->fault_of(assertion, now)) return refuse(*refusal);
  const auto scopes = parse_scopes(text_claim(assertion->claims, "scope")).value_or(Scopes{});
  return oauth_answer(200, {{"access_token", issue(now, scopes)},
                            {"expires_in", life().count()},
                            {"token_type", "Bearer"}});
}

TokenState TokenEndpoint::judge(std::string_view token, SystemTime now, Need need) {
  if (token.empty()) return TokenState::missing;
  const auto* known = impl_->find(token);
  if (known == nullptr) return TokenState::invalid;
  if (known->expiry <= seconds_of(now)) return TokenState::expired;
  const bool covered =
      need == Need::messaging ? known->scopes.messaging : known->scopes.cloud_platform;
  return covered ? TokenState::good : TokenState::scope_insufficient;
}

std::string TokenEndpoint::issue(SystemTime now, Scopes scopes,
                                 std::optional<std::chrono::seconds> life) {
  // Six bits a character.
  const auto wanted = (chars_ - token_prefix.size()) * 6 / 8;
  std::string bytes(std::max(wanted, least_bytes) - mac_bytes, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  const auto expiry = static_cast<std::uint64_t>(seconds_of(now) + life.value_or(life_).count());
  for (unsigned i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>((expiry >> (56 - 8 * i)) & 0xFFU);
  }
  bytes[8] = write_scopes(scopes);
  bytes += mac_of(impl_->mac_key.reveal(), bytes);
  return std::string(token_prefix) + encode_base64url(bytes);
}

}  // namespace fanfare::emulator
