// Any text as method and path: an operation with all parts of its pattern, none of them empty or
// with a control character, or a refusal with its code.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway/api.h"

namespace {

using namespace fanfare::gateway;

void require(bool holds) {
  if (!holds) std::abort();
}

Operations the_operations() {
  Operations operations;
  for (const auto& [method, pattern] : {
           std::pair("GET", "/v1/projects"),
           std::pair("GET", "/v1/projects/{project}/devices"),
           std::pair("GET", "/v1/projects/{project}/devices:count"),
           std::pair("GET", "/v1/projects/{project}/devices/{device}"),
           std::pair("DELETE", "/v1/projects/{project}/devices/{device}"),
           std::pair("POST", "/v1/projects/{project}/devices/{device}:retire"),
           std::pair("GET", "/v1/projects/{project}/devices/{device}/history"),
       }) {
    operations.add({pattern, method, pattern, std::nullopt, [](const Call&, Respond) {}});
  }
  return operations;
}

bool is_clean(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Operations operations = the_operations();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto blank = std::min(text.size(), text.find(' '));
  const auto target = text.substr(std::min(text.size(), blank + 1));
  const auto found = operations.find(text.substr(0, blank), target);
  for (const auto* parts : {&found.path, &found.query}) {
    for (const auto& [name, value] : *parts) require(is_clean(name) && is_clean(value));
  }
  if (found.operation == nullptr) {
    require(found.refusal.code == 400 || found.refusal.code == 404 || found.refusal.code == 405);
    require((found.refusal.code == 405) == !found.allow.empty());
    return 0;
  }
  const auto braces = std::ranges::count(found.operation->pattern, '{');
  require(found.path.size() == static_cast<std::size_t>(braces));
  for (const auto& [name, value] : found.path) {
    require(!value.empty() && value != "." && value != "..");
  }
  return 0;
}
