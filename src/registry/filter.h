// The filter language: which devices are meant.
//
//   platform:ios and (tag:news or tag:sport) and not last_seen>30d
//
//   filter  = and-part *("or" and-part)       ; "and" binds tighter than "or"
//   and-part = part *("and" part)
//   part    = "not" part | "(" filter ")" | "all" | term
//   term    = field ":" value | time ("<" | ">") moment
//   field   = state platform user device_id tag locale timezone app_version kind rule project
//   time    = last_seen last_accepted created refreshed
//   value   = word | "quoted, with \" and \\", either with "*" behind it: what begins so
//   moment  = an age (30d, 12h, 2w) or a date (RFC 3339)
//
// With an age, `<` means younger: seen within that time. With a date, `<` means before. A device
// that has no such time (never seen, never accepted) matches neither. `field:*` means that the
// field is known, `field:""` that it is not.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fanfare/result.h"

#include "base/time_text.h"

namespace fanfare::registry {

/// Bounds that keep SQLite's own (expression depth 1,000) out of reach.
inline constexpr std::size_t max_filter_bytes = 4096;
inline constexpr int max_filter_depth = 40;
/// Of the normal form: an age of three characters becomes a date of twenty-four.
inline constexpr std::size_t max_normal_filter_bytes = 4 * max_filter_bytes;

/// A condition on the view `device`, or on `dev AS device` where it does not speak of the standing;
/// with its parameters in order.
struct SqlCondition {
  std::string sql;  ///< With a "?" for each value; user's text is never part of it.
  std::vector<std::variant<std::int64_t, std::string>> values;
};

class Filter {
 public:
  struct Node;

  /// Reads a filter; ages count back from `now`. Empty text means "all". Error::Kind::usage with
  /// the column (from 1) and what was expected there.
  [[nodiscard]] static Result<Filter> parse(std::string_view text, SystemTime now,
                                            std::size_t max_bytes = max_filter_bytes);

  /// Whether it speaks of the state, so that "all but the retired" is not to be assumed.
  [[nodiscard]] bool names_state() const;
  /// Whether it speaks of what changes when a device dies: state or rule.
  [[nodiscard]] bool names_standing() const;
  /// What it asks of a device besides not being retired, where it asks for that and says nothing
  /// else of the standing; nullopt where it is another kind of filter.
  [[nodiscard]] std::optional<Filter> of_not_retired() const;
  /// Every device fulfils it: it is "all" and nothing else.
  [[nodiscard]] bool is_all() const;
  /// The filter in a normal form, with ages turned into dates: it means the same tomorrow, and
  /// reads back to the same filter.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] SqlCondition sql() const;

 private:
  explicit Filter(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

}  // namespace fanfare::registry
