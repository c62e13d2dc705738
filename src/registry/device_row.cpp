#include "registry/device_row.h"

#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace fanfare::registry {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// Unix seconds or milliseconds.
std::optional<SystemTime> parse_unix_time(std::string_view text) {
  constexpr std::int64_t least_millis = 100'000'000'000;
  constexpr std::int64_t last_second = 9'200'000'000;  // 2261; the clock ends in 2262.
  std::int64_t whole = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.begin(), last, whole);
  if (error != std::errc{} || whole < 0) return std::nullopt;
  if (whole >= least_millis) {
    if (end != last || whole / 1000 > last_second) return std::nullopt;
    return SystemTime(std::chrono::milliseconds(whole));
  }
  if (whole > last_second) return std::nullopt;
  std::int64_t fraction = 0;
  if (end != last) {
    if (*end != '.' || end + 1 == last) return std::nullopt;
    std::int64_t unit = 1'000'000'000;
    for (const char* at = end + 1; at != last; ++at) {
      if (!is_digit(*at)) return std::nullopt;
      unit /= 10;
      fraction += (*at - '0') * unit;
    }
  }
  return SystemTime(std::chrono::seconds(whole) + std::chrono::nanoseconds(fraction));
}

// The time of a database as RFC 3339 would write it; anything else as it is.
std::string with_offset(std::string_view text) {
  constexpr std::size_t seconds_end = 19;  // 2026-11-24 05:44:00
  std::string out(text);
  if (text.size() < seconds_end || text[4] != '-' || text[13] != ':') return out;
  auto zone = seconds_end;
  if (zone < text.size() && text[zone] == '.') {
    ++zone;
    while (zone < text.size() && is_digit(text[zone])) ++zone;
  }
  const std::string_view offset = text.substr(zone);
  if (offset.empty()) return out + 'Z';
  if (offset == " UTC" || offset == " GMT") return out.replace(zone, std::string::npos, "Z");
  if (offset.front() != '+' && offset.front() != '-') return out;
  if (offset.size() == 3) return out + ":00";
  if (offset.size() == 5) out.insert(zone + 3, ":");
  return out;
}

// What MySQL keeps where there is no time.
bool is_zero_date(std::string_view text) noexcept {
  return text.starts_with("0000-00-00");
}

}  // namespace

std::optional<SystemTime> parse_file_time(std::string_view text) {
  if (auto time = parse_rfc3339(text)) return time;
  if (auto time = parse_unix_time(text)) return time;
  return parse_rfc3339(with_offset(text));
}

std::string DeviceRow::fault(bool clean) {
  const std::string_view token = get(Field::token);
  const std::string_view fid = get(Field::fid);
  if (!token.empty() && !fid.empty()) return "both token and fid are given; a device has one";
  const std::string_view registration = fid.empty() ? token : fid;
  const bool plainly_good = clean && !registration.empty() &&
                            registration.size() <= max_registration_bytes &&
                            registration.find(' ') == std::string_view::npos;
  if (!plainly_good) {
    if (auto wrong = registration_fault(registration); !wrong.empty()) return wrong;
  }
  for (const Field field :
       {Field::user, Field::platform, Field::locale, Field::tags, Field::app_version,
        Field::project, Field::rule, Field::device_id, Field::timezone}) {
    const std::string_view value = get(field);
    if (value.size() > max_field_bytes) {
      return fmt::format("{} is longer than {} bytes", to_string(field), max_field_bytes);
    }
    if (clean) continue;
    if (has_control_characters(value)) {
      return fmt::format("{} contains control characters", to_string(field));
    }
    if (!is_utf8(value)) return fmt::format("{} is not UTF-8", to_string(field));
  }
  last_seen_.reset();
  const auto seen = trim(get(Field::last_seen));
  if (seen.empty() || is_zero_date(seen)) return {};
  last_seen_ = parse_file_time(seen);
  if (!last_seen_) {
    return "last_seen is not a time such as 2026-11-24T05:44:00Z (RFC 3339), 2026-11-24 05:44:00 "
           "or Unix seconds or milliseconds";
  }
  return {};
}

// A `state` that is none of ours is some other column of that name.
Device DeviceRow::device(bool foreign_state) const {
  Device device;
  const std::string_view fid = get(Field::fid);
  device.registration.kind = fid.empty() ? TargetKind::token : TargetKind::fid;
  device.registration.value = fid.empty() ? get(Field::token) : fid;
  device.user = get(Field::user);
  device.installation = get(Field::device_id);
  device.time_zone = get(Field::timezone);
  device.platform = normal_platform(get(Field::platform));
  device.locale = get(Field::locale);
  device.tags = split_tags(get(Field::tags));
  device.app_version = get(Field::app_version);
  device.last_seen = last_seen_;
  device.project = get(Field::project);
  const std::string_view state = get(Field::state);
  device.state = parse_state(state).value_or(State::active);
  if (foreign_state && (state == "f" || state == "false" || state == "0" || state == "False")) {
    device.state = State::retired;
  }
  if (device.state != State::active) device.rule = get(Field::rule);
  return device;
}

}  // namespace fanfare::registry
