// judge() on any answer: never crashes, always a row of the table, and never a dead topic; and its
// short cut for the usual answer says the same.
//
// Input: three bytes for status, target and transport, one for the length of Retry-After, that
// header, and the body.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "fanfare/verdict.h"

#include "fcm/judge.h"
#include "fcm/rules.h"
#include "fcm/utf8.h"

namespace {

using namespace fanfare;

constexpr std::array<int, 16> statuses = {0,   200, 204, 302, 400, 401, 403, 404,
                                          409, 410, 413, 429, 500, 502, 503, 504};

void require(bool claim) {
  if (!claim) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.size() < 4) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(input[i]); };
  const auto target = static_cast<TargetKind>(byte(1) % 4);
  const std::size_t header_size = std::min<std::size_t>(byte(3), input.size() - 4);

  Answer answer;
  answer.status = statuses[byte(0) % statuses.size()];
  answer.transport = static_cast<Answer::Transport>(byte(2) % 3);
  answer.retry_after = input.substr(4, header_size);
  answer.body = input.substr(4 + header_size);
  answer.received_at = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24);

  const Verdict verdict = judge(answer, target);
  Verdict same;
  same.code = same.field = same.name = same.text = "of another answer";
  same.retry_after = std::chrono::seconds(1);
  fcm::judge_into(same, answer, target);
  require(same == verdict);
  const fcm::Rule* row = fcm::find_rule(verdict.rule);
  require(row != nullptr && row->kind == verdict.kind);
  require(verdict.action != Action::retire_device || is_registration(target));
  require(verdict.action != Action::retire_device || answer.status < 500);
  require(fcm::clean_prefix(verdict.text, 512) == verdict.text);
  require(!verdict.retry_after ||
          (verdict.retry_after->count() >= 0 && *verdict.retry_after <= std::chrono::hours(24)));
  return 0;
}
