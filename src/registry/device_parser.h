// DeviceParser: bytes of a registration file in, devices and bad lines out. It opens no file, so
// that it can be fed anything: a byte at a time gives the same as all at once.
//
// The format is told by the first line that is neither blank nor a comment: '{' is JSON lines, a
// header naming token or fid is CSV, anything else is plain text. With a map that line has to be
// JSON or a header with the columns of the map; with a table the bytes are an SQL dump.
//
// A line that begins with '#' is a comment; in CSV only when a blank follows or when it can't be a
// record, since the first column may hold anything.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fanfare/result.h"

#include "registry/csv_record.h"
#include "registry/device_batch.h"
#include "registry/device_row.h"

namespace fanfare::registry {

/// A longer line is one bad line; it is skipped without being kept.
inline constexpr std::size_t max_line_bytes = 1U << 20;
/// The same of a line that begins with '{': a device with its history may be long.
inline constexpr std::size_t max_json_line_bytes = 8U << 20;
/// A CSV record that spans lines may be this long. Its bound is lower, because a quotation mark
/// that is never closed swallows what follows until the bound gives it away.
inline constexpr std::size_t max_open_record_bytes = 64U << 10;

class JsonLine;

class DeviceParser {
 public:
  explicit DeviceParser(ReadOptions options = {});
  DeviceParser(const DeviceParser&) = delete;
  DeviceParser& operator=(const DeviceParser&) = delete;
  ~DeviceParser();

  /// Appends what the bytes complete.
  void feed(std::string_view bytes, DeviceBatch& out);
  /// The end of the file: a last line needs no line end.
  void finish(DeviceBatch& out);

  /// Why nothing more will come: the map and the file don't fit. Kind::usage or Kind::input,
  /// without the name of the file.
  [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }
  /// Everything up to this mark is decided.
  [[nodiscard]] std::uint64_t mark() const noexcept;
  /// The header of a CSV file, without its line end; empty for other formats.
  [[nodiscard]] const std::string& header() const noexcept { return header_; }

 private:
  enum class Format : std::uint8_t { unknown, csv, json_lines, plain };
  struct Line {
    std::uint64_t number = 0;
    std::string text;
  };
  class Dump;

  void end_line(std::string_view text);
  void end_long_line(std::uint64_t number);
  void take_line(std::uint64_t number, std::string_view text);
  void tell_format(std::uint64_t number, std::string_view text);
  bool read_header(std::string_view text);
  void find_columns(const std::vector<std::string>& names);
  void take_plain(std::uint64_t number, std::string_view text);
  void take_json(std::uint64_t number, std::string_view text);
  void take_csv(std::uint64_t number, std::string_view text);
  void csv_step(std::uint64_t number, std::string_view text);
  bool take_simple_record(std::uint64_t number, std::string_view text);
  void end_record(std::uint64_t last);
  void give_up_record(const char* what);
  void finish_record();
  bool accept(std::uint64_t mark, DeviceRow& row, bool clean, std::string& fault);
  void reject(std::uint64_t number, std::string what, std::string_view text);
  void refuse(Error::Kind kind, std::string what, std::string remedy);

  ReadOptions options_;
  bool foreign_state_;
  DeviceRow constants_;  // A row before anything is read.
  std::optional<Error> failure_;

  Format format_ = Format::unknown;
  std::uint64_t line_number_ = 0;  // Of the last line that ended.
  std::string partial_;            // The beginning of the line under way.
  std::uint64_t long_bytes_ = 0;   // Of that line, when it passed its bound and is being skipped.

  std::string header_;
  std::size_t column_count_ = 0;
  std::vector<std::pair<std::size_t, Field>> columns_;  // Those that are read, in their order.
  CsvRecord record_;
  std::vector<Line> open_lines_;  // Of the record under way, when it spans lines.
  std::size_t open_bytes_ = 0;
  std::deque<Line> again_;  // Lines of a record that was given up, to be read anew.

  std::unique_ptr<JsonLine> json_;
  std::unique_ptr<Dump> dump_;
  DeviceBatch* out_ = nullptr;  // Where results go; set during feed and finish.
};

}  // namespace fanfare::registry
