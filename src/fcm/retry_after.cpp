#include "fcm/retry_after.h"

#include <algorithm>
#include <cstdint>

#include "base/time_text.h"

namespace fanfare::fcm {
namespace {

using std::chrono::seconds;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Any count of digits; what is over the cap stays at the cap.
seconds read_capped(std::string_view digits) {
  std::int64_t value = 0;
  for (const char digit : digits) {
    value = std::min<std::int64_t>(value * 10 + (digit - '0'), max_retry_after.count());
  }
  return seconds(value);
}

}  // namespace

std::optional<seconds> parse_retry_after(std::string_view text,
                                         std::chrono::system_clock::time_point received_at) {
  text = trim(text);
  if (is_digits(text)) return read_capped(text);
  if (text.starts_with('-') && is_digits(text.substr(1))) return seconds(0);
  const auto date = parse_http_date(text, received_at);
  if (!date) return std::nullopt;
  if (*date <= received_at) return seconds(0);
  // Compared before subtracting: the ends of the clock's range would overflow.
  if (*date > received_at + max_retry_after) return max_retry_after;
  return std::chrono::ceil<seconds>(*date - received_at);
}

std::optional<seconds> parse_retry_delay(std::string_view text) {
  text = trim(text);
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view fraction =
      dot == std::string_view::npos ? std::string_view("0") : text.substr(dot + 1);
  if (!is_digits(whole) || !is_digits(fraction)) return std::nullopt;
  if (negative) return seconds(0);
  // A started second counts: the wait is a floor.
  const bool round_up = fraction.find_first_not_of('0') != std::string_view::npos;
  return std::min(read_capped(whole) + seconds(round_up ? 1 : 0), max_retry_after);
}

}  // namespace fanfare::fcm
