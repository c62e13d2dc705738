#include "http2/exchange.h"

#include <algorithm>

namespace fanfare::http2 {

std::string_view find_header(const Headers& headers, std::string_view name) noexcept {
  const auto found = std::ranges::find(headers, name, &Header::name);
  return found == headers.end() ? std::string_view{} : std::string_view{found->value};
}

bool says_length(const RequestHead& head, std::size_t body_bytes) noexcept {
  return (body_bytes > 0 || head.method == "POST") &&
         find_header(head.headers, "content-length").empty();
}

std::string_view find_header(const Response& response, std::string_view name) noexcept {
  const auto own = find_header(response.headers, name);
  return own.empty() && response.common ? find_header(*response.common, name) : own;
}

}  // namespace fanfare::http2
