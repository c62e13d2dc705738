// What it means for a message that no usable access token is to be had, or that the other side
// can't be trusted: the verdicts that come from before FCM's answer.
#pragma once

#include <optional>

#include "fanfare/result.h"
#include "fanfare/verdict.h"

#include "oauth/token_answer.h"

namespace fanfare::client {

/// True when the connection failed over the server's certificate (unknown issuer, expired, another
/// host): that stays so until a person acts.
[[nodiscard]] bool is_untrusted(const std::optional<Error>& connect_error);

/// network.untrusted, with the error's words.
[[nodiscard]] Verdict untrusted(const Error& connect_error);

/// Without a token nothing can be sent. `connect_error` is that of the token endpoint.
[[nodiscard]] Verdict verdict_of(const oauth::TokenError& error,
                                 const std::optional<Error>& connect_error);

/// FCM refused the token (`verdict`) and no fresh one will do: none is left to try, or
/// `with_token` is false because there are no credentials at all.
[[nodiscard]] Verdict refused_for_good(const Verdict& verdict, bool with_token);

}  // namespace fanfare::client
