// A message as JSON text: reading what people and programs wrote, writing what FCM takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fanfare/message.h"
#include "fanfare/result.h"
#include "fanfare/target.h"

namespace fanfare::fcm {

struct ParsedMessage {
  Message message;
  std::optional<Target> target;  ///< When the text names one.
  bool validate_only = false;    ///< Of the request form only.
};

/// Reads FCM's `Message`, or a whole request {"message": {…}, "validate_only": …}. Field names in
/// snake_case or lowerCamelCase; null and an empty string mean unset (proto-JSON). `name`, which
/// only FCM sets, is skipped.
/// Error::Kind::input, with the field's full path, for malformed JSON, an unknown field, a field
/// given in both spellings, a wrong type, and more than one target.
[[nodiscard]] Result<ParsedMessage> parse_message(std::string_view json);

/// Writes the message as compact JSON, with its target if given; parse_message reads it back as
/// equal. Fields in a fixed order, in snake_case.
[[nodiscard]] std::string write_message(const Message& message,
                                        const std::optional<Target>& target = std::nullopt);

}  // namespace fanfare::fcm
