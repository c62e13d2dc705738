#include "delivery/evidence.h"

#include <fmt/format.h>

#include "base/json_text.h"

namespace fanfare::delivery {
namespace {

constexpr std::size_t max_body_bytes = 4096;

void append_text(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
  append_json_string(out, value);
}

}  // namespace

std::string make_evidence(const Answer& answer, int attempts, std::int64_t campaign) {
  std::string out = fmt::format("{{\"status\":{}", answer.status);
  append_text(out, "body", utf8_prefix(answer.body, max_body_bytes));
  append_text(out, "retry_after", answer.retry_after);
  append_text(out, "reason", answer.reason);
  fmt::format_to(std::back_inserter(out), ",\"attempts\":{}", attempts);
  if (campaign != 0) fmt::format_to(std::back_inserter(out), ",\"campaign\":{}", campaign);
  out += '}';
  return out;
}

}  // namespace fanfare::delivery
