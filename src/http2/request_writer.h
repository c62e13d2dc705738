// RequestWriter: requests as the bytes of HEADERS and DATA, as many and as much of them as the
// server takes.
//
// The common request is written when it is submitted, straight into what `write` hands over next:
// its head is the one written last, so that its block is a copy of a few bytes, and its body fits
// the windows. Until `write` it can be withdrawn, because bytes of that kind change nothing that
// later ones rely on. Everything else waits in its stream: heads that HPACK has not seen, bodies
// larger than the windows, requests over the server's limit. Private to this module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "http2/client_streams.h"
#include "http2/exchange.h"
#include "http2/hpack_encoder.h"

namespace fanfare::http2 {

class RequestWriter {
 public:
  /// `max_streams`: until the server's SETTINGS say how many. `streams` must live longer.
  RequestWriter(ClientStreams& streams, std::uint32_t max_streams);

  /// A head that is larger than any server takes; such a request is not to be submitted.
  [[nodiscard]] bool is_too_large(const SharedHead& head) const noexcept;

  /// Precondition: `stream` is the one opened last.
  void submit(ClientStream& stream, const SharedHead& head, const BodyPieces& body);
  /// Appends what may be written now.
  void write(std::string& out);
  /// Takes back what was submitted since the last `write`, so that it is judged anew.
  void withdraw();
  /// `stream` has ended. Precondition: it is written, or nothing was submitted since `withdraw`.
  void forget(ClientStream& stream) noexcept;

  /// Whether `write` has begun it. A server can't know others.
  [[nodiscard]] bool has_begun(std::uint32_t stream) const noexcept { return stream <= last_out_; }

  // What the server says. False: a window would be over 2^31 - 1 (RFC 9113, 6.9.1).
  [[nodiscard]] bool widen(std::uint32_t increment) noexcept;
  [[nodiscard]] static bool widen(ClientStream& stream, std::uint32_t increment) noexcept;
  /// Of all streams, open ones included. Precondition for these three: `withdraw`.
  [[nodiscard]] bool set_stream_window(std::uint32_t bytes);
  void set_max_streams(std::uint32_t count) noexcept { max_streams_ = count; }
  void set_table_limit(std::uint32_t bytes) { encoder_.set_table_limit(bytes); }

  [[nodiscard]] std::uint32_t max_streams() const noexcept { return max_streams_; }

 private:
  /// The head written last.
  struct Known {
    SharedHead head;
    std::string block;
    std::uint64_t version = 0;  ///< Of the encoder before its block.
    bool says_length[2] = {};   ///< Without a body, with one.
    bool is_head = false;
  };
  [[nodiscard]] bool is_common(const SharedHead& head, std::size_t body_bytes) const noexcept;
  void know(const SharedHead& head);
  void append_common(std::string& out, std::uint32_t stream, const BodyPieces& body) const;
  void append_headers(std::string& out, std::uint32_t stream, std::size_t body_bytes) const;
  void begin(ClientStream& stream, std::string& out);
  void write_body(ClientStream& stream, std::string& out);

  ClientStreams& streams_;
  HpackEncoder encoder_;
  Known known_;

  std::string ready_;  ///< Of common requests, since the last `write`.
  std::uint32_t ready_count_ = 0;
  std::uint32_t last_ready_ = 0;        ///< The latest stream among them.
  std::vector<ClientStream*> waiting_;  ///< Not begun, in order, all after those in `ready_`.
  std::vector<ClientStream*> blocked_;  ///< Begun, not whole.

  std::uint32_t last_out_ = 0;
  std::uint32_t open_count_ = 0;  ///< Begun and not ended.
  std::uint32_t max_streams_;
  std::int64_t window_ = 65'535;  ///< Of the connection (RFC 9113, 6.9.2).
  std::int64_t stream_window_ = 65'535;
};

}  // namespace fanfare::http2
