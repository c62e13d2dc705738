#include "fcm/rules.h"

#include <algorithm>

namespace fanfare {

std::string_view remedy_for(std::string_view rule) noexcept {
  const fcm::Rule* row = fcm::find_rule(rule);
  return row == nullptr ? std::string_view() : row->remedy;
}

namespace fcm {

const Rule* find_rule(std::string_view id) noexcept {
  const auto* found = std::ranges::find(rule_table, id, &Rule::id);
  return found == rule_table.end() ? nullptr : found;
}

Verdict make_verdict(const Rule& row) {
  Verdict verdict;
  verdict.kind = row.kind;
  verdict.rule = row.id;
  verdict.fault_domain = row.domain;
  verdict.action = action_of(row.kind);
  return verdict;
}

}  // namespace fcm
}  // namespace fanfare
