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

/// Reads a whole answer. `asked_at` is when the request was made: lifetimes count from there, so
/// that a slow answer shortens ours and never lengthens it.
[[nodiscard]] std::expected<AccessToken, TokenError> parse_token_answer(int status,
                                                                        std::string_view body,
                                                                        SystemTime asked_at);

}  // namespace fanfare::oauth
