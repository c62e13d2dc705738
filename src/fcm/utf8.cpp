#include "fcm/utf8.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace fanfare::fcm {
namespace {

// What a lead byte promises: how many bytes, and the range of the second one, which excludes
// overlong forms, surrogates and what lies beyond U+10FFFF.
struct Lead {
  std::size_t length = 0;
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
};

Lead lead_of(unsigned char byte) noexcept {
  if (byte < 0x80) return {.length = 1};
  if (byte >= 0xC2 && byte <= 0xDF) return {.length = 2};
  if (byte == 0xE0) return {.length = 3, .second_min = 0xA0};
  if (byte == 0xED) return {.length = 3, .second_max = 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {.length = 3};
  if (byte == 0xF0) return {.length = 4, .second_min = 0x90};
  if (byte >= 0xF1 && byte <= 0xF3) return {.length = 4};
  if (byte == 0xF4) return {.length = 4, .second_max = 0x8F};
  return {};
}

// Sixteen bytes that are worked on at once, by an extension that GCC and clang share.
using Block = unsigned char __attribute__((vector_size(16)));

Block load(const char* bytes) noexcept {
  Block block;
  std::memcpy(&block, bytes, sizeof block);
  return block;
}

// is_plain_json_byte for all of them: nonzero where one is not plain.
Block not_plain(Block bytes) noexcept {
  const auto wrong = (bytes - 0x20 > 0x7E - 0x20) | (bytes == '"') | (bytes == '\\');
  return std::bit_cast<Block>(wrong);
}

bool any(Block bytes) noexcept {
  const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
  return (halves[0] | halves[1]) != 0;
}

}  // namespace

bool is_plain_json(std::string_view text) noexcept {
  constexpr std::size_t step = sizeof(Block);
  if (text.size() < step) return std::ranges::all_of(text, is_plain_json_byte);
  // The last block begins where it ends with the text, over some that another has looked at.
  const std::size_t last = text.size() - step;
  Block wrong = not_plain(load(text.data() + last));
  for (std::size_t at = 0; at < last; at += step) wrong |= not_plain(load(text.data() + at));
  return !any(wrong);
}

std::size_t utf8_sequence_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const Lead lead = lead_of(static_cast<unsigned char>(text[0]));
  if (lead.length > text.size()) return 0;
  for (std::size_t i = 1; i < lead.length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const unsigned char low = i == 1 ? lead.second_min : 0x80;
    const unsigned char high = i == 1 ? lead.second_max : 0xBF;
    if (byte < low || byte > high) return 0;
  }
  return lead.length;
}

std::string clean_prefix(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    const std::string_view piece = length == 0 ? "?" : text.substr(0, length);
    if (out.size() + piece.size() > max_bytes) break;
    out += piece;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace fanfare::fcm
