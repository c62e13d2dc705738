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

std::string make_evidence(const client::Attempt& attempt, int attempts, std::int64_t campaign) {
  std::string out = fmt::format("{{\"status\":{}", attempt.answer.status);
  append_text(out, "body", utf8_prefix(attempt.answer.body, max_body_bytes));
  append_text(out, "retry_after", attempt.answer.retry_after);
  append_text(out, "reason", attempt.answer.reason);
  fmt::format_to(std::back_inserter(out), ",\"attempts\":{}", attempts);
  if (campaign != 0) fmt::format_to(std::back_inserter(out), ",\"campaign\":{}", campaign);
  out += '}';
  return out;
}

}  // namespace fanfare::delivery
