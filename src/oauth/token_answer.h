// What the token endpoint answered: an access token, or whose fault it is that there is none.
//
// Google reports most faults as `invalid_grant`; only the description tells a wrong clock from a
// deleted key. Quoted text is cut and cleared of anything that could be a token or an assertion.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/time_text.h"

namespace fanfare::oauth {

/// Why there is no token.
enum class TokenFault : std::uint8_t {
  clock_skew,     ///< The assertion's times are not the endpoint's: our clock is wrong.
  revoked_key,    ///< The signature is not accepted: key deleted, rotated, or of another account.
  wrong_account,  ///< The account does not exist any more, or is disabled.
  configuration,  ///< Any other refusal: a person must look.
  service,        ///< The endpoint failed or answered nonsense; again later.
  network,        ///< No answer came; again later.
};

/// True for the faults that pass without anyone's help.
[[nodiscard]] constexpr bool is_passing(TokenFault fault) noexcept {
  return fault == TokenFault::service || fault == TokenFault::network;
}

[[nodiscard]] std::string_view to_string(TokenFault fault) noexcept;

struct TokenError {
  TokenFault fault = TokenFault::service;
  std::string what;    ///< One sentence, without secrets.
  std::string remedy;  ///< Empty when nothing is known to help.
};

struct AccessToken {
  Secret value;
  SystemTime expires_at{};
};

/// Words from elsewhere, fit for a log: printable, short, and without long opaque words, since an
/// endpoint (or a proxy before it) may echo what we sent.
[[nodiscard]] std::string quote_safely(std::string_view text);

/// True for what can stand in a header: one line of visible ASCII (RFC 6750, 2.1).
[[nodiscard]] bool fits_a_header(std::string_view token);

/// "WHAT: CODE (DESCRIPTION)", quoted safely.
[[nodiscard]] std::string refusal_text(std::string_view what, std::string_view code,
                                       std::string_view description);

/// What a refusal (the fields error and error_description of RFC 6749, 5.2) means; each kind of
/// credential reads them in its own way. This one is a service account's key.
[[nodiscard]] TokenError judge_key_refusal(std::string_view code, std::string_view description);
using JudgeRefusal = TokenError (*)(std::string_view code, std::string_view description);

/// Reads a whole answer. `asked_at` is when the request was made: lifetimes count from there, so
/// that a slow answer shortens ours and never lengthens it.
[[nodiscard]] std::expected<AccessToken, TokenError> parse_token_answer(
    int status, std::string_view body, SystemTime asked_at, JudgeRefusal judge = judge_key_refusal);

}  // namespace fanfare::oauth
