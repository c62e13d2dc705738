#include "delivery/evidence.h"

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/latest.h"

namespace fanfare::delivery {
namespace {

constexpr std::size_t max_body_bytes = 4096;

void append_text(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
  append_json_string(out, value);
}

std::string write_evidence(const Answer& answer, int attempts, std::int64_t campaign) {
  std::string out = fmt::format("{{\"status\":{}", answer.status);
  append_text(out, "body", utf8_prefix(answer.body, max_body_bytes));
  append_text(out, "retry_after", answer.retry_after);
  append_text(out, "reason", answer.reason);
  fmt::format_to(std::back_inserter(out), ",\"attempts\":{}", attempts);
  if (campaign != 0) fmt::format_to(std::back_inserter(out), ",\"campaign\":{}", campaign);
  out += '}';
  return out;
}

struct Written {
  int status = 0;
  std::string body;
  int attempts = -1;  // Of no answer.
  std::int64_t campaign = 0;
  std::string text;
};

}  // namespace

// A fleet's dead are told in a few texts, word for word.
std::string make_evidence(const Answer& answer, int attempts, std::int64_t campaign) {
  const bool repeats =
      answer.retry_after.empty() && answer.reason.empty() && answer.body.size() <= max_body_bytes;
  if (!repeats) return write_evidence(answer, attempts, campaign);
  thread_local Latest<Written, 8> latest;
  const Written* known = latest.find([&](const Written& written) {
    return written.status == answer.status && written.attempts == attempts &&
           written.campaign == campaign && written.body == answer.body;
  });
  if (known != nullptr) return known->text;
  return latest
      .keep({answer.status, answer.body, attempts, campaign,
             write_evidence(answer, attempts, campaign)})
      .text;
}

}  // namespace fanfare::delivery
