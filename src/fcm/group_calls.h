// Device groups: one notification key that reaches up to 20 registrations of one user (FCM:
// "device-group"). It is sent to like a token.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fanfare/result.h"
#include "fanfare/verdict.h"

namespace fanfare::fcm {

enum class GroupDeed : std::uint8_t { create, add, remove };

inline constexpr std::size_t max_group_members = 20;

/// POST for a deed; every request has the headers access_token_auth: true and project_id, the
/// project's number.
[[nodiscard]] std::string_view group_path() noexcept;
/// GET: the key of the group of that name.
[[nodiscard]] std::string group_key_path(std::string_view name);

/// `key` is left out where it is empty, as it is when a group is created; so is `name`.
[[nodiscard]] std::string group_body(GroupDeed deed, std::string_view name, std::string_view key,
                                     std::span<const std::string> registrations);

/// The group's notification key. Error::Kind::network when the body has none.
[[nodiscard]] Result<std::string> parse_group_key(std::string_view body);

/// What an answer to any of these requests means.
[[nodiscard]] Verdict judge_group(const Answer& answer);

}  // namespace fanfare::fcm
