// One record of CSV (RFC 4180) as a machine that is fed line by line, since a quoted field may
// contain line ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fanfare::registry {

class CsvRecord {
 public:
  enum class Status : std::uint8_t {
    complete,   ///< `fields()` are those of the record.
    open,       ///< A quoted field goes on in the next line.
    malformed,  ///< Quotation marks stand where RFC 4180 has none.
  };

  /// `line` without its line end. After `complete` or `malformed`, call `clear` first.
  Status feed(std::string_view line);
  void clear();

  [[nodiscard]] std::vector<std::string>& fields() noexcept { return fields_; }

 private:
  enum class State : std::uint8_t { field_start, plain, quoted, quote_in_quoted };
  bool take(char c);

  std::vector<std::string> fields_;
  std::string field_;
  State state_ = State::field_start;
};

}  // namespace fanfare::registry
