// What can be known of a message before it is sent: all that is wrong or doubtful, at once.
//
//   for (const Finding& finding : check_message(message, target)) { … }
//
// A fault is only what FCM is known to refuse, so that a message without faults may still be
// refused, and a message with one is not worth a request. A warning is a trap: FCM takes the
// message and something other happens than was meant. docs/checks.md has a paragraph for each
// rule, with its source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/message.h"
#include "fanfare/target.h"

namespace fanfare {

/// How bad a finding is.
enum class Severity : std::uint8_t {
  fault,    ///< FCM refuses this message, to whomever it goes.
  warning,  ///< FCM takes it, but it may not do what was meant.
};

/// "fault", "warning".
[[nodiscard]] constexpr std::string_view to_string(Severity severity) noexcept {
  return severity == Severity::fault ? "fault" : "warning";
}

/// One thing that is wrong or doubtful in a message.
struct Finding {
  Severity severity = Severity::fault;  ///< Whether FCM would refuse it.
  /// Stable id of the rule, such as "check.ttl_range". Points to static storage.
  std::string_view rule;
  std::string path;    ///< "message.android.ttl"; "message" when no one field is at fault.
  std::string what;    ///< What is found there; may quote the message.
  std::string remedy;  ///< What a person can do about it; never empty.
  bool operator==(const Finding&) const = default;
};

/// The message to this target, faults first. nullopt: it has none, which is a fault.
[[nodiscard]] std::vector<Finding> check_message(const Message& message,
                                                 const std::optional<Target>& target);

/// The message alone, for when it goes to many.
[[nodiscard]] std::vector<Finding> check_message(const Message& message);

/// The target alone: an empty value, a topic's name, a condition. Registrations are FCM's to know.
[[nodiscard]] std::vector<Finding> check_target(const Target& target);

/// About how many bytes of payload each platform gets: its data (keys and values), and the texts
/// of its notification. FCM does not say how it counts, so that this is an estimate.
struct SizeEstimate {
  std::size_t android_bytes = 0;  ///< What an Android device gets.
  std::size_t apns_bytes = 0;     ///< What an Apple device gets.
  std::size_t webpush_bytes = 0;  ///< What a browser gets.
  bool operator==(const SizeEstimate&) const = default;
};
/// The estimate that check.size and check.too_large compare with their limits.
[[nodiscard]] SizeEstimate estimate_size(const Message& message);

/// The documented limit of the payload: 4096 bytes, and 2048 for topics and conditions (FCM's
/// reference, "ErrorCode"). FCM was seen to take somewhat more (docs/protocol.md, "Limits").
[[nodiscard]] constexpr std::size_t payload_limit_bytes(TargetKind kind) noexcept {
  return is_registration(kind) ? 4096 : 2048;
}

}  // namespace fanfare
