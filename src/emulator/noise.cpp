#include "emulator/noise.h"

#include <algorithm>
#include <array>

namespace fanfare::emulator {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The place of each character in the alphabet; 64 for those that are not in it.
constexpr auto places = [] {
  std::array<std::uint8_t, 256> all{};
  all.fill(64);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    all[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return all;
}();

}  // namespace

std::uint64_t stable_hash(std::string_view text) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  return hash;
}

void append_base64(std::string& out, std::uint64_t bits, std::size_t chars) {
  const std::size_t begin = out.size();
  out.resize(begin + chars);
  char* const to = out.data() + begin;
  for (std::size_t i = 0; i < chars; ++i) to[i] = alphabet[(bits >> (6 * i)) & 63U];
}

std::optional<std::uint64_t> parse_base64(std::string_view text) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint64_t place = places[static_cast<unsigned char>(text[i])];
    if (place == 64) return std::nullopt;
    bits |= place << (6 * i);
  }
  return bits;
}

void append_noise(std::string& out, Random& random, std::size_t chars) {
  while (chars > 0) {
    const auto now = std::min<std::size_t>(chars, 10);  // Ten times six bits of the 64.
    append_base64(out, random.next(), now);
    chars -= now;
  }
}

}  // namespace fanfare::emulator
