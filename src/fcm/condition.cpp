#include "fcm/condition.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "fcm/utf8.h"

namespace fanfare::fcm {
namespace {

using Kind = Condition::Kind;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_topic_byte(char c) {
  return is_letter_or_digit(c) || std::string_view("-_.~%").find(c) != std::string_view::npos;
}

Condition negated(Condition operand) {
  if (operand.kind == Kind::negation) return std::move(operand.operands.front());
  Condition node{.kind = Kind::negation};
  node.operands.push_back(std::move(operand));
  return node;
}

Condition joined(Kind kind, Condition left, Condition right) {
  Condition node{.kind = kind};
  node.operands.push_back(std::move(left));
  node.operands.push_back(std::move(right));
  return node;
}

// Recursive descent. After a fault each function returns at once with what it has.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::expected<ParsedCondition, ConditionFault> run() {
    parsed_.root = condition(0);
    if (!fault_ && !at_end()) fail_here("expected && or || or the end");
    if (fault_) return std::unexpected(std::move(*fault_));
    return std::move(parsed_);
  }

 private:
  Condition condition(std::size_t depth) {
    Condition left = factor(depth);
    bool either_before = false;
    while (!fault_) {
      const auto kind = connective();
      if (!kind) break;
      // 'a' && 'b' || 'c' is the same to both readers; only && after || is not.
      parsed_.precedence_trap |= *kind == Kind::both && either_before;
      either_before |= *kind == Kind::either;
      left = joined(*kind, std::move(left), factor(depth));
    }
    return left;
  }

  Condition factor(std::size_t depth) {
    if (depth > max_condition_depth) {
      fail_here(fmt::format("nested deeper than {} levels", max_condition_depth));
      return {};
    }
    if (take("!")) return negated(factor(depth + 1));
    if (!take("(")) return topic();
    Condition inner = condition(depth + 1);
    if (!fault_ && !take(")")) fail_here("expected && or || or )");
    return inner;
  }

  // One & or | is a slip of its own; without it the fault would be "expected the end".
  std::optional<Kind> connective() {
    if (take("&&")) return Kind::both;
    if (take("||")) return Kind::either;
    if (next_is("&") || next_is("|")) fail_here("an operator has two characters: && or ||");
    return std::nullopt;
  }

  Condition topic() {
    Condition node;
    if (!next_is("'") && !next_is("\"")) {
      fail_here("expected a topic, such as 'news' in topics");
      return node;
    }
    const std::size_t begin = place_ + 1;
    const char quote = text_[place_];
    const std::size_t end = text_.find(quote, begin);
    if (end == std::string_view::npos) {
      fail_at(place_, ConditionFault::Kind::syntax, "the quote is never closed");
      return node;
    }
    parsed_.double_quotes |= quote == '"';
    node.topic = text_.substr(begin, end - begin);
    check_name(node.topic, begin);
    if (++topics_ > max_condition_topics) {
      fail_at(place_, ConditionFault::Kind::too_many_topics,
              fmt::format("more than {} topics", max_condition_topics));
    }
    place_ = end + 1;
    if (!take_word("in") || !take_word("topics")) fail_here("expected in topics");
    return node;
  }

  void check_name(std::string_view name, std::size_t begin) {
    const auto* bad = std::ranges::find_if_not(name, is_topic_byte);
    if (bad != name.end()) {
      fail_at(begin + static_cast<std::size_t>(bad - name.begin()),
              ConditionFault::Kind::topic_name, "a topic's name can't have this character");
    } else if (!is_topic_name(name)) {
      fail_at(begin, ConditionFault::Kind::topic_name,
              fmt::format("a topic's name has 1 to {} characters", max_topic_bytes));
    }
  }

  void skip_blanks() {
    place_ = std::min(text_.find_first_not_of(" \t\r\n", place_), text_.size());
  }
  bool at_end() {
    skip_blanks();
    return place_ == text_.size();
  }
  bool next_is(std::string_view sign) {
    skip_blanks();
    return text_.substr(place_).starts_with(sign);
  }
  bool take(std::string_view sign) {
    if (fault_ || !next_is(sign)) return false;
    place_ += sign.size();
    return true;
  }
  // "in" is not the start of "inside".
  bool take_word(std::string_view word) {
    if (!next_is(word)) return false;
    const std::size_t end = place_ + word.size();
    if (end < text_.size() && is_letter_or_digit(text_[end])) return false;
    place_ = end;
    return true;
  }

  void fail_here(std::string_view what) {
    skip_blanks();
    fail_at(place_, ConditionFault::Kind::syntax, what);
  }
  void fail_at(std::size_t position, ConditionFault::Kind kind, std::string_view what) {
    if (fault_) return;
    constexpr std::size_t shown_bytes = 20;
    const std::string there = clean_prefix(text_.substr(position), shown_bytes);
    fault_ = ConditionFault{
        kind, position,
        there.empty() ? fmt::format("at the end: {}", what)
                      : fmt::format("at character {}, before `{}`: {}", position + 1, there, what)};
  }

  std::string_view text_;
  std::size_t place_ = 0;
  std::size_t topics_ = 0;
  ParsedCondition parsed_;
  std::optional<ConditionFault> fault_;
};

void write(std::string& out, const Condition& node);

void write_operand(std::string& out, const Condition& node) {
  const bool group = node.kind == Kind::both || node.kind == Kind::either;
  if (group) out += '(';
  write(out, node);
  if (group) out += ')';
}

void write(std::string& out, const Condition& node) {
  switch (node.kind) {
    case Kind::topic:
      out += fmt::format("'{}' in topics", node.topic);
      return;
    case Kind::negation:
      out += "!(";
      write(out, node.operands[0]);
      out += ')';
      return;
    case Kind::both:
    case Kind::either:
      write_operand(out, node.operands[0]);
      out += node.kind == Kind::both ? " && " : " || ";
      write_operand(out, node.operands[1]);
      return;
  }
}

}  // namespace

bool is_topic_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= max_topic_bytes &&
         std::ranges::all_of(name, is_topic_byte);
}

std::expected<ParsedCondition, ConditionFault> parse_condition(std::string_view text) {
  return Parser(text).run();
}

std::string write_condition(const Condition& condition) {
  std::string out;
  write(out, condition);
  return out;
}

}  // namespace fanfare::fcm
