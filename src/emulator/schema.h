// The shape of a messages:send request, and what Google's JSON parser says when a body has
// another. Parsing comes before everything FCM itself checks, and its faults carry a BadRequest
// but no FcmError.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace fanfare::emulator {

struct FieldFault {
  std::string field;  ///< "message.data[0].value"; empty for the request itself.
  std::string text;
};

/// All that the parser has against a request, at most ten; empty when it fits. Names are taken in
/// snake_case and camelCase, null means unset.
[[nodiscard]] std::vector<FieldFault> find_schema_faults(const boost::json::value& request);

/// The member with this snake_case name under either spelling; null when absent or JSON null.
[[nodiscard]] const boost::json::value* find_member(const boost::json::object& object,
                                                    std::string_view snake_name);

/// The same where it is an object, or a text; null, or empty, where it is not.
[[nodiscard]] const boost::json::object* object_in(const boost::json::object& object,
                                                   std::string_view snake_name);
[[nodiscard]] std::string_view text_in(const boost::json::object& object,
                                       std::string_view snake_name);

/// Whole seconds of a valid Duration ("3.5s" is 3), as FCM rounds ttl.
[[nodiscard]] std::int64_t duration_seconds(std::string_view text);

}  // namespace fanfare::emulator
