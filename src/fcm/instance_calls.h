// The Instance ID API beyond topics: what is known of a token, and import of APNs tokens. Google
// calls the API deprecated and has no successor for these two.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/api_data.h"
#include "fanfare/result.h"
#include "fanfare/verdict.h"

namespace fanfare::fcm {

/// GET, with the header access_token_auth: true.
[[nodiscard]] std::string instance_path(std::string_view token);

/// Error::Kind::network when the body is not what the API documents.
[[nodiscard]] Result<InstanceInfo> parse_instance(std::string_view body);

/// What an answer to that request means. The API has its own words for a token it does not know;
/// no capture of them is public, so none of them costs a device.
[[nodiscard]] Verdict judge_instance(const Answer& answer, TargetKind target);

/// The most that one request takes.
inline constexpr std::size_t apns_import_batch = 100;

/// POST, with the header access_token_auth: true.
[[nodiscard]] std::string_view apns_import_path() noexcept;
[[nodiscard]] std::string apns_import_body(std::string_view application, bool sandbox,
                                           std::span<const std::string> apns_tokens);

/// The tokens' ends, in the order of the request. Error::Kind::network when the body has none.
[[nodiscard]] Result<std::vector<ImportedToken>> parse_apns_import(std::string_view body);

[[nodiscard]] Verdict judge_apns_import(const Answer& answer);

}  // namespace fanfare::fcm
