#include <charconv>

#include <fmt/format.h>

#include "http2/pool.h"

namespace fanfare::http2 {
namespace {

std::unexpected<Error> refuse(std::string_view url, std::string_view why) {
  return fail(Error::Kind::usage, fmt::format("\"{}\" is not an origin: {}", url, why),
              "Write it as https://host or https://host:port; http:// is plaintext.");
}

bool has_prefix_of_any_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::ranges::equal(text.substr(0, prefix.size()), prefix, [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

/// What may stand in a host name or an address; the rest is decided by who looks it up.
bool plausible_host(std::string_view host, bool bracketed) {
  constexpr std::string_view letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  constexpr std::string_view address = "0123456789abcdefABCDEF:.";
  return !host.empty() &&
         host.find_first_not_of(bracketed ? address : letters) == std::string_view::npos;
}

}  // namespace

std::string Origin::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

Result<Origin> parse_origin(std::string_view url) {
  Origin origin;
  std::string_view rest = url;
  if (has_prefix_of_any_case(url, "https://")) {
    rest.remove_prefix(8);
  } else if (has_prefix_of_any_case(url, "http://")) {
    rest.remove_prefix(7);
    origin.tls = false;
    origin.port = 80;
  } else {
    return refuse(url, "it must begin with https:// or http://");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@\\") != std::string_view::npos) {
    return refuse(url, "it must have no path, query, fragment or user");
  }
  const bool bracketed = rest.starts_with('[');
  const std::size_t host_end = bracketed ? rest.find(']') : rest.find(':');
  std::string_view host = rest.substr(0, host_end);
  std::string_view tail = host_end == std::string_view::npos ? "" : rest.substr(host_end);
  if (bracketed) {
    host.remove_prefix(1);
    if (tail.empty()) return refuse(url, "a bracket is not closed");
    tail.remove_prefix(1);
  }
  if (!plausible_host(host, bracketed)) return refuse(url, "its host name is malformed");
  if (!tail.empty()) {
    const auto port = tail.starts_with(':') ? parse_port(tail.substr(1)) : std::nullopt;
    if (!port) return refuse(url, "its port must be a number from 1 to 65535");
    origin.port = *port;
  }
  origin.host = host;
  return origin;
}

}  // namespace fanfare::http2
