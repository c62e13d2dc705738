#include "base/json_text.h"

#include <algorithm>
#include <array>

namespace fanfare {
namespace {

constexpr char is_plain = 0;  // Stands for itself.
constexpr char by_number = 'u';
constexpr char beyond_ascii = 1;

// What each byte becomes: one of the above, or the letter behind the backslash.
constexpr std::array<char, 256> escapes = [] {
  std::array<char, 256> all{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) all[byte] = by_number;
  for (std::size_t byte = 0x80; byte < 0x100; ++byte) all[byte] = beyond_ascii;
  all['"'] = '"';
  all['\\'] = '\\';
  all['\n'] = 'n';
  all['\r'] = 'r';
  all['\t'] = 't';
  return all;
}();

bool in_range(char c, unsigned low, unsigned high) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= low && byte <= high;
}

}  // namespace

std::size_t utf8_sequence_bytes(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned low = 0x80;  // Of the second byte: shuts out overlong forms and surrogates.
  unsigned high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() < length || !in_range(text[1], low, high)) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!in_range(text[i], 0x80, 0xBF)) return 0;
  }
  return length;
}

namespace {

constexpr std::size_t most_of_a_byte = 6;  // \u001f

char* write(char* to, std::string_view text) noexcept {
  return std::ranges::copy(text, to).out;
}

// Writes the first character of `text`, which is not plain, and takes it off.
char* write_escaped(char* to, std::string_view& text) noexcept {
  const auto byte = static_cast<unsigned char>(text[0]);
  std::size_t taken = 1;
  if (const char letter = escapes[byte]; letter == beyond_ascii) {
    const std::size_t length = utf8_sequence_bytes(text);
    to = write(to, length > 0 ? text.substr(0, length) : std::string_view("\uFFFD"));
    taken = std::max(taken, length);
  } else {
    *to++ = '\\';
    *to++ = letter;
    if (letter == by_number) {
      constexpr std::string_view digits = "0123456789abcdef";
      to = write(to, "00");
      *to++ = digits[byte >> 4U];
      *to++ = digits[byte & 15U];
    }
  }
  text.remove_prefix(taken);
  return to;
}

// As much of `text` as the room allows for, and at least one character; takes it off.
char* write_some(char* to, const char* end, std::string_view& text) noexcept {
  while (!text.empty() && static_cast<std::size_t>(end - to) >= most_of_a_byte) {
    if (escapes[static_cast<unsigned char>(text[0])] == is_plain) {
      *to++ = text[0];
      text.remove_prefix(1);
    } else {
      to = write_escaped(to, text);
    }
  }
  return to;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t begin = out.size();
    // Room for a text of few escapes at once; one of many takes some rounds.
    const std::size_t room = text.size() + text.size() / 4 + 2 * most_of_a_byte;
    out.resize_and_overwrite(begin + room, [&](char* data, std::size_t size) {
      return static_cast<std::size_t>(write_some(data + begin, data + size, text) - data);
    });
  }
  out += '"';
}

void append_json_string_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "null";
  } else {
    append_json_string(out, text);
  }
}

std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  for (int i = 0; i < 3 && end > 0 && in_range(text[end], 0x80, 0xBF); ++i) --end;
  return text.substr(0, end);
}

}  // namespace fanfare
