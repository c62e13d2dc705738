// What the command says: human text, machine lines, log lines. Which goes where is decided here:
// stdout carries the result; with --json it carries machine output only, and human text moves to
// stderr.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

namespace fanfare::cli {

enum class LogLevel : std::uint8_t { error, warning, info, debug };
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text) noexcept;

/// Standard output. A reader that went away (`| head`) is no error: what is written after is
/// dropped, and `open()` tells long loops to stop.
class Output {
 public:
  explicit Output(std::FILE* out = stdout, std::FILE* err = stderr) : out_(out), err_(err) {}

  void set_json(bool json) noexcept { json_ = json; }
  [[nodiscard]] bool json() const noexcept { return json_; }

  /// Human text, as it is: to stdout, with --json to stderr.
  void say(std::string_view text);
  /// Result bytes to stdout, whatever the mode.
  void write(std::string_view bytes);
  /// One line of JSON to stdout.
  void json_line(std::string_view json);
  /// A person's eyes are on standard error: progress may be drawn there.
  [[nodiscard]] bool progress_wanted() const;
  [[nodiscard]] bool open() const noexcept { return error_ == 0; }
  /// Flushes. Error::Kind::storage when stdout could not be written for another reason than a
  /// reader that went away.
  [[nodiscard]] Result<void> finish();

 private:
  std::FILE* out_;
  std::FILE* err_;
  bool json_ = false;
  int error_ = 0;  // errno of the first failed write
};

/// Lines for the operator on stderr, "fanfare: …".
class Log {
 public:
  explicit Log(std::FILE* err = stderr) : err_(err) {}
  void set_level(LogLevel level) noexcept { level_ = level; }
  [[nodiscard]] bool wants(LogLevel level) const noexcept { return level <= level_; }
  void write(LogLevel level, std::string_view text);

 private:
  std::FILE* err_;
  LogLevel level_ = LogLevel::warning;
};

/// How an error looks: "fanfare: what" and, when one is known, "  remedy" on the next line.
[[nodiscard]] std::string render(const Error& error);

// Text for people ------------------------------------------------------------------------------

/// Columns that a terminal needs for UTF-8 text: 2 for wide characters, 0 for combining ones.
[[nodiscard]] std::size_t display_width(std::string_view text) noexcept;

/// The text without control characters, which could move the cursor or forge lines: evidence and
/// device names come from elsewhere. Each becomes a question mark.
[[nodiscard]] std::string printable(std::string_view text);

/// At most `width` columns; what is cut ends in "…".
[[nodiscard]] std::string shortened(std::string_view text, std::size_t width);

/// 1234567 -> "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

/// "1 message", "2 messages"; `plural` empty: the word with an s.
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view singular,
                                  std::string_view plural = {});

/// Rows of text under a header, columns aligned, numbers to the right.
class Table {
 public:
  enum class Align : std::uint8_t { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
    std::size_t least_width = 0;  ///< Keeps tables aligned that are printed in pieces.
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// Exactly one cell for each column.
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  /// With a newline after each row. A table whose titles are all empty has no header.
  [[nodiscard]] std::string render() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace fanfare::cli
