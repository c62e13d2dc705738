// Times as text: RFC 3339 (files, JSON) and HTTP dates (Retry-After, Date).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace fanfare {

using SystemTime = std::chrono::system_clock::time_point;

/// "2026-11-24T05:44:00Z", or with milliseconds when there are any.
[[nodiscard]] std::string format_rfc3339(SystemTime time);

/// RFC 3339 date-time with any offset and up to nine fractional digits; a lower-case t or z and a
/// blank in place of T are taken too (RFC 3339, 5.6). A bare date is midnight UTC. nullopt for
/// anything else, including dates that do not exist and those outside the years 1678 to 2261.
[[nodiscard]] std::optional<SystemTime> parse_rfc3339(std::string_view text);

/// The preferred form of RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string format_http_date(SystemTime time);

/// All three forms that RFC 9110, 5.6.7 makes a recipient accept. `now` settles the century of
/// the two-digit year of RFC 850 dates: more than 50 years ahead means the past. nullopt
/// for anything else, and outside the years 1678 to 2261.
[[nodiscard]] std::optional<SystemTime> parse_http_date(std::string_view text, SystemTime now);

/// "30d", "12h", "45m", "90s", "2w"; a bare number is not taken. nullopt when malformed, negative
/// or over a hundred years.
[[nodiscard]] std::optional<std::chrono::seconds> parse_span(std::string_view text);

}  // namespace fanfare
