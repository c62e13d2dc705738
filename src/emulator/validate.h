// What FCM itself has against a message that its JSON parser took.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <boost/json/object.hpp>

#include "emulator/answers.h"

namespace fanfare::emulator {

/// Whom a message is for. Its texts live as long as the request.
struct Target {
  std::string_view field;  ///< "token", "fid", "topic", "condition"; empty: nobody.
  std::string_view value;
};

/// `message` has passed find_schema_faults.
[[nodiscard]] Target target_of(const boost::json::object& message);

/// Whether a message carries nothing but its target, as one does that only asks after a device.
[[nodiscard]] bool is_empty_but_target(const boost::json::object& message);

/// The answer that refuses the message, whoever it is for; nothing when it is in order. FCM's
/// own order of checks is unknown (each capture has one fault); this one goes from the target to
/// the payload. Whether a registration is well formed is not asked here: the devices know.
[[nodiscard]] std::optional<Answer> find_fault(const boost::json::object& message,
                                               std::uint64_t size_limit_bytes, Texts texts = {});

}  // namespace fanfare::emulator
