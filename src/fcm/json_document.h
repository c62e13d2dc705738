// A JSON document as a tree that keeps what Boost.JSON's own tree drops: the order of members,
// members named twice (an error here, as in proto-JSON), and numbers digit by digit. Boost.JSON
// 1.81 rounds decimals (0.3 may come back as 0.30000000000000004), so we use its parser and not
// its values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

namespace fanfare::fcm {

struct JsonMember;

struct JsonValue {
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  std::string text;                 ///< A string's content, a number as written, "true" or "false".
  std::vector<JsonMember> members;  ///< Of an object or, without names, of an array.
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

/// Levels of nesting that are read; FCM's own messages need ten.
inline constexpr std::size_t max_json_depth = 64;

/// Values that are read, since each takes some two hundred bytes of memory and can be two bytes of
/// text; ten thousand messages of twenty fields have fewer.
inline constexpr std::size_t max_json_values = 1U << 18;

/// Error::Kind::input with line and column when the text is no JSON (RFC 8259) in UTF-8, names a
/// member twice, is deeper than max_json_depth or has more than max_json_values.
[[nodiscard]] Result<JsonValue> parse_json(std::string_view text);

/// Appends the value as compact JSON.
void append_json(std::string& out, const JsonValue& value);

/// Where a value's kind is named to a person: "a string", "an object", …
[[nodiscard]] std::string_view describe(JsonValue::Kind kind) noexcept;

}  // namespace fanfare::fcm
