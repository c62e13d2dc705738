#include "registry/device_parser.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "registry/json_line.h"
#include "registry/sql_dump.h"

namespace fanfare::registry {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

// For whoever wrote a map that does not fit.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 50;
  const bool all = names.size() <= most;
  return fmt::format("{}{}",
                     fmt::join(names.begin(), all ? names.end() : names.begin() + most, ", "),
                     all ? "" : fmt::format(", … ({} in all)", names.size()));
}

bool is_printable_ascii(std::string_view text) noexcept {
  unsigned other = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    other |= static_cast<unsigned>(static_cast<unsigned char>(byte - 0x20U) > 0x7e - 0x20);
  }
  return other == 0;
}

// See the head of the header file.
bool is_csv_comment(std::string_view text, std::size_t columns) noexcept {
  if (!text.starts_with('#')) return false;
  return columns == 1 || text.size() == 1 || text[1] == ' ' || text[1] == '\t' ||
         text.find(',') == std::string_view::npos;
}

}  // namespace

// The rows of an SQL dump as devices.
class DeviceParser::Dump : public SqlDump::Reader {
 public:
  explicit Dump(DeviceParser& parser) : dump(parser.options_.table, *this), parser_(parser) {}

  std::vector<bool> columns(std::span<const std::string> names) override {
    if (names.empty()) {
      parser_.refuse(Error::Kind::input,
                     fmt::format("the dump names no columns of {}", parser_.options_.table),
                     "make the dump with its CREATE TABLE, or with --complete-insert (mysqldump) "
                     "or --column-inserts (pg_dump)");
      return {};
    }
    parser_.columns_.clear();
    parser_.find_columns({names.begin(), names.end()});
    if (parser_.failure_) return {};
    std::vector<bool> wanted(names.size());
    for (const auto& [column, field] : parser_.columns_) wanted[column] = true;
    return wanted;
  }

  void row(std::span<const std::string> values) override {
    if (is_skipped()) return;
    DeviceRow row = parser_.constants_;
    for (const auto& [column, field] : parser_.columns_) {
      if (row.get(field).empty()) row.set(field, values[column]);
    }
    std::string fault;
    if (!parser_.accept(dump.row_number(), row, false, fault)) reject(std::move(fault));
  }

  void bad_row(std::string what) override {
    if (!is_skipped()) reject(std::move(what));
  }

  SqlDump dump;

 private:
  [[nodiscard]] bool is_skipped() const { return dump.row_number() <= parser_.options_.skip; }

  void reject(std::string what) {
    std::string text = dump.row_statement();
    const auto bytes = text.size() + dump.row_bytes_cut();
    parser_.out_->bad.push_back({dump.row_line(), std::move(what), std::move(text), bytes});
    parser_.out_->bad_marks.push_back(dump.row_number());
  }

  DeviceParser& parser_;
};

DeviceParser::DeviceParser(ReadOptions options)
    : options_(std::move(options)),
      foreign_state_(options_.fields.is_mapped(Field::state)),
      json_(std::make_unique<JsonLine>()) {
  for (std::size_t i = 0; i < field_count; ++i) {
    const auto field = static_cast<Field>(i);
    if (const auto& value = options_.fields.constant(field)) constants_.set(field, *value);
  }
  if (!options_.table.empty()) dump_ = std::make_unique<Dump>(*this);
}
DeviceParser::~DeviceParser() = default;

