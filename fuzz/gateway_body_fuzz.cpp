// Any bytes as the body of a request: refused with a reason, or an object that is written and read
// back to the same.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <boost/json/serialize.hpp>

#include "gateway/api.h"

namespace {

namespace json = boost::json;

void require(bool holds) {
  if (!holds) std::abort();
}

// Boost.JSON's parser rounds the last digits of a fraction as it likes.
bool near(double a, double b) {
  return a == b || std::abs(a - b) <= 1e-14 * std::max(std::abs(a), std::abs(b));
}

bool same(const json::value& a, const json::value& b);

bool same(const json::array& a, const json::array& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i])) return false;
  }
  return true;
}

bool same(const json::object& a, const json::object& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, value] : a) {
    const json::value* other = b.if_contains(name);
    if (other == nullptr || !same(value, *other)) return false;
  }
  return true;
}

bool same(const json::value& a, const json::value& b) {
  if (a.is_double() && b.is_number()) return near(a.get_double(), b.to_number<double>());
  if (a.is_array() && b.is_array()) return same(a.get_array(), b.get_array());
  if (a.is_object() && b.is_object()) return same(a.get_object(), b.get_object());
  return a == b;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = fanfare::gateway::read_object(text, "body");
  if (!read) {
    require(!read.error().message.empty());
    return 0;
  }
  const auto again = fanfare::gateway::read_object(json::serialize(*read), "body");
  require(again.has_value() && same(*read, *again));
  return 0;
}
