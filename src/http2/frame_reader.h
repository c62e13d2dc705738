// FrameReader: the bytes of a server, in pieces of any size, as whole frames.
//
// A header block that is spread over HEADERS and CONTINUATION comes out as one frame, without
// padding and priority; so what reads it need not know that blocks can be cut. A frame that lies
// whole in the input is a view of it and nothing is copied; else its parts are gathered, at most
// one frame and one block of them. Private to this module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fanfare::http2 {

/// What ends a connection (RFC 9113, 5.4.1).
struct ConnectionFault {
  std::uint32_t code = 0;
  std::string_view words;  ///< A literal.
};

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string_view payload = {};

  [[nodiscard]] bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
  /// Four bytes from `at`, which must be there.
  [[nodiscard]] std::uint32_t number(std::size_t at = 0) const noexcept;
  /// The same without the highest bit, which is reserved in stream ids and increments.
  [[nodiscard]] std::uint32_t number31(std::size_t at = 0) const noexcept;
};

/// The frame at the beginning of `bytes`, which must hold it whole.
[[nodiscard]] Frame read_frame(std::string_view bytes) noexcept;

/// Takes the padding off a frame that has the flag PADDED; false when there is less payload than
/// padding, which is a connection error (RFC 9113, 6.1).
[[nodiscard]] bool strip_padding(Frame& frame) noexcept;

class FrameReader {
 public:
  /// `bytes` must stay until `next` has returned nothing. Precondition: it has, for the bytes
  /// before.
  void push(std::span<const std::uint8_t> bytes) noexcept;

  /// The next whole frame, which is valid until the next call with its payload; null when more
  /// bytes are needed or the connection is at fault. It is handed out where it was written: a copy
  /// would have to wait until its parts have reached the cache.
  [[nodiscard]] Frame* next();

  /// Once set, no frame comes any more.
  [[nodiscard]] const std::optional<ConnectionFault>& fault() const noexcept { return fault_; }

 private:
  [[nodiscard]] bool next_piece();
  [[nodiscard]] bool has_head(std::string_view bytes);
  [[nodiscard]] bool gather(std::size_t bytes);
  [[nodiscard]] bool begin_block();
  [[nodiscard]] bool continue_block();
  void fail(std::uint32_t code, std::string_view words);

  std::string_view input_;
  Frame frame_;                  ///< The latest.
  std::string partial_;          ///< The beginning of a frame of which the rest has not arrived.
  bool partial_is_out_ = false;  ///< It was complete and handed out: free at the next call.
  bool settled_ = false;         ///< The server's first SETTINGS began.

  Frame block_head_;   ///< HEADERS that wait for CONTINUATION.
  std::string block_;  ///< What there is of their block.
  int continuations_ = 0;
  bool block_is_open_ = false;
  std::optional<ConnectionFault> fault_;
};

}  // namespace fanfare::http2
