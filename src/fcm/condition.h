// Conditions: boolean expressions over topics, as the target "condition" carries them.
//
//   condition = factor { ("&&" | "||") factor }      read from left to right
//   factor    = "!" factor | "(" condition ")" | topic
//   topic     = "'" name "'" "in" "topics"
//
// The trap is in the first line: && does not bind tighter than ||. 'a' || 'b' && 'c' is
// ('a' || 'b') && 'c' to FCM and 'a' || ('b' && 'c') to whoever knows C, so that it is flagged.
// Source: FCM docs, "Send messages to topics": parentheses first, then left to right; at most five
// topics. FCM answers a malformed condition with a bare 400 that names nothing, which is why the
// position is worth finding here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace fanfare::fcm {

/// Most topics in one condition, and most bytes in a topic's name.
inline constexpr std::size_t max_condition_topics = 5;
inline constexpr std::size_t max_topic_bytes = 900;

/// Levels of parentheses and negations that are read. Five topics need four; the bound is ours.
inline constexpr std::size_t max_condition_depth = 32;

/// 1 to 900 of [a-zA-Z0-9-_.~%], without the /topics/ prefix.
[[nodiscard]] bool is_topic_name(std::string_view name) noexcept;

/// One node. Two negations cancel out, so that `negation` never stands on a `negation`.
struct Condition {
  enum class Kind : std::uint8_t { topic, negation, both, either };
  Kind kind = Kind::topic;
  std::string topic = {};                ///< Of a topic: its name.
  std::vector<Condition> operands = {};  ///< One of a negation, two of `both` (&&) and `either`.
  bool operator==(const Condition&) const = default;
};

struct ParsedCondition {
  Condition root;
  bool double_quotes = false;    ///< A name stands in "…", which FCM does not document.
  bool precedence_trap = false;  ///< && and || are mixed where C would read it otherwise.
};

struct ConditionFault {
  enum class Kind : std::uint8_t { syntax, topic_name, too_many_topics };
  Kind kind = Kind::syntax;
  std::size_t position = 0;  ///< Byte at which it was noticed, from 0.
  std::string what;          ///< With the position, counted from 1, and what stands there.
};

/// The first fault ends the reading.
[[nodiscard]] std::expected<ParsedCondition, ConditionFault> parse_condition(std::string_view text);

/// Reads back as equal, and means the same with and without precedence.
[[nodiscard]] std::string write_condition(const Condition& condition);

}  // namespace fanfare::fcm
