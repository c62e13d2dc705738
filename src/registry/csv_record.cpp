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
  for (const char c : line) {
    if (!take(c)) return Status::malformed;
  }
  if (state_ == State::quoted) return Status::open;
  fields_.push_back(std::exchange(field_, {}));
  return Status::complete;
}

bool CsvRecord::take(char c) {
  if (state_ == State::quoted) {
    if (c == '"') {
      state_ = State::quote_in_quoted;
    } else {
      field_ += c;
    }
    return true;
  }
  if (c == ',') {
    fields_.push_back(std::exchange(field_, {}));
    state_ = State::field_start;
    return true;
  }
  if (c == '"') {
    if (state_ == State::plain) return false;
    if (state_ == State::quote_in_quoted) field_ += '"';
    state_ = State::quoted;
    return true;
  }
  if (state_ == State::quote_in_quoted) return false;
  field_ += c;
  state_ = State::plain;
  return true;
}

}  // namespace fanfare::registry
