#include "oauth/token_answer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "oauth/json_fields.h"

namespace fanfare::oauth {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr std::size_t max_quote_bytes = 200;
constexpr std::size_t max_word_bytes = 64;  // Longer than any part of an account's address.
constexpr seconds assumed_lifetime{3600};   // What the assertion asked for.
constexpr seconds max_lifetime{12 * 3600};  // The longest that Google gives.

bool is_credential_char(char c) {
  const bool alphanumeric =
      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return alphanumeric || std::string_view("-_.~+/=").contains(c);
}

// Of access tokens, JWTs, client secrets and refresh tokens.
constexpr std::array<std::string_view, 4> secret_beginnings{"ya29.", "eyJ", "GOCSPX-", "1//"};

bool looks_secret(std::string_view word) {
  return word.size() > max_word_bytes ||
         std::ranges::any_of(secret_beginnings,
                             [word](auto beginning) { return word.starts_with(beginning); });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::unexpected<TokenError> failure(TokenFault fault, std::string what, std::string remedy = {}) {
  return std::unexpected(TokenError{fault, std::move(what), std::move(remedy)});
}

// `invalid_grant` covers several faults; the description is all there is to tell them apart.
TokenFault fault_of_grant(std::string_view description) {
  const auto text = lower(description);
  if (text.contains("signature")) return TokenFault::revoked_key;
  if (text.contains(" iat ") || text.contains("timeframe") || text.contains("short-lived")) {
    return TokenFault::clock_skew;
  }
  if (text.contains("account") || text.contains("email")) return TokenFault::wrong_account;
  return TokenFault::configuration;
}

std::string remedy_of(TokenFault fault) {
  switch (fault) {
    case TokenFault::clock_skew:
      return "set this machine's clock (NTP); it may be off by a few minutes at most";
    case TokenFault::revoked_key:
      return "the key was deleted or replaced: generate a new key for the service account";
    case TokenFault::wrong_account:
      return "the service account is deleted or disabled: restore it or use another's key";
    case TokenFault::configuration:
      return "check that the key file is a service account's of this Firebase project";
    case TokenFault::service:
    case TokenFault::network:
      return "";
  }
  return "";
}

std::unexpected<TokenError> unusable(std::string_view why) {
  return failure(TokenFault::service, fmt::format("the token endpoint answered 200, but {}", why));
}

std::optional<seconds> lifetime_of(const json::object& body) {
  const auto* value = body.if_contains("expires_in");
  if (value == nullptr) return assumed_lifetime;
  if (!value->is_number()) return std::nullopt;
  const auto count = value->to_number<double>();
  if (!(count >= 1)) return std::nullopt;
  const auto capped = std::min(count, static_cast<double>(max_lifetime.count()));
  return seconds(static_cast<seconds::rep>(capped));
}

std::expected<AccessToken, TokenError> read_token(const json::object& body, SystemTime asked_at) {
  const auto token = text_of(body, "access_token");
  if (!fits_a_header(token)) return unusable("without a usable access_token");
  if (body.contains("token_type") && lower(text_of(body, "token_type")) != "bearer") {
    return unusable("the token is not a bearer token");
  }
  const auto lifetime = lifetime_of(body);
  if (!lifetime) return unusable("expires_in is not a positive number");
  return AccessToken{Secret(std::string(token)), asked_at + *lifetime};
}

}  // namespace

std::string_view to_string(TokenFault fault) noexcept {
  switch (fault) {
    case TokenFault::clock_skew:
      return "clock_skew";
    case TokenFault::revoked_key:
      return "revoked_key";
    case TokenFault::wrong_account:
      return "wrong_account";
    case TokenFault::configuration:
      return "configuration";
    case TokenFault::service:
      return "service";
    case TokenFault::network:
      return "network";
  }
  return "";
}

std::string quote_safely(std::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < max_quote_bytes) {
    const auto* end = std::ranges::find_if_not(text, is_credential_char);
    const auto word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    out += looks_secret(word) ? "[hidden]" : word;
    text.remove_prefix(word.size());
    if (text.empty()) break;
    const bool printable = text.front() >= ' ' && text.front() < '\x7f';
    out += printable ? text.front() : ' ';
    text.remove_prefix(1);
  }
  out.resize(std::min(out.size(), max_quote_bytes));
  return out;
}

bool fits_a_header(std::string_view token) {
  return !token.empty() && std::ranges::all_of(token, [](char c) { return c > ' ' && c < '\x7f'; });
}

TokenError judge_key_refusal(std::string_view code, std::string_view description) {
  const auto fault =
      code == "invalid_grant" ? fault_of_grant(description) : TokenFault::configuration;
  return {fault, refusal_text("the token endpoint refused the credentials", code, description),
          remedy_of(fault)};
}

std::string refusal_text(std::string_view what, std::string_view code,
                         std::string_view description) {
  auto text = fmt::format("{}: {}", what, quote_safely(code));
  if (!description.empty()) text += fmt::format(" ({})", quote_safely(description));
  return text;
}

std::expected<AccessToken, TokenError> parse_token_answer(int status, std::string_view text,
                                                          SystemTime asked_at, JudgeRefusal judge) {
  if (status >= 500 || status == 429 || status == 408) {
    return failure(TokenFault::service,
                   fmt::format("the token endpoint is unavailable (status {})", status));
  }
  boost::system::error_code error;
  const auto document = json::parse({text.data(), text.size()}, error);
  const auto* body = error ? nullptr : document.if_object();
  if (status == 200) {
    return body != nullptr ? read_token(*body, asked_at) : unusable("not with JSON");
  }
  if (body != nullptr && !text_of(*body, "error").empty()) {
    return std::unexpected(judge(text_of(*body, "error"), text_of(*body, "error_description")));
  }
  // The endpoint's own refusals are JSON; anything else is a proxy's page or a wrong URL.
  if (status == 400 || status == 401) {
    return failure(
        TokenFault::service,
        fmt::format("something other than the token endpoint answered (status {})", status));
  }
  return failure(TokenFault::configuration,
                 fmt::format("the token endpoint answered with status {}", status),
                 "check token_uri in the key file, and proxies on the way");
}

}  // namespace fanfare::oauth
