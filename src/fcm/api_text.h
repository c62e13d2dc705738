// What the requests and answers of FCM's other APIs have in common.
#pragma once

#include <string>
#include <string_view>

#include "fanfare/result.h"
#include "fanfare/verdict.h"

#include "fcm/json_document.h"

namespace fanfare::fcm {

/// Bytes as they stand in one segment of a path or in a query (RFC 3986, 2.1): all but the
/// unreserved ones are escaped. Tokens contain ':'.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// A body that is a JSON object; Error::Kind::network for all else, as FCM did not write it.
[[nodiscard]] Result<JsonValue> parse_api_object(std::string_view body);

/// What is said about a body that FCM does not document.
[[nodiscard]] std::unexpected<Error> not_documented(std::string_view what);

/// nullptr when there is none.
[[nodiscard]] const JsonValue* member(const JsonValue& object, std::string_view name) noexcept;
/// Google writes camelCase and documents snake_case: the first that is there.
[[nodiscard]] const JsonValue* member(const JsonValue& object, std::string_view camel,
                                      std::string_view snake) noexcept;
/// Empty when there is none or it is no string.
[[nodiscard]] std::string text_member(const JsonValue& object, std::string_view name);

/// judge() for an API that sends nothing: a 200 is `done` when its body is `readable`.
[[nodiscard]] Verdict judge_call(const Answer& answer, TargetKind target, bool readable,
                                 std::string_view done = "api.done");

}  // namespace fanfare::fcm
