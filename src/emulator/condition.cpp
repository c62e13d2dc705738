#include "emulator/condition.h"

#include <algorithm>
#include <cstddef>

namespace fanfare::emulator {
namespace {

constexpr std::size_t max_topics = 5;
constexpr std::size_t max_depth = 100;  // Of parentheses and !; nobody writes more by hand.

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool whole() { return expression(0) && (skip_blanks(), rest_.empty()) && topics_ <= max_topics; }

 private:
  bool expression(std::size_t depth) {
    if (!term(depth)) return false;
    while (take("&&") || take("||")) {
      if (!term(depth)) return false;
    }
    return true;
  }

  bool term(std::size_t depth) {
    if (depth > max_depth) return false;
    if (take("!")) return term(depth + 1);
    if (take("(")) return expression(depth + 1) && take(")");
    return topic();
  }

  bool topic() {
    if (!take("'")) return false;
    const auto end = rest_.find('\'');
    if (end == std::string_view::npos || !is_topic_name(rest_.substr(0, end))) return false;
    rest_.remove_prefix(end + 1);
    ++topics_;
    return take_word("in") && take_word("topics");
  }

  bool take(std::string_view sign) {
    skip_blanks();
    if (!rest_.starts_with(sign)) return false;
    rest_.remove_prefix(sign.size());
    return true;
  }

  bool take_word(std::string_view word) {
    if (!take(word)) return false;
    return rest_.empty() || !((rest_[0] >= 'a' && rest_[0] <= 'z') ||
                              (rest_[0] >= 'A' && rest_[0] <= 'Z') || rest_[0] == '_');
  }

  void skip_blanks() {
    const auto start = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(start, rest_.size()));
  }

  std::string_view rest_;
  std::size_t topics_ = 0;
};

}  // namespace

bool is_topic_name(std::string_view name) noexcept {
  constexpr std::size_t longest = 900;
  if (name.empty() || name.size() > longest) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.~%").find(c) != std::string_view::npos;
  });
}

bool is_condition(std::string_view text) noexcept {
  return Parser(text).whole();
}

}  // namespace fanfare::emulator
