#include "gateway/payload_breaker.h"

#include <functional>

namespace fanfare::gateway {

void PayloadBreaker::note(std::string_view text, const Verdict& verdict) {
  if (verdict.kind != VerdictKind::accepted && verdict.kind != VerdictKind::message_invalid) return;
  if (verdict.kind == VerdictKind::accepted && faults_.empty()) return;
  const std::size_t hash = std::hash<std::string_view>{}(text);
  if (verdict.kind == VerdictKind::accepted) {
    faults_.erase(hash);
    return;
  }
  if (faults_.size() >= most_texts && !faults_.contains(hash)) faults_.clear();
  Faults& faults = faults_[hash];
  if (faults.verdict.rule != verdict.rule || faults.verdict.field != verdict.field) {
    faults = {.verdict = verdict, .count = 0};
  }
  ++faults.count;
}

std::optional<Verdict> PayloadBreaker::refuses(std::string_view text) const {
  if (faults_.empty()) return std::nullopt;
  const auto at = faults_.find(std::hash<std::string_view>{}(text));
  if (at == faults_.end() || at->second.count < limit) return std::nullopt;
  return at->second.verdict;
}

}  // namespace fanfare::gateway
