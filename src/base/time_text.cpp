#include "base/time_text.h"

#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace fanfare {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 12> month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> day_names = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};

// A reader that walks over text; every step says whether it matched.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool literal(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  bool one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `digits` digits, the first of which may be a blank where asctime pads with one.
  bool number(std::size_t digits, int& out, bool blank_padded = false) {
    if (rest_.size() < digits) return false;
    std::string_view part = rest_.substr(0, digits);
    if (blank_padded && part.front() == ' ') part.remove_prefix(1);
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), out);
    if (error != std::errc{} || end != part.data() + part.size() || out < 0) return false;
    rest_.remove_prefix(digits);
    return true;
  }
  template <std::size_t N>
  bool name(const std::array<std::string_view, N>& names, int& out) {
    for (std::size_t i = 0; i < N; ++i) {
      if (literal(names[i])) return out = static_cast<int>(i), true;
    }
    return false;
  }
  // Fractional digits after the dot, as nanoseconds; further digits than nine are refused.
  bool fraction(nanoseconds& out) {
    std::int64_t value = 0;
    int digits = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9' && digits < 9) {
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
      ++digits;
    }
    if (digits == 0) return false;
    for (; digits < 9; ++digits) value *= 10;
    out = nanoseconds(value);
    return true;
  }
  // Up to the next comma, dropped: the day names of RFC 850 dates carry no information.
  bool skip_word_and(std::string_view after) {
    const auto at = rest_.find(after);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + after.size());
    return true;
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<SystemTime> make_time(int year, int month, int day, int hour, int minute,
                                    int second) {
  const year_month_day date{std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  // The clock counts nanoseconds in 64 bits: 1677 to 2262, and a day's margin for offsets.
  if (year < 1678 || year > 2261) return std::nullopt;
  // Second 60 is a leap second; it is taken as the second after 59.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

struct Parts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, weekday = 0;
};

Parts parts_of(SystemTime time) {
  const auto days = floor<std::chrono::days>(time);
  const year_month_day date{days};
  const hh_mm_ss clock{floor<seconds>(time - days)};
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()),
          static_cast<int>(clock.seconds().count()),
          static_cast<int>(weekday{days}.c_encoding())};
}

bool read_clock(Reader& reader, Parts& parts) {
  return reader.number(2, parts.hour) && reader.literal(":") && reader.number(2, parts.minute) &&
         reader.literal(":") && reader.number(2, parts.second);
}

std::optional<SystemTime> make_time(const Parts& parts) {
  return make_time(parts.year, parts.month, parts.day, parts.hour, parts.minute, parts.second);
}

}  // namespace

std::string format_rfc3339(SystemTime time) {
  const Parts p = parts_of(time);
  const auto millis = duration_cast<milliseconds>(time - floor<seconds>(time)).count();
  const std::string fraction = millis == 0 ? "" : fmt::format(".{:03}", millis);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", p.year, p.month, p.day, p.hour,
                     p.minute, p.second, fraction);
}

std::optional<SystemTime> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  Parts p;
  if (!(reader.number(4, p.year) && reader.literal("-") && reader.number(2, p.month) &&
        reader.literal("-") && reader.number(2, p.day))) {
    return std::nullopt;
  }
  if (reader.done()) return make_time(p);
  nanoseconds fraction{0};
  if (!reader.one_of("Tt ") || !read_clock(reader, p)) return std::nullopt;
  if (reader.literal(".") && !reader.fraction(fraction)) return std::nullopt;

  seconds offset{0};
  if (!reader.one_of("Zz")) {
    const bool east = reader.literal("+");
    int offset_hours = 0;
    int offset_minutes = 0;
    if (!east && !reader.literal("-")) return std::nullopt;
    if (!(reader.number(2, offset_hours) && reader.literal(":") &&
          reader.number(2, offset_minutes)) ||
        offset_hours > 23 || offset_minutes > 59) {
      return std::nullopt;
    }
    offset = hours(offset_hours) + minutes(offset_minutes);
    if (!east) offset = -offset;
  }
  const auto time = make_time(p);
  if (!time || !reader.done()) return std::nullopt;
  return *time - offset + duration_cast<system_clock::duration>(fraction);
}

std::string format_http_date(SystemTime time) {
  const Parts p = parts_of(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     day_names[static_cast<std::size_t>(p.weekday)], p.day,
                     month_names[static_cast<std::size_t>(p.month - 1)], p.year, p.hour, p.minute,
                     p.second);
}

std::optional<SystemTime> parse_http_date(std::string_view text, SystemTime now) {
  Parts p;
  int month = 0;
  int ignored = 0;

  // IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
  if (Reader r(text); r.name(day_names, ignored) && r.literal(", ") && r.number(2, p.day) &&
                      r.literal(" ") && r.name(month_names, month) && r.literal(" ") &&
                      r.number(4, p.year) && r.literal(" ") && read_clock(r, p) &&
                      r.literal(" GMT") && r.done()) {
    p.month = month + 1;
    return make_time(p);
  }
  // RFC 850: "Sunday, 06-Nov-94 08:49:37 GMT".
  if (Reader r(text); r.name(day_names, ignored) && r.skip_word_and(", ") && r.number(2, p.day) &&
                      r.literal("-") && r.name(month_names, month) && r.literal("-") &&
                      r.number(2, p.year) && r.literal(" ") && read_clock(r, p) &&
                      r.literal(" GMT") && r.done()) {
    p.month = month + 1;
    const int this_year = parts_of(now).year;
    p.year += this_year / 100 * 100;
    if (p.year > this_year + 50) p.year -= 100;
    return make_time(p);
  }
  // asctime: "Sun Nov  6 08:49:37 1994".
  if (Reader r(text); r.name(day_names, ignored) && r.literal(" ") && r.name(month_names, month) &&
                      r.literal(" ") && r.number(2, p.day, true) && r.literal(" ") &&
                      read_clock(r, p) && r.literal(" ") && r.number(4, p.year) && r.done()) {
    p.month = month + 1;
    return make_time(p);
  }
  return std::nullopt;
}

std::optional<std::chrono::seconds> parse_span(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0 || end + 1 != text.data() + text.size()) {
    return std::nullopt;
  }
  std::int64_t unit = 0;
  switch (*end) {
    case 's':
      unit = 1;
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3600;
      break;
    case 'd':
      unit = 86'400;
      break;
    case 'w':
      unit = 604'800;
      break;
    default:
      return std::nullopt;
  }
  constexpr std::int64_t hundred_years = 36'525LL * 86'400;
  if (value > hundred_years / unit) return std::nullopt;
  return std::chrono::seconds(value * unit);
}

}  // namespace fanfare
