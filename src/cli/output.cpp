#include "cli/output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace fanfare::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Characters that combine with the one before, or show nothing (Unicode categories Mn, Me, Cf):
// the blocks that occur in names, not the whole table.
constexpr std::array<Range, 12> zero_width = {{{0x0300, 0x036F},
                                               {0x0483, 0x0489},
                                               {0x0591, 0x05BD},
                                               {0x0610, 0x061A},
                                               {0x064B, 0x065F},
                                               {0x1AB0, 0x1AFF},
                                               {0x1DC0, 0x1DFF},
                                               {0x200B, 0x200F},
                                               {0x20D0, 0x20FF},
                                               {0xFE00, 0xFE0F},
                                               {0xFE20, 0xFE2F},
                                               {0xE0100, 0xE01EF}}};

// East Asian Width W and F (Unicode Annex 11), and emoji, by block.
constexpr std::array<Range, 9> double_width = {{{0x1100, 0x115F},
                                                {0x2E80, 0x303E},
                                                {0x3041, 0xA4CF},
                                                {0xAC00, 0xD7A3},
                                                {0xF900, 0xFAFF},
                                                {0xFE30, 0xFE6F},
                                                {0xFF00, 0xFF60},
                                                {0x1F300, 0x1FAFF},
                                                {0x20000, 0x3FFFD}}};

template <std::size_t N>
bool contains(const std::array<Range, N>& ranges, char32_t c) {
  return std::ranges::any_of(ranges, [c](Range r) { return r.first <= c && c <= r.last; });
}

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The first character of a text that is not empty. A byte that starts none counts as one invalid
// character, so that broken text stays visible.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (length == 0 || lead > 0xF4 || length > text.size()) return {0, 1, false};
  char32_t code = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {0, 1, false};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  return {code, length, true};
}

// C0, DEL, C1, and the bidirectional controls, which reorder what is on the line.
bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

std::size_t width_of(const Character& c) {
  if (!c.valid) return 1;
  if (is_control(c.code) || contains(zero_width, c.code)) return 0;
  return contains(double_width, c.code) ? 2 : 1;
}

void append_padded(std::string& line, const std::string& cell, std::size_t width,
                   Table::Align align) {
  const std::size_t used = display_width(cell);
  const std::string padding(width > used ? width - used : 0, ' ');
  line += align == Table::Align::right ? padding + cell : cell + padding;
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) noexcept {
  if (text == "error") return LogLevel::error;
  if (text == "warning") return LogLevel::warning;
  if (text == "info") return LogLevel::info;
  if (text == "debug") return LogLevel::debug;
  return std::nullopt;
}

void Output::say(std::string_view text) {
  if (json_) {
    std::fwrite(text.data(), 1, text.size(), err_);
  } else {
    write(text);
  }
}

void Output::write(std::string_view bytes) {
  if (error_ != 0 || bytes.empty()) return;
  errno = 0;
  if (std::fwrite(bytes.data(), 1, bytes.size(), out_) != bytes.size()) {
    error_ = errno == 0 ? EIO : errno;
  }
}

void Output::json_line(std::string_view json) {
  write(json);
  write("\n");
}

bool Output::progress_wanted() const {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::strcmp(terminal, "dumb") == 0;
  return !dumb && ::isatty(::fileno(err_)) == 1;
}

Result<void> Output::finish() {
  errno = 0;
  if (error_ == 0 && std::fflush(out_) != 0) error_ = errno == 0 ? EIO : errno;
  if (error_ == 0 || error_ == EPIPE) return {};
  return fail(Error::Kind::storage,
              fmt::format("can't write to standard output: {}", std::strerror(error_)),
              error_ == ENOSPC ? "free some disk space" : "");
}

void Log::write(LogLevel level, std::string_view text) {
  if (wants(level)) fmt::print(err_, "fanfare: {}\n", text);
}

std::string render(const Error& error) {
  std::string text = fmt::format("fanfare: {}\n", error.what);
  if (!error.remedy.empty()) text += fmt::format("  {}\n", error.remedy);
  return text;
}

std::size_t display_width(std::string_view text) noexcept {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character c = first_character(text);
    width += width_of(c);
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!c.valid || is_control(c.code)) {
      clean += '?';
    } else {
      clean += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return clean;
}

std::string shortened(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t used = 0;
  std::size_t bytes = 0;
  while (true) {
    const Character c = first_character(text.substr(bytes));
    if (used + width_of(c) > width - 1) break;
    used += width_of(c);
    bytes += c.bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string counted(std::uint64_t number, std::string_view singular, std::string_view plural) {
  if (number == 1) return fmt::format("1 {}", singular);
  if (plural.empty()) return fmt::format("{} {}s", grouped(number), singular);
  return fmt::format("{} {}", grouped(number), plural);
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::render() const {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(std::max(display_width(titles[i]), columns_[i].least_width));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], display_width(row[i]));
  }

  std::string text;
  const auto append_row = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += "  ";
      append_padded(line, cells[i], widths[i], columns_[i].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  if (!std::ranges::all_of(titles, &std::string::empty)) append_row(titles);
  for (const auto& row : rows_) append_row(row);
  return text;
}

}  // namespace fanfare::cli
