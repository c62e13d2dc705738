#include "fcm/utf8.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/json_text.h"

namespace fanfare::fcm {
namespace {

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

std::string clean_prefix(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_bytes(text);
    const std::string_view piece = length == 0 ? "?" : text.substr(0, length);
    if (out.size() + piece.size() > max_bytes) break;
    out += piece;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace fanfare::fcm