void DeviceParser::feed(std::string_view bytes, DeviceBatch& out) {
  out_ = &out;
  if (dump_) return dump_->dump.feed(bytes);
  while (!bytes.empty() && !failure_) {
    const auto end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (long_bytes_ > 0) {
      long_bytes_ += part.size();
    } else if (partial_.size() + part.size() > max_line_bytes) {
      const bool json = (partial_.empty() ? part : partial_).starts_with('{');
      if (!json || partial_.size() + part.size() > max_json_line_bytes) {
        long_bytes_ = partial_.size() + part.size();
        partial_ += part.substr(0, max_kept_line_bytes);
        partial_.resize(max_kept_line_bytes);
        partial_.shrink_to_fit();
      }
    }
    if (end == std::string_view::npos) {
      if (long_bytes_ == 0) partial_ += part;
      return;
    }
    if (partial_.empty()) {
      end_line(part);
    } else {
      if (long_bytes_ == 0) partial_ += part;
      end_line(partial_);
      partial_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
}

void DeviceParser::finish(DeviceBatch& out) {
  out_ = &out;
  if (dump_) {
    dump_->dump.finish();
    if (!failure_ && !dump_->dump.table_found()) {
      const auto& tables = dump_->dump.tables();
      refuse(Error::Kind::usage, fmt::format("the dump has no table {}", options_.table),
             tables.empty() ? "--table is for dumps of pg_dump and mysqldump; this seems to be none"
                            : fmt::format("it has {}", listed({tables.begin(), tables.end()})));
    }
    return;
  }
  if (!partial_.empty() && !failure_) end_line(partial_);
  partial_.clear();
  while (!open_lines_.empty()) {
    give_up_record("a quotation mark is never closed");
    finish_record();
  }
}

std::uint64_t DeviceParser::mark() const noexcept {
  if (dump_) return dump_->dump.row_number();
  return open_lines_.empty() ? line_number_ : open_lines_.front().number - 1;
}

// Lines ---------------------------------------------------------------------------------------

void DeviceParser::end_line(std::string_view text) {
  const auto number = ++line_number_;
  if (long_bytes_ > 0) return end_long_line(number);
  // The first lines are read again: they tell the format.
  if (number <= options_.skip && format_ != Format::unknown) return;
  if (number == 1 && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (text.ends_with('\r')) text.remove_suffix(1);
  take_line(number, text);
}

void DeviceParser::end_long_line(std::uint64_t number) {
  const auto bytes = std::exchange(long_bytes_, 0);
  // The record that was open can't be completed any more: a part of it is gone.
  while (!open_lines_.empty()) {
    give_up_record("a quotation mark is never closed");
    finish_record();
  }
  if (number <= options_.skip) return;
  const bool json = partial_.starts_with('{');
  reject(
      number,
      fmt::format("the line is longer than {} bytes", json ? max_json_line_bytes : max_line_bytes),
      partial_);
  out_->bad.back().bytes = bytes;
}

void DeviceParser::take_line(std::uint64_t number, std::string_view text) {
  switch (format_) {
    case Format::unknown:
      return tell_format(number, text);
    case Format::csv:
      return take_csv(number, text);
    case Format::json_lines:
      return take_json(number, text);
    case Format::plain:
      return take_plain(number, text);
  }
}

void DeviceParser::tell_format(std::uint64_t number, std::string_view text) {
  const std::string_view content = trim(text);
  if (content.empty() || content.front() == '#') return;
  if (content.front() == '{') {
    format_ = Format::json_lines;
  } else if (read_header(text)) {
    format_ = Format::csv;
    return;
  } else {
    format_ = Format::plain;
  }
  if (number > options_.skip && !failure_) take_line(number, text);
}

bool DeviceParser::accept(std::uint64_t mark, DeviceRow& row, bool clean, std::string& fault) {
  fault = row.fault(clean);
  if (!fault.empty()) return false;
  out_->devices.push_back(row.device(foreign_state_));
  out_->marks.push_back(mark);
  return true;
}

void DeviceParser::reject(std::uint64_t number, std::string what, std::string_view text) {
  out_->bad.push_back(
      {number, std::move(what), std::string(text.substr(0, max_kept_line_bytes)), text.size()});
  out_->bad_marks.push_back(number);
}

void DeviceParser::refuse(Error::Kind kind, std::string what, std::string remedy) {
  failure_ = {kind, std::move(what), std::move(remedy)};
}

// Plain text and JSON lines -------------------------------------------------------------------

void DeviceParser::take_plain(std::uint64_t number, std::string_view text) {
  if (trim(text).empty() || text.front() == '#') return;
  DeviceRow row = constants_;
  row.set(Field::token, text);
  std::string fault;
  if (!accept(number, row, false, fault)) reject(number, std::move(fault), text);
}

void DeviceParser::take_json(std::uint64_t number, std::string_view text) {
  if (trim(text).empty() || text.front() == '#') return;
  DeviceRow row;
  auto fault = json_->read(text, options_.fields, row);
  for (std::size_t i = 0; i < field_count; ++i) {
    const auto field = static_cast<Field>(i);
    if (options_.fields.constant(field)) row.set(field, constants_.get(field));
  }
  if (!fault.empty() || !accept(number, row, false, fault)) {
    return reject(number, std::move(fault), text);
  }
  if (!json_->has_history()) return;
  out_->histories.push_back(json_->take_history(out_->devices.back()));
  out_->histories.back().device = out_->devices.size() - 1;
}

// CSV -----------------------------------------------------------------------------------------
//
// A quotation mark that is never closed would swallow all that follows. So when a record that
// spans lines comes to nothing, only its first line is bad and the others are read anew.

bool DeviceParser::read_header(std::string_view text) {
  CsvRecord header;
  const bool mapped = options_.fields.any_mapped();
  if (header.feed(text) != CsvRecord::Status::complete) {
    if (mapped) {
      refuse(Error::Kind::input, "the first line is neither JSON nor a header of CSV",
             "--map needs JSON lines or a CSV with a header in one line");
    }
    return false;
  }
  std::vector<std::string> names;
  for (const auto& name : header.fields()) names.push_back(lower(trim(name)));
  const bool named = std::ranges::any_of(
      names, [](const std::string& name) { return name == "token" || name == "fid"; });
  if (!named && !mapped) return false;
  find_columns(names);
  header_ = text;
  return !failure_;
}

// A column may be several fields; of several columns with one name the first that is not empty
// counts.
void DeviceParser::find_columns(const std::vector<std::string>& names) {
  column_count_ = names.size();
  std::vector<std::string> missing;
  bool registration = false;
  for (std::size_t i = 0; i < field_count; ++i) {
    const auto field = static_cast<Field>(i);
    const std::string source = lower(options_.fields.source(field));
    if (source.empty() || options_.fields.constant(field)) continue;
    bool found = false;
    for (std::size_t column = 0; column < names.size(); ++column) {
      if (names[column] != source) continue;
      columns_.emplace_back(column, field);
      found = true;
    }
    if (!found && options_.fields.is_mapped(field)) missing.push_back(source);
    registration = registration || (found && (field == Field::token || field == Field::fid));
  }
  std::ranges::sort(columns_);
  if (!missing.empty()) {
    refuse(Error::Kind::usage,
           fmt::format("there is no column {} that --map names", fmt::join(missing, ", ")),
           fmt::format("the columns are {}", listed(names)));
  } else if (!registration) {
    refuse(Error::Kind::usage, "no column is the token or the fid of a device",
           fmt::format("name it: --map token=COLUMN; the columns are {}", listed(names)));
  }
}

void DeviceParser::take_csv(std::uint64_t number, std::string_view text) {
  csv_step(number, text);
  finish_record();
}

// Reads the lines of records that were given up.
void DeviceParser::finish_record() {
  while (!again_.empty()) {
    const Line line = std::move(again_.front());
    again_.pop_front();
    csv_step(line.number, line.text);
  }
}

void DeviceParser::csv_step(std::uint64_t number, std::string_view text) {
  if (open_lines_.empty()) {
    if (trim(text).empty() || is_csv_comment(text, column_count_)) return;
    if (take_simple_record(number, text)) return;
    record_.clear();
  }
  const auto status = record_.feed(text);
  open_bytes_ += text.size() + 1;
  open_lines_.push_back({number, std::string(text)});
  if (status == CsvRecord::Status::malformed) {
    return give_up_record("a quotation mark stands in the middle of a field");
  }
  if (status == CsvRecord::Status::open) {
    const bool swallows = open_lines_.size() > 1 && open_bytes_ > max_open_record_bytes;
    if (swallows) give_up_record("a quotation mark is never closed");
    return;
  }
  end_record(number);
}

// A record without quotation marks: the texts stay where they are. False: it has some.
bool DeviceParser::take_simple_record(std::uint64_t number, std::string_view text) {
  if (text.find('"') != std::string_view::npos) return false;
  DeviceRow row = constants_;
  auto next = columns_.begin();
  std::size_t column = 0;
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    for (; next != columns_.end() && next->first == column; ++next) {
      if (row.get(next->second).empty()) row.set(next->second, rest.substr(0, comma));
    }
    ++column;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (column != column_count_) {
    reject(number, fmt::format("{} fields, but the header has {}", column, column_count_), text);
    return true;
  }
  std::string fault;
  if (!accept(number, row, is_printable_ascii(text), fault)) {
    reject(number, std::move(fault), text);
  }
  return true;
}

void DeviceParser::end_record(std::uint64_t last) {
  const auto& fields = record_.fields();
  std::string fault;
  if (fields.size() != column_count_) {
    fault = fmt::format("{} fields, but the header has {}", fields.size(), column_count_);
  } else {
    DeviceRow row = constants_;
    for (const auto& [column, field] : columns_) {
      if (row.get(field).empty()) row.set(field, fields[column]);
    }
    accept(last, row, false, fault);
  }
  if (!fault.empty()) {
    std::string text = std::move(open_lines_.front().text);
    for (auto line = open_lines_.begin() + 1; line != open_lines_.end(); ++line) {
      text += '\n' + line->text;
    }
    reject(open_lines_.front().number, std::move(fault), text);
    out_->bad_marks.back() = last;
  }
  open_lines_.clear();
  open_bytes_ = 0;
}

void DeviceParser::give_up_record(const char* what) {
  reject(open_lines_.front().number, what, open_lines_.front().text);
  // Before the lines that already wait: these came earlier.
  again_.insert(again_.begin(), std::make_move_iterator(open_lines_.begin() + 1),
                std::make_move_iterator(open_lines_.end()));
  open_lines_.clear();
  open_bytes_ = 0;
}

}  // namespace fanfare::registry
