// Any bytes as the body of a request: refused with a reason, or an object that is written and read
// back to the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <boost/json/serialize.hpp>

#include "gateway/api.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = fanfare::gateway::read_object(text, "body");
  if (!read) {
    require(!read.error().message.empty());
    return 0;
  }
  const auto again = fanfare::gateway::read_object(boost::json::serialize(*read), "body");
  require(again.has_value() && *read == *again);
  return 0;
}
