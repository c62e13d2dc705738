// The Instance ID API: topics by the thousand, what is known of a device, and APNs tokens made
// into registrations. Its errors are flat, {"error":"…"}, and a batch answers 200 with a result
// for each registration, in their order.
//
//   POST   /iid/v1:batchAdd, /iid/v1:batchRemove   {"to":"/topics/x","registration_tokens":[…]}
//   POST   /iid/v1/{token}/rel/topics/{topic}      and DELETE
//   GET    /iid/info/{token}?details=true          also /iid/{token}
//   POST   /iid/v1:batchImport                     {"application":"…","apns_tokens":[…]}
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/time_text.h"
#include "emulator/answers.h"
#include "emulator/devices.h"
#include "emulator/subscriptions.h"
#include "http2/exchange.h"

namespace fanfare::emulator {

/// What the API works on.
struct InstanceIds {
  Subscriptions& subscriptions;
  DeviceBook& devices;
  std::function<Standing(std::string_view)> standing_of;
  std::string_view project_number;
  /// Asked once for each request that changes subscriptions, of many or of one.
  std::function<bool()> may_subscribe;
};

[[nodiscard]] bool is_iid_path(std::string_view path) noexcept;

/// Answers a request whose access token was good.
[[nodiscard]] Answer answer_iid(const http2::Request& request, std::string_view path,
                                std::string_view query, const InstanceIds& ids, SystemTime now);

/// The refusal of a request without `access_token_auth: true`, which makes the older hosts take an
/// OAuth token; nothing when it is there.
[[nodiscard]] std::optional<Answer> check_access_token_auth(const http2::Request& request);

/// The registration that an APNs token becomes: always the same.
[[nodiscard]] std::string import_apns_token(std::string_view apns_token);

}  // namespace fanfare::emulator
