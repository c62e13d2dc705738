#include "emulator/condition.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace fanfare::emulator {
namespace {

constexpr std::size_t max_topics = 5;
constexpr std::size_t max_depth = 100;  // Of parentheses and !; nobody writes more by hand.

// Reads and evaluates at once: conditions are short, and nothing of them needs to be kept.
class Parser {
 public:
  using HasTopic = std::function<bool(std::string_view)>;

  Parser(std::string_view text, const HasTopic& has_topic) : rest_(text), has_topic_(has_topic) {}

  /// The condition's value; nothing when it is none.
  std::optional<bool> whole() {
    const auto value = expression(0);
    skip_blanks();
    return rest_.empty() && topics_ <= max_topics ? value : std::nullopt;
  }

 private:
  std::optional<bool> expression(std::size_t depth) {
    auto value = term(depth);
    while (value) {
      const bool both = take("&&");
      if (!both && !take("||")) return value;
      const auto next = term(depth);
      if (!next) return std::nullopt;
      value = both ? *value && *next : *value || *next;
    }
    return std::nullopt;
  }

  std::optional<bool> term(std::size_t depth) {
    if (depth > max_depth) return std::nullopt;
    if (take("!")) {
      const auto value = term(depth + 1);
      return value ? std::optional(!*value) : std::nullopt;
    }
    if (!take("(")) return topic();
    const auto value = expression(depth + 1);
    return take(")") ? value : std::nullopt;
  }

  std::optional<bool> topic() {
    if (!take("'")) return std::nullopt;
    const auto name = rest_.substr(0, rest_.find('\''));
    if (name.size() == rest_.size() || !is_topic_name(name)) return std::nullopt;
    rest_.remove_prefix(name.size() + 1);
    ++topics_;
    if (!take_word("in") || !take_word("topics")) return std::nullopt;
    return has_topic_(name);
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
  const HasTopic& has_topic_;
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

bool is_condition(std::string_view text) {
  const Parser::HasTopic nobody = [](std::string_view) { return false; };
  return Parser(text, nobody).whole().has_value();
}

bool holds(std::string_view condition, const std::function<bool(std::string_view)>& has_topic) {
  return Parser(condition, has_topic).whole().value_or(false);
}

}  // namespace fanfare::emulator
