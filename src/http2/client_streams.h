// ClientStreams: the open requests of one connection, by stream and by request. Private to this
// module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http2/client_session.h"
#include "http2/exchange.h"

namespace fanfare::http2 {

/// One request and what has come of it, until it ends: all but its strings, which keep their
/// memory, and its headers.
struct ClientStreamState {
  /// How far the answer has come: nothing, only interim (1xx) heads, its head.
  enum class Answer : std::uint8_t { none, interim, begun };

  std::uint32_t id = 0;
  RequestId request = 0;

  // On its way out; RequestWriter's.
  bool whole = false;       ///< END_STREAM is written.
  SharedHead head = {};     ///< While HEADERS are not written.
  std::size_t gone = 0;     ///< What is written of the body is unwritten[0..gone).
  std::int64_t window = 0;  ///< What the server takes now; negative after it lowered its SETTINGS.

  // On its way in.
  Answer answer = Answer::none;
  bool is_head = false;                ///< A HEAD: its answer has no body, whatever it says.
  std::uint32_t uncredited_bytes = 0;  ///< That the server was not given back by WINDOW_UPDATE.
  std::size_t header_bytes = 0;        ///< Over interim heads and trailers, too.
  std::optional<std::uint64_t> length = {};
  int status = 0;
};

struct ClientStream : ClientStreamState {
  std::string unwritten;                   ///< Of the request's body.
  std::string body;                        ///< Of the answer.
  std::shared_ptr<const Headers> headers;  ///< Of the answer, once it has begun; before, the latest
                                           ///< stream's here, which are likely to be the same.
  ClientStream* chained = nullptr;         ///< ClientStreams': the next one with the same place.
};

/// Streams stay where they are while they are open, and their strings keep their memory for the
/// next one.
class ClientStreams {
 public:
  ClientStreams();

  ClientStream& open(std::uint32_t id, RequestId request);
  /// Null when it was never opened or is closed.
  [[nodiscard]] ClientStream* find(std::uint32_t id) noexcept;
  /// Asks for the memory of the one that `find` will be asked for a little later, if it is open.
  void prefetch(std::uint32_t id) noexcept;
  /// Looks at all of them.
  [[nodiscard]] ClientStream* find_request(RequestId request) const noexcept;
  void close(ClientStream& stream);

  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  /// In the order of their ids. Allocates.
  [[nodiscard]] std::vector<ClientStream*> all() const;

 private:
  [[nodiscard]] ClientStream*& place(std::uint32_t id) noexcept;
  void put(ClientStream& stream) noexcept;
  void grow();

  std::deque<ClientStream> slots_;
  std::vector<ClientStream*> free_;
  std::vector<ClientStream*> places_;  ///< A hash table by id with chains; null: empty.
  std::size_t count_ = 0;
};

}  // namespace fanfare::http2
