// parse_condition() on any text: never crashes, faults lie within the text, and what it takes is
// written and read back as equal.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "fcm/condition.h"

namespace {

void require(bool claim) {
  if (!claim) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fanfare;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = fcm::parse_condition(text);
  if (!parsed) {
    require(!parsed.error().what.empty() && parsed.error().position <= size);
    return 0;
  }
  const auto again = fcm::parse_condition(fcm::write_condition(parsed->root));
  require(again && again->root == parsed->root && !again->precedence_trap);
  return 0;
}
