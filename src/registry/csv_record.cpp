#include "registry/csv_record.h"

#include <utility>

namespace fanfare::registry {

void CsvRecord::clear() {
  fields_.clear();
  field_.clear();
  state_ = State::field_start;
}

CsvRecord::Status CsvRecord::feed(std::string_view line) {
  if (state_ == State::quoted) field_ += '\n';  // The line end that led here belongs to the field.
  while (!line.empty()) {
    const auto run = line.find_first_of(state_ == State::quoted ? "\"" : "\",");
    if (run != 0) {
      if (state_ == State::quote_in_quoted) return Status::malformed;
      if (state_ == State::field_start) state_ = State::plain;
      field_ += line.substr(0, run);
      if (run == std::string_view::npos) break;
      line.remove_prefix(run);
    }
    if (!take(line.front())) return Status::malformed;
    line.remove_prefix(1);
  }
  if (state_ == State::quoted) return Status::open;
  fields_.push_back(std::exchange(field_, {}));
  return Status::complete;
}

// A quotation mark, or a comma outside of quotation marks.
bool CsvRecord::take(char c) {
  if (c == ',') {
    fields_.push_back(std::exchange(field_, {}));
    state_ = State::field_start;
    return true;
  }
  switch (state_) {
    case State::field_start:
      state_ = State::quoted;
      return true;
    case State::plain:
      return false;
    case State::quoted:
      state_ = State::quote_in_quoted;
      return true;
    case State::quote_in_quoted:
      field_ += '"';
      state_ = State::quoted;
      return true;
  }
  return false;
}

}  // namespace fanfare::registry
