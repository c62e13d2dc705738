#include "http2/answer_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <nghttp2/nghttp2.h>

namespace fanfare::http2 {
namespace {

const std::uint8_t* as_bytes(std::string_view text) noexcept {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

bool is_name(std::string_view text) noexcept {
  return nghttp2_check_header_name(as_bytes(text), text.size()) != 0;
}
bool is_value(std::string_view text) noexcept {
  return nghttp2_check_header_value_rfc9113(as_bytes(text), text.size()) != 0;
}

/// "trailers", in any case.
bool says_trailers(std::string_view text) noexcept {
  return std::ranges::equal(text, std::string_view("trailers"), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
  });
}

/// RFC 9113, 8.2.2: what speaks of a connection has no meaning here.
bool speaks_of_connection(std::string_view name, std::string_view value) noexcept {
  constexpr std::array names{std::string_view("connection"), std::string_view("keep-alive"),
                             std::string_view("proxy-connection"),
                             std::string_view("transfer-encoding"), std::string_view("upgrade")};
  return std::ranges::find(names, name) != names.end() || (name == "te" && !says_trailers(value));
}

/// Digits alone; at most 2^63 - 1, so that a sum of lengths can't overflow.
std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (error != std::errc{} || stopped != text.data() + text.size() || number > most)
    return std::nullopt;
  return number;
}

}  // namespace

AnswerRules::Field AnswerRules::on_field(std::string_view name, std::string_view value) {
  if (!is_name(name) || !is_value(value)) return Field::malformed;
  if (name == ":status") return on_status(value);
  if (name.starts_with(':')) return Field::malformed;
  regular_ = true;
  if (name == "content-length") return on_length(value);
  return speaks_of_connection(name, value) ? Field::malformed : Field::kept;
}

AnswerRules::Field AnswerRules::on_status(std::string_view value) {
  if (block_ == Block::trailers || regular_ || status_ || value.size() != 3) {
    return Field::malformed;
  }
  const auto number = parse_digits(value);
  // 101 has no meaning in HTTP/2 (RFC 9113, 8.6).
  if (!number || *number == 101) return Field::malformed;
  status_ = static_cast<int>(*number);
  return Field::kept;
}

AnswerRules::Field AnswerRules::on_length(std::string_view value) {
  const auto number = parse_digits(value);
  if (length_ || !number || status() / 100 == 1) return Field::malformed;
  if (status() == 204 && value != "0") return Field::malformed;
  length_ = number;
  // It says nothing there, and is forbidden; some servers send it all the same.
  return status() == 204 ? Field::dropped : Field::kept;
}

}  // namespace fanfare::http2
