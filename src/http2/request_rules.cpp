#include "http2/request_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace fanfare::http2 {
namespace {

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

/// RFC 9113, 8.2.1.
bool is_name(std::string_view text) noexcept {
  return is_token(text) && std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}
/// Not find_first_of, which calls a function for each character of an access token.
bool is_value(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) { return c == '\0' || c == '\r' || c == '\n'; });
}

/// RFC 9113, 8.2.2: what speaks of a connection has no meaning here.
bool speaks_of_connection(std::string_view name, std::string_view value) noexcept {
  constexpr std::array names{std::string_view("connection"), std::string_view("keep-alive"),
                             std::string_view("proxy-connection"),
                             std::string_view("transfer-encoding"), std::string_view("upgrade")};
  return std::ranges::find(names, name) != names.end() || (name == "te" && value != "trailers");
}

bool is_path(std::string_view text) noexcept {
  const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c != '\x7f'; });
  return printable && (text.starts_with('/') || text == "*");
}

/// True the first time.
bool note(bool& seen) noexcept {
  return !std::exchange(seen, true);
}

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return length;
}

}  // namespace

std::string_view scheme_name(std::string_view text) noexcept {
  if (text.ends_with(':')) text.remove_suffix(1);
  const bool fits = std::ranges::all_of(
      text, [](char c) { return is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; });
  return fits ? text : std::string_view();
}

bool RequestRules::on_pseudo_field(std::string_view name, std::string_view value) {
  if (regular_) return false;
  if (name == ":method") return note(method_) && is_token(value);
  if (name == ":scheme") return note(scheme_) && !scheme_name(value).empty();
  if (name == ":path") return note(path_) && is_path(value);
  return name == ":authority" && note(authority_) && is_value(value);
}

bool RequestRules::on_field(std::string_view name, std::string_view value) {
  if (name.starts_with(':')) return on_pseudo_field(name, value);
  regular_ = true;
  if (!is_name(name) || !is_value(value) || speaks_of_connection(name, value)) return false;
  if (name == "host") return note(host_);
  if (name != "content-length") return true;
  const bool first = !length_;
  length_ = parse_length(value);
  return first && length_;
}

bool RequestRules::on_headers_end() const noexcept {
  return method_ && scheme_ && path_ && (authority_ || host_);
}

bool RequestRules::on_trailer(std::string_view name, std::string_view value) const noexcept {
  return is_name(name) && is_value(value) && !speaks_of_connection(name, value);
}

bool RequestRules::on_end(std::size_t body_bytes) const noexcept {
  return !length_ || *length_ == body_bytes;
}

}  // namespace fanfare::http2
