#include "registry/filter.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "fanfare/target.h"

#include "registry/accepted_block.h"
#include "registry/device.h"
#include "registry/hash.h"
#include "registry/keys.h"

namespace fanfare::registry {

struct Filter::Node {
  enum class Kind : std::uint8_t { all, equals, begins, known, before, after, no, both, either };
  Kind kind = Kind::all;
  std::string field;
  std::string value;
  SystemTime moment{};
  std::shared_ptr<const Node> left;
  std::shared_ptr<const Node> right;
};

namespace {

using Node = Filter::Node;
using NodePtr = std::shared_ptr<const Node>;
using Kind = Node::Kind;

constexpr std::array<std::string_view, 11> fields = {"state", "platform", "user",     "device_id",
                                                     "tag",   "locale",   "timezone", "app_version",
                                                     "kind",  "rule",     "project"};
constexpr std::array<std::string_view, 4> times = {"last_seen", "last_accepted", "created",
                                                   "refreshed"};
constexpr std::string_view field_list =
    "state, platform, user, device_id, tag, locale, timezone, app_version, kind, rule, project, "
    "last_seen, last_accepted, created or refreshed";

// Where the name that people use is not that of the column.
std::string_view column_of(std::string_view field) {
  if (field == "tag") return "tags";
  if (field == "device_id") return "installation";
  if (field == "timezone") return "time_zone";
  return field;
}

bool same_word(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// What stops the parser; caught in Filter::parse.
struct Fault {
  std::size_t offset = 0;
  std::string what;
};

struct Value {
  std::string text;
  bool open_end = false;  // "*" behind it
  std::size_t offset = 0;
};

class Parser {
 public:
  Parser(std::string_view text, SystemTime now) : text_(text), now_(now) {}

  NodePtr whole() {
    skip_blanks();
    if (at_end()) return std::make_shared<Node>();
    auto node = either();
    skip_blanks();
    if (!at_end()) expected("'and', 'or' or the end");
    return node;
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  [[noreturn]] void expected(std::string_view what) const {
    const std::string found = at_end() ? "the end" : fmt::format("'{}'", next_word());
    throw Fault{at_, fmt::format("expected {}, found {}", what, found)};
  }
  [[nodiscard]] std::string_view next_word() const {
    const auto end = text_.find_first_of(" \t\r\n()", at_ + 1);
    return text_.substr(at_, std::min(end, text_.size()) - at_);
  }

  // Takes the keyword when it stands here as a whole word.
  bool keyword(std::string_view word) {
    skip_blanks();
    if (at_end() || !same_word(next_word(), word)) return false;
    at_ += word.size();
    return true;
  }

  NodePtr either() {
    auto left = both();
    while (keyword("or")) left = joined(Kind::either, left, both());
    return left;
  }

  NodePtr both() {
    auto left = part();
    while (keyword("and")) left = joined(Kind::both, left, part());
    return left;
  }

  static NodePtr joined(Kind kind, NodePtr left, NodePtr right) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->left = std::move(left);
    node->right = std::move(right);
    return node;
  }

  NodePtr part() {
    skip_blanks();
    if (++depth_ > max_filter_depth) {
      throw Fault{at_, fmt::format("more than {} levels deep", max_filter_depth)};
    }
    auto node = inner_part();
    --depth_;
    return node;
  }

  NodePtr inner_part() {
    if (keyword("not")) return joined(Kind::no, part(), nullptr);
    if (keyword("all")) return std::make_shared<Node>();
    if (peek() != '(') return term();
    ++at_;
    auto node = either();
    skip_blanks();
    if (peek() != ')') expected("')'");
    ++at_;
    return node;
  }

  NodePtr term() {
    const auto end = std::min(text_.find_first_of(":<> \t\r\n()\"", at_), text_.size());
    const std::string_view name = text_.substr(at_, end - at_);
    const auto* const time =
        std::ranges::find_if(times, [&](auto known) { return same_word(name, known); });
    if (time != times.end()) {
      at_ = end;
      return moment(*time);
    }
    const auto* const field =
        std::ranges::find_if(fields, [&](auto known) { return same_word(name, known); });
    if (field == fields.end()) expected(fmt::format("a field ({})", field_list));
    at_ = end;
    if (peek() != ':') expected(fmt::format("':' after {}", *field));
    ++at_;
    return comparison(*field, value(*field));
  }

  NodePtr comparison(std::string_view field, Value value) const {
    auto node = std::make_shared<Node>();
    node->field = field;
    node->kind = value.open_end ? (value.text.empty() ? Kind::known : Kind::begins) : Kind::equals;
    if (field == "state" || field == "kind") check_closed_set(field, value);
    node->value = field == "platform" ? normal_platform(value.text) : std::move(value.text);
    return node;
  }

  static void check_closed_set(std::string_view field, const Value& value) {
    const bool state = field == "state";
    const bool known =
        state ? parse_state(value.text).has_value() : value.text == "token" || value.text == "fid";
    if (known && !value.open_end) return;
    throw Fault{value.offset, fmt::format("expected {}, found '{}{}'",
                                          state ? "active, suspect or retired" : "token or fid",
                                          value.text, value.open_end ? "*" : "")};
  }

  NodePtr moment(std::string_view time) {
    const char sign = peek();
    if (sign != '<' && sign != '>') expected(fmt::format("'<' or '>' after {}", time));
    ++at_;
    const Value limit = value(time);
    auto node = std::make_shared<Node>();
    node->field = time;
    if (const auto age = parse_span(limit.text); age && !limit.open_end) {
      node->moment = now_ - *age;
      node->kind = sign == '<' ? Kind::after : Kind::before;
    } else if (const auto date = parse_rfc3339(limit.text); date && !limit.open_end) {
      node->moment = *date;
      node->kind = sign == '<' ? Kind::before : Kind::after;
    } else {
      throw Fault{limit.offset, fmt::format("expected an age such as 30d or 12h, or a date such as "
                                            "2026-11-24T05:44:00Z, found '{}'",
                                            limit.text)};
    }
    // The store keeps milliseconds; so the text must not promise more.
    node->moment = std::chrono::floor<std::chrono::milliseconds>(node->moment);
    return node;
  }

  Value value(std::string_view field) {
    Value value;
    value.offset = at_;
    const bool quoted = peek() == '"';
    value.text = quoted ? quoted_text() : bare_text();
    if (!quoted && value.text.ends_with('*')) {
      value.text.pop_back();
      value.open_end = true;
    } else if (quoted && peek() == '*') {
      ++at_;
      value.open_end = true;
    } else if (!quoted && value.text.empty()) {
      expected(fmt::format("a value for {}", field));
    }
    if (!quoted && value.text.find_first_of("*\"") != std::string::npos) {
      throw Fault{value.offset,
                  "'*' may only stand at the end and '\"' only around the whole "
                  "value; quote the value to mean them literally"};
    }
    if (has_control_characters(value.text)) {
      throw Fault{value.offset, "the value contains control characters"};
    }
    return value;
  }

  std::string bare_text() {
    const auto end = std::min(text_.find_first_of(" \t\r\n()", at_), text_.size());
    std::string text(text_.substr(at_, end - at_));
    at_ = end;
    return text;
  }

  std::string quoted_text() {
    const std::size_t start = at_++;
    std::string text;
    while (!at_end() && peek() != '"') {
      if (peek() == '\\') ++at_;
      if (at_end()) break;
      text += text_[at_++];
    }
    if (at_end()) throw Fault{start, "this quotation mark is never closed"};
    ++at_;
    return text;
  }

  std::string_view text_;
  SystemTime now_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

std::size_t column_at(std::string_view text, std::size_t offset) {
  // Characters, not bytes: continuation bytes of UTF-8 are not counted.
  return 1 + static_cast<std::size_t>(std::ranges::count_if(text.substr(0, offset), [](char c) {
           return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
         }));
}

bool mentions(const Node& node, std::string_view field) {
  return node.field == field || (node.left && mentions(*node.left, field)) ||
         (node.right && mentions(*node.right, field));
}

bool is_not_retired(const Node& node) {
  return node.kind == Kind::no && node.left->kind == Kind::equals && node.left->field == "state" &&
         parse_state(node.left->value) == State::retired;
}

std::string in_quotes(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

std::string text_of(const Node& node);

std::string text_within(const Node& node, bool bare) {
  return bare ? text_of(node) : fmt::format("({})", text_of(node));
}

// As few parentheses as the grammar needs, so that the normal form is never nested deeper than
// what the person wrote, and stays within max_filter_depth.
std::string text_of(const Node& node) {
  const auto is = [](const NodePtr& child, Kind kind) { return child->kind == kind; };
  switch (node.kind) {
    case Kind::all:
      return "all";
    case Kind::equals:
      return fmt::format("{}:{}", node.field, in_quotes(node.value));
    case Kind::begins:
      return fmt::format("{}:{}*", node.field, in_quotes(node.value));
    case Kind::known:
      return fmt::format("{}:*", node.field);
    case Kind::before:
      return fmt::format("{}<{}", node.field, format_rfc3339(node.moment));
    case Kind::after:
      return fmt::format("{}>{}", node.field, format_rfc3339(node.moment));
    case Kind::no:
      return fmt::format("not {}", text_within(*node.left, !is(node.left, Kind::both) &&
                                                               !is(node.left, Kind::either)));
    case Kind::both:
      return fmt::format(
          "{} and {}", text_within(*node.left, !is(node.left, Kind::either)),
          text_within(*node.right, !is(node.right, Kind::either) && !is(node.right, Kind::both)));
    case Kind::either:
      return fmt::format("{} or {}", text_of(*node.left),
                         text_within(*node.right, !is(node.right, Kind::either)));
  }
  return {};
}

void append_sql(const Node& node, SqlCondition& out);

void append_equals(const Node& node, SqlCondition& out) {
  if (node.field == "state") {
    out.sql += "state = ?";
    out.values.emplace_back(static_cast<std::int64_t>(*parse_state(node.value)));
  } else if (node.field == "kind") {
    out.sql += "kind = ?";
    out.values.emplace_back(
        static_cast<std::int64_t>(node.value == "fid" ? TargetKind::fid : TargetKind::token));
  } else if (node.field == "user" && !node.value.empty()) {
    out.sql += "(" FANFARE_KEYED_IN("key_user") " AND user = ?)";
    out.values.emplace_back(text_hash(node.value));
    out.values.emplace_back(node.value);
  } else if (node.field == "device_id" && !node.value.empty()) {
    out.sql += "(" FANFARE_KEYED_IN("key_installation") " AND installation = ?)";
    out.values.emplace_back(text_hash(node.value));
    out.values.emplace_back(node.value);
  } else if (node.field == "tag" && !node.value.empty()) {
    out.sql += "instr(';' || tags || ';', ?) > 0";
    out.values.emplace_back(fmt::format(";{};", node.value));
  } else if (node.field == "locale") {
    // BCP 47, 2.1.1: letter case carries no meaning.
    out.sql += "locale = ? COLLATE NOCASE";
    out.values.emplace_back(node.value);
  } else {
    out.sql += fmt::format("{} = ?", column_of(node.field));
    out.values.emplace_back(node.value);
  }
}

void append_begins(const Node& node, SqlCondition& out) {
  if (node.field == "tag") {
    out.sql += "instr(';' || tags, ?) > 0";
    out.values.emplace_back(fmt::format(";{}", node.value));
    return;
  }
  out.sql += fmt::format("substr({}, 1, length(?)) = ?{}", column_of(node.field),
                         node.field == "locale" ? " COLLATE NOCASE" : "");
  out.values.emplace_back(node.value);
  out.values.emplace_back(node.value);
}

// The times of acceptance are whole seconds, 4 bytes with the most significant first, so that
// their hexadecimal digits have the order of the times; 0 is never.
void append_accepted(const Node& node, SqlCondition& out) {
  using std::chrono::seconds;
  constexpr std::int64_t never = 0;
  constexpr std::int64_t last = 0xFFFFFFFF;
  const auto moment = node.moment.time_since_epoch();
  const bool before = node.kind == Kind::before;
  const std::int64_t first = before ? never + 1 : std::chrono::floor<seconds>(moment).count() + 1;
  const std::int64_t limit = before ? std::chrono::ceil<seconds>(moment).count() - 1 : last;
  out.sql += "hex(" FANFARE_ACCEPTED_STAMP ") BETWEEN ? AND ?";
  // An empty range stays one: its end is never, its beginning the first second.
  const bool some = first <= last && limit > never;
  out.values.emplace_back(fmt::format("{:08X}", some ? std::max(first, never + 1) : never + 1));
  out.values.emplace_back(fmt::format("{:08X}", some ? std::min(limit, last) : never));
}

void append_time(std::string_view sign, const Node& node, SqlCondition& out) {
  if (node.field == "last_accepted") return append_accepted(node, out);
  out.sql += fmt::format("({0} IS NOT NULL AND {0} {1} ?)", node.field, sign);
  out.values.emplace_back(
      std::chrono::floor<std::chrono::milliseconds>(node.moment.time_since_epoch()).count());
}

void append_pair(std::string_view word, const Node& node, SqlCondition& out) {
  out.sql += '(';
  append_sql(*node.left, out);
  out.sql += word;
  append_sql(*node.right, out);
  out.sql += ')';
}

// Field names come from the list above; everything a person typed is a bound value.
void append_sql(const Node& node, SqlCondition& out) {
  switch (node.kind) {
    case Kind::all:
      out.sql += "1";
      return;
    case Kind::equals:
      return append_equals(node, out);
    case Kind::begins:
      return append_begins(node, out);
    case Kind::known:
      out.sql += fmt::format("{} <> ''", column_of(node.field));
      return;
    case Kind::before:
      return append_time("<", node, out);
    case Kind::after:
      return append_time(">", node, out);
    case Kind::no:
      out.sql += "NOT (";
      append_sql(*node.left, out);
      out.sql += ')';
      return;
    case Kind::both:
      return append_pair(" AND ", node, out);
    case Kind::either:
      return append_pair(" OR ", node, out);
  }
}

}  // namespace

Result<Filter> Filter::parse(std::string_view text, SystemTime now, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(Error::Kind::usage, fmt::format("the filter is longer than {} bytes", max_bytes),
                "split it, or give the devices a tag to filter by");
  }
  try {
    return Filter(Parser(text, now).whole());
  } catch (const Fault& fault) {
    return fail(Error::Kind::usage,
                fmt::format("can't read the filter at column {}: {}", column_at(text, fault.offset),
                            fault.what),
                "for example: platform:ios and not last_seen>30d");
  }
}

bool Filter::names_state() const {
  return mentions(*root_, "state");
}

bool Filter::names_standing() const {
  return names_state() || mentions(*root_, "rule");
}

std::optional<Filter> Filter::of_not_retired() const {
  NodePtr rest;
  if (is_not_retired(*root_)) {
    rest = std::make_shared<Node>();
  } else if (root_->kind == Kind::both) {
    if (is_not_retired(*root_->left)) {
      rest = root_->right;
    } else if (is_not_retired(*root_->right)) {
      rest = root_->left;
    }
  }
  if (!rest) return std::nullopt;
  Filter filter(std::move(rest));
  if (filter.names_standing()) return std::nullopt;
  return filter;
}

bool Filter::is_all() const {
  return text() == "all";
}

std::string Filter::text() const {
  return text_of(*root_);
}

SqlCondition Filter::sql() const {
  SqlCondition condition;
  append_sql(*root_, condition);
  return condition;
}

}  // namespace fanfare::registry
