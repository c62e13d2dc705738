// AnswerRules: what the head and the trailers of an answer over HTTP/2 must hold to, or be reset as
// malformed (RFC 9113, 8.1.1 to 8.3.2). As strict and as forgiving as nghttp2, which curl has tried
// on the servers of this world. Private to this module.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fanfare::http2 {

/// Fed with the fields of one header block in the order of arrival.
class AnswerRules {
 public:
  enum class Block : std::uint8_t { head, trailers };
  enum class Field : std::uint8_t {
    kept,
    dropped,    ///< The content-length of a 204, which is forbidden and which many servers send.
    malformed,  ///< Final: so is the answer.
  };

  explicit AnswerRules(Block block) noexcept : block_(block) {}

  [[nodiscard]] Field on_field(std::string_view name, std::string_view value);
  /// All fields are there; false: the answer is malformed.
  [[nodiscard]] bool on_end() const noexcept { return block_ == Block::trailers || status_; }

  /// 0 without one. Three digits, which may be 000.
  [[nodiscard]] int status() const noexcept { return status_.value_or(0); }
  [[nodiscard]] std::optional<std::uint64_t> length() const noexcept { return length_; }

 private:
  [[nodiscard]] Field on_status(std::string_view value);
  [[nodiscard]] Field on_length(std::string_view value);

  Block block_;
  std::optional<int> status_;
  std::optional<std::uint64_t> length_;
  bool regular_ = false;  ///< A field that is no pseudo-header was there.
};

}  // namespace fanfare::http2
