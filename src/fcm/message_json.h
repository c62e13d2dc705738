// A message as JSON text: reading what people and programs wrote, writing what FCM takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// What the reader could not take, one place at a time.
struct ReadFault {
  enum class Kind : std::uint8_t {
    json,     ///< The text is no JSON, or is not nested as FCM's messages are.
    unknown,  ///< FCM knows no such field.
    value,    ///< A wrong type, or a value that is not of the field's kind.
    twice,    ///< A field in both spellings.
    targets,  ///< More than one target.
  };
  Kind kind = Kind::json;
  std::string path;  ///< "message.android.ttl"; empty when the text is no JSON.
  std::string what;
  std::string remedy;
};

struct ReadMessage {
  ParsedMessage parsed;           ///< What could be read; the rest is unset.
  std::vector<ReadFault> faults;  ///< In the order of the message's fields.
};

/// parse_message for whoever mends the text: goes on after a fault and tells them all.
[[nodiscard]] ReadMessage read_message(std::string_view json);

/// Writes the message as compact JSON, with its target if given; parse_message reads it back as
/// equal. Fields in a fixed order, in snake_case.
[[nodiscard]] std::string write_message(const Message& message,
                                        const std::optional<Target>& target = std::nullopt);

}  // namespace fanfare::fcm
