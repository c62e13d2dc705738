// DeviceParser: bytes of a registration file in, devices and bad lines out. It opens no file, so
// that it can be fed anything: a byte at a time gives the same as all at once.
//
// The format is told by the first line that is neither blank nor a comment: '{' is JSON lines, a
// header naming token or fid is CSV, anything else is plain text.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/csv_record.h"
#include "registry/device_file.h"

namespace fanfare::registry {

/// A longer line is one bad line; it is skipped without being kept.
inline constexpr std::size_t max_line_bytes = 1U << 20;
/// A CSV record that spans lines may be this long. Its bound is lower, because a quotation mark
/// that is never closed swallows what follows until the bound gives it away.
inline constexpr std::size_t max_open_record_bytes = 64U << 10;
/// Of the fields beside the registration, tags together.
inline constexpr std::size_t max_field_bytes = 4096;

class DeviceParser {
 public:
  DeviceParser();
  DeviceParser(const DeviceParser&) = delete;
  DeviceParser& operator=(const DeviceParser&) = delete;
  ~DeviceParser();

  /// Appends what the bytes complete.
  void feed(std::string_view bytes, std::vector<Device>& devices, std::vector<BadLine>& bad);
  /// The end of the file: a last line needs no line end.
  void finish(std::vector<Device>& devices, std::vector<BadLine>& bad);

 private:
  enum class Format : std::uint8_t { unknown, csv, json_lines, plain };
  struct Line {
    std::uint64_t number = 0;
    std::string text;
  };
  struct Json;
  struct Row;

  void end_line(std::string_view text);
  void take_line(std::uint64_t number, std::string_view text);
  void tell_format(std::uint64_t number, std::string_view text);
  bool read_header(std::string_view text);
  void take_plain(std::uint64_t number, std::string_view text);
  void take_json(std::uint64_t number, std::string_view text);
  void take_csv(std::uint64_t number, std::string_view text);
  void csv_step(Line line);
  void give_up_record(const char* what);
  void finish_record();
  void accept(std::uint64_t number, Row& row);
  void reject(std::uint64_t number, std::string what);

  Format format_ = Format::unknown;
  std::uint64_t line_number_ = 0;  // Of the last line that ended.
  std::string partial_;            // The beginning of the line under way.
  bool too_long_ = false;          // That line passed its bound and is being skipped.

  std::vector<std::string> columns_;  // Lower-case names of the header.
  CsvRecord record_;
  std::vector<Line> open_lines_;  // Of the record under way, when it spans lines.
  std::size_t open_bytes_ = 0;
  std::deque<Line> again_;  // Lines of a record that was given up, to be read anew.

  std::unique_ptr<Json> json_;
  std::vector<Device>* devices_ = nullptr;  // Where results go; set during feed and finish.
  std::vector<BadLine>* bad_ = nullptr;
};

}  // namespace fanfare::registry
