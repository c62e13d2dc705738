#include "http2/hpack_encoder.h"

#include <algorithm>

#include "http2/hpack_static_table.h"

namespace fanfare::http2 {
namespace {

// The kinds of RFC 7541, 6, as their first byte has them, and the bits left for the number.
constexpr std::uint8_t indexed = 0x80;
constexpr int indexed_bits = 7;
constexpr std::uint8_t with_indexing = 0x40;
constexpr int with_indexing_bits = 6;
constexpr std::uint8_t without_indexing = 0x00;
constexpr int without_indexing_bits = 4;
constexpr std::uint8_t size_update = 0x20;
constexpr int size_update_bits = 5;

/// RFC 7541, 4.1.
std::size_t entry_bytes(std::string_view name, std::string_view value) noexcept {
  return name.size() + value.size() + 32;
}

void append_text(std::string& out, std::string_view text) {
  append_hpack_number(out, 0, 7, text.size());
  out += text;
}

void append_literal(std::string& out, std::uint8_t kind, int bits, std::size_t name_index,
                    std::string_view name, std::string_view value) {
  append_hpack_number(out, kind, bits, name_index);
  if (name_index == 0) append_text(out, name);
  append_text(out, value);
}

}  // namespace

void append_hpack_number(std::string& out, std::uint8_t first, int prefix_bits, std::size_t value) {
  const std::size_t most = (std::size_t{1} << prefix_bits) - 1;
  if (value < most) {
    out += static_cast<char>(first | value);
    return;
  }
  out += static_cast<char>(first | most);
  for (value -= most; value >= 128; value /= 128) out += static_cast<char>(value % 128 + 128);
  out += static_cast<char>(value);
}

void HpackEncoder::set_table_limit(std::uint32_t bytes) {
  const std::size_t limit = std::min<std::size_t>(bytes, most_table_bytes);
  if (limit == table_limit_) return;
  smallest_limit_ = std::min(smallest_limit_.value_or(limit), limit);
  table_limit_ = limit;
  evict_to(limit);
  ++version_;
}

/// RFC 7541, 4.2: the next block announces the new size, and before it the smallest that was in
/// between, as the other side may have evicted down to that.
void HpackEncoder::begin_block(std::string& out) {
  block_bytes_ = 0;
  if (!smallest_limit_) return;
  if (*smallest_limit_ < table_limit_) {
    append_hpack_number(out, size_update, size_update_bits, *smallest_limit_);
  }
  append_hpack_number(out, size_update, size_update_bits, table_limit_);
  smallest_limit_.reset();
  ++version_;
}

void HpackEncoder::add_indexed(std::string& out, std::string_view name, std::string_view value) {
  const Match match = find(name, value);
  const std::size_t bytes = entry_bytes(name, value);
  if (match.whole != 0) {
    append_hpack_number(out, indexed, indexed_bits, match.whole);
    if (match.whole > hpack_static_table.size()) block_bytes_ += bytes;
  } else if (block_bytes_ + bytes <= table_limit_) {
    append_literal(out, with_indexing, with_indexing_bits, match.name, name, value);
    insert(name, value);
    block_bytes_ += bytes;
  } else {
    append_literal(out, without_indexing, without_indexing_bits, match.name, name, value);
  }
}

void HpackEncoder::add_unindexed(std::string& out, std::string_view name,
                                 std::string_view value) const {
  append_literal(out, without_indexing, without_indexing_bits, find(name, value).name, name, value);
}

HpackEncoder::Match HpackEncoder::find(std::string_view name,
                                       std::string_view value) const noexcept {
  Match match;
  std::size_t index = 0;
  const auto look_at = [&](std::string_view its_name, std::string_view its_value) {
    ++index;
    if (its_name != name) return;
    if (match.name == 0) match.name = index;
    if (match.whole == 0 && its_value == value) match.whole = index;
  };
  for (const auto& field : hpack_static_table) look_at(field.name, field.value);
  for (const auto& entry : table_) look_at(entry.name, entry.value);
  return match;
}

void HpackEncoder::insert(std::string_view name, std::string_view value) {
  const std::size_t bytes = entry_bytes(name, value);
  evict_to(table_limit_ - bytes);
  table_.push_front({std::string(name), std::string(value)});
  table_bytes_ += bytes;
  ++version_;
}

void HpackEncoder::evict_to(std::size_t bytes) {
  while (table_bytes_ > bytes) {
    table_bytes_ -= entry_bytes(table_.back().name, table_.back().value);
    table_.pop_back();
  }
}

}  // namespace fanfare::http2
