// Answers in FCM's own words, for the endpoint that looks like FCM's: what FCM said is passed on as
// it is; what FCM could not be asked is said as FCM would say it.
#pragma once

#include <string_view>

#include "fanfare/verdict.h"

#include "http2/exchange.h"

namespace fanfare::gateway {

/// The answer to one message, as the SDK that sent it expects it.
[[nodiscard]] http2::Response fcm_answer(const Answer& answer, const Verdict& verdict);

/// A refusal of ours. `status` is of google.rpc.Code, `error_code` of FCM's ErrorCode; `field` may
/// be empty.
[[nodiscard]] http2::Response fcm_refusal(int code, std::string_view status,
                                          std::string_view error_code, std::string_view message,
                                          std::string_view field = {});

}  // namespace fanfare::gateway
