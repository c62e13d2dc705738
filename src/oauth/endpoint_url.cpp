#include "oauth/endpoint_url.h"

#include <algorithm>

namespace fanfare::oauth {
namespace {

bool is_this_machine(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  // 127.evil.example is a name that anybody can register; an address has digits and dots only.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos;
}

bool is_metadata_host(std::string_view host) {
  return host == "169.254.169.254" || host == "metadata.google.internal";
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// "http", "https" or nothing.
std::string_view scheme_of(std::string_view url) {
  if (!is_printable(url) || url.contains('#') || host_of(url).empty()) return {};
  if (url.starts_with("https://")) return "https";
  return url.starts_with("http://") ? "http" : "";
}

}  // namespace

std::string_view host_of(std::string_view url) {
  url.remove_prefix(std::min(url.size(), url.find("://") + 3));
  const auto authority = url.substr(0, url.find_first_of("/?#"));
  if (authority.contains('@')) return {};
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

bool is_safe_url(std::string_view url) {
  const auto scheme = scheme_of(url);
  return scheme == "https" || (scheme == "http" && is_this_machine(host_of(url)));
}

bool is_safe_local_url(std::string_view url) {
  return is_safe_url(url) || (scheme_of(url) == "http" && is_metadata_host(host_of(url)));
}

}  // namespace fanfare::oauth
