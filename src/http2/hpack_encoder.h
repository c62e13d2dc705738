// HpackEncoder: header fields as bytes of HPACK (RFC 7541), with the dynamic table that the other
// side builds from them.
//
// Made for a sender, whose requests have the same few fields thousands of times: what it is told
// to index goes into the table once and is a byte or two from then on. A block's bytes mean
// something only on top of all blocks before it, so each must be written once, in order. Bytes
// that changed nothing may be written again while `version` stays the same. Strings are not
// Huffman-coded: they are written once. Private to this module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace fanfare::http2 {

class HpackEncoder {
 public:
  /// The table of ours when the other side allows a larger one: a few heads with the longest
  /// access tokens.
  static constexpr std::size_t most_table_bytes = 16U << 10;

  /// Obeys the other side's SETTINGS_HEADER_TABLE_SIZE, from the next block on.
  void set_table_limit(std::uint32_t bytes);

  /// Before the fields of each block.
  void begin_block(std::string& out);
  /// A field that is likely to come again. It is indexed when it fits beside what this block
  /// already has in the table, so that a head larger than the table does not evict itself.
  void add_indexed(std::string& out, std::string_view name, std::string_view value);
  /// A field that differs from request to request.
  void add_unindexed(std::string& out, std::string_view name, std::string_view value) const;

  /// Another number whenever bytes that were written before may mean something else now.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  /// By RFC 7541's measure (4.1).
  [[nodiscard]] std::size_t table_bytes() const noexcept { return table_bytes_; }

 private:
  struct Entry {
    std::string name;
    std::string value;
  };
  /// Indices as on the wire; 0: none.
  struct Match {
    std::size_t whole = 0;
    std::size_t name = 0;
  };
  [[nodiscard]] Match find(std::string_view name, std::string_view value) const noexcept;
  void insert(std::string_view name, std::string_view value);
  void evict_to(std::size_t bytes);

  std::deque<Entry> table_;  ///< The newest first.
  std::size_t table_bytes_ = 0;
  std::size_t table_limit_ = 4'096;            ///< RFC 9113, 6.5.2.
  std::optional<std::size_t> smallest_limit_;  ///< Since the last block; not yet announced.
  std::size_t block_bytes_ = 0;                ///< Of the table, what the block relies on.
  std::uint64_t version_ = 0;
};

/// A number with a prefix of so many bits (RFC 7541, 5.1); `first` has the bits above them.
void append_hpack_number(std::string& out, std::uint8_t first, int prefix_bits, std::size_t value);

}  // namespace fanfare::http2
