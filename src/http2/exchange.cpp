#include "http2/exchange.h"

#include <algorithm>

namespace fanfare::http2 {

std::string_view find_header(const Headers& headers, std::string_view name) noexcept {
  const auto found = std::ranges::find(headers, name, &Header::name);
  return found == headers.end() ? std::string_view{} : std::string_view{found->value};
}

}  // namespace fanfare::http2
