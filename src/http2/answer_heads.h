// AnswerHeads: header blocks of answers as values.
//
// A server answers thousands of requests with the same head, and then often with the same bytes.
// So what a block said is remembered, and a block that comes again is only compared. That is right
// under two conditions: the block changes nothing in HPACK's dynamic table (so that skipping it
// leaves the decoder where it should be), and the table has not changed since (so that its indices
// mean the same). Private to this module.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include "http2/answer_rules.h"
#include "http2/exchange.h"
#include "http2/nghttp2_handle.h"

namespace fanfare::http2 {

/// What one block says.
struct AnswerHead {
  int status = 0;  ///< 0 in trailers.
  std::optional<std::uint64_t> length = {};
  std::shared_ptr<const Headers> headers = {};  ///< Null: none.
  std::size_t bytes = 0;                        ///< Of all names and values.
  std::string fault = {};                       ///< Why it is malformed; empty: it is not.
};

class AnswerHeads {
 public:
  /// Of a block with more bytes of names and values the rest is not kept.
  explicit AnswerHeads(std::size_t limit_bytes);

  /// A block of a stream, valid until the next call; null when it can't be decompressed, which
  /// ends the connection (RFC 9113, 4.3). Every block must come here, or later ones mean
  /// something else.
  [[nodiscard]] const AnswerHead* read(std::string_view block, AnswerRules::Block kind);

  /// How often a block was only compared.
  [[nodiscard]] std::size_t hits() const noexcept { return hits_; }

 private:
  using Inflater = std::unique_ptr<nghttp2_hd_inflater, CallDelete<nghttp2_hd_inflate_del>>;
  struct Known {
    std::uint64_t table_version = 0;  ///< 0: never one.
    std::string block;
    AnswerHead head;
  };
  [[nodiscard]] bool decode(std::string_view block, AnswerRules& rules, AnswerHead& head);
  void on_field(std::string_view name, std::string_view value, AnswerRules& rules, AnswerHead& head,
                Headers& headers) const;

  std::size_t limit_bytes_;
  Inflater inflater_;
  std::uint64_t table_version_ = 1;
  std::array<Known, 4> known_;
  std::size_t oldest_ = 0;
  AnswerHead passing_;  ///< One that is not remembered.
  std::size_t hits_ = 0;
};

/// Whether a block leaves HPACK's dynamic table as it is: indexed fields and literals that are not
/// indexed, all whole.
[[nodiscard]] bool leaves_table_alone(std::string_view block) noexcept;

}  // namespace fanfare::http2
