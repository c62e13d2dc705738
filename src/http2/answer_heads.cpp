#include "http2/answer_heads.h"

#include <new>
#include <utility>

#include <fmt/format.h>

namespace fanfare::http2 {
namespace {

/// A longer block is not worth remembering: comparing it costs what reading it costs.
constexpr std::size_t longest_known_block = 1'024;

nghttp2_hd_inflater* make_inflater() {
  nghttp2_hd_inflater* inflater = nullptr;
  if (nghttp2_hd_inflate_new(&inflater) != 0) throw std::bad_alloc();
  return inflater;
}

std::string_view as_text(const std::uint8_t* bytes, std::size_t count) noexcept {
  return {reinterpret_cast<const char*>(bytes), count};
}

/// Reads a number with a prefix of so many bits (RFC 7541, 5.1) off the front; false: cut short or
/// larger than any block.
bool take_number(std::string_view& block, int prefix_bits, std::size_t& number) noexcept {
  const std::size_t most = (std::size_t{1} << prefix_bits) - 1;
  number = static_cast<std::uint8_t>(block[0]) & most;
  block.remove_prefix(1);
  if (number < most) return true;
  for (int shift = 0; shift <= 21 && !block.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(block[0]);
    block.remove_prefix(1);
    number += std::size_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

bool skip_text(std::string_view& block) noexcept {
  std::size_t length = 0;
  if (block.empty() || !take_number(block, 7, length) || length > block.size()) return false;
  block.remove_prefix(length);
  return true;
}

/// Skips one field (RFC 7541, 6); false when it changes the table or is not whole.
bool skip_field(std::string_view& block) noexcept {
  const auto first = static_cast<std::uint8_t>(block[0]);
  std::size_t index = 0;
  if ((first & 0x80U) != 0) return take_number(block, 7, index);
  if ((first & 0x60U) != 0) return false;  // With indexing, or a new size of the table.
  return take_number(block, 4, index) && (index != 0 || skip_text(block)) && skip_text(block);
}

}  // namespace

bool leaves_table_alone(std::string_view block) noexcept {
  while (!block.empty()) {
    if (!skip_field(block)) return false;
  }
  return true;
}

AnswerHeads::AnswerHeads(std::size_t limit_bytes)
    : limit_bytes_(limit_bytes), inflater_(make_inflater()) {}

const AnswerHead* AnswerHeads::read(std::string_view block, AnswerRules::Block kind) {
  if (kind == AnswerRules::Block::head) {
    for (const Known& known : known_) {
      if (known.table_version == table_version_ && known.block == block) {
        ++hits_;
        return &known.head;
      }
    }
  }
  const bool repeatable = leaves_table_alone(block);
  if (!repeatable) ++table_version_;
  AnswerRules rules(kind);
  passing_ = {};
  if (!decode(block, rules, passing_)) return nullptr;
  if (!repeatable || kind != AnswerRules::Block::head || !passing_.fault.empty() ||
      block.size() > longest_known_block) {
    return &passing_;
  }
  Known& known = known_[std::exchange(oldest_, (oldest_ + 1) % known_.size())];
  known.table_version = table_version_;
  known.block = block;
  known.head = std::move(passing_);
  return &known.head;
}

bool AnswerHeads::decode(std::string_view block, AnswerRules& rules, AnswerHead& head) {
  Headers headers;
  const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
  std::size_t left = block.size();
  for (;;) {
    nghttp2_nv field{};
    int flags = 0;
    const ssize_t taken =
        nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, at, left, /*in_final=*/1);
    if (taken < 0) return false;
    at += taken;
    left -= static_cast<std::size_t>(taken);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      on_field(as_text(field.name, field.namelen), as_text(field.value, field.valuelen), rules,
               head, headers);
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_end_headers(inflater_.get());
  if (head.fault.empty() && !rules.on_end()) head.fault = "no :status";
  head.status = rules.status();
  head.length = rules.length();
  if (!headers.empty()) head.headers = std::make_shared<const Headers>(std::move(headers));
  return true;
}

void AnswerHeads::on_field(std::string_view name, std::string_view value, AnswerRules& rules,
                           AnswerHead& head, Headers& headers) const {
  // Over the limit the answer is given up, whatever follows. A byte of the block may stand for a
  // field of thousands, so it must not be kept.
  if (!head.fault.empty() || head.bytes > limit_bytes_) return;
  switch (rules.on_field(name, value)) {
    case AnswerRules::Field::malformed:
      head.fault = fmt::format("the field \"{}: {}\"", name, value);
      return;
    case AnswerRules::Field::dropped:
      return;
    case AnswerRules::Field::kept:
      head.bytes += name.size() + value.size();
      if (name != ":status") headers.push_back({std::string(name), std::string(value)});
      return;
  }
}

}  // namespace fanfare::http2
