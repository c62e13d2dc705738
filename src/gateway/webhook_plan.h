// What a webhook is sent and what follows from its answer, as pure functions. docs/gateway.md tells
// the receiver's side.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

#include "base/random.h"
#include "http2/exchange.h"
#include "queue/events.h"

namespace fanfare::gateway {

inline constexpr int webhook_attempts = 12;  ///< Then the events are put aside.

/// {"events":[{"id":7,"type":"device.retired","at":"…","project":"…","data":{…}}]}
[[nodiscard]] std::string webhook_body(const std::vector<queue::Event>& events);

/// "t=1800000000,v1=<hex>": HMAC-SHA256 with the webhook's secret over "<t>.<body>".
[[nodiscard]] std::string webhook_signature(std::string_view secret, SystemTime now,
                                            std::string_view body);

/// How long to wait after so many failures in a row: 10 s doubling to an hour, drawn from the upper
/// half, and not before `asked` (Retry-After, of which fcm::parse_retry_after takes a day at most).
[[nodiscard]] std::chrono::milliseconds webhook_wait(int failures,
                                                     std::optional<std::chrono::seconds> asked,
                                                     Random& random);

/// Whether events may go there: http or https, without a user in it, in letters that stand in a
/// request as they are; plain http only to this machine unless allowed. Error::Kind::usage.
[[nodiscard]] Result<void> check_webhook_url(std::string_view url, bool allow_plain_http);

}  // namespace fanfare::gateway
