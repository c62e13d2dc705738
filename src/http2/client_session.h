// ClientSession: the client's end of one HTTP/2 connection as a value. Bytes in, bytes and
// events out; no socket, no TLS, no clock.
//
// The rule that is easy to get wrong is what may be sent again. A request ends in exactly one of
// three ways, and only `unsent` promises that the server did not process it:
//
//   submitted --> answered   a whole answer arrived (END_STREAM)
//             --> unsent     never written in full, RST_STREAM(REFUSED_STREAM), or its stream id
//                            is above a GOAWAY's last-stream-id (RFC 9113, 8.7 and 6.8)
//             --> unknown    everything else: other resets, a dying connection, a cancel after
//                            the request was written, an answer over the limits
//
// Which engine writes and reads the frames is chosen when it is made: Http2Engine.
//
// Not thread-safe; the owner calls it from one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "http2/exchange.h"

namespace fanfare::http2 {

/// Chosen by the owner, unique within the session, handed back in `Ended`.
using RequestId = std::uint64_t;

/// The end of one request; exactly one for each submit.
struct Ended {
  enum class How : std::uint8_t { answered, unsent, unknown };
  RequestId id = 0;
  How how = How::unknown;
  Response response;   ///< Filled when answered.
  std::string reason;  ///< When not answered: why, for people ("GOAWAY ENHANCE_YOUR_CALM …").
};

/// The ends of requests, in the order in which they came. Its memory is used again: what is cleared
/// keeps its strings, so that a list that is filled and cleared in turns stops allocating.
class EndedList {
 public:
  /// A new last one; all but its strings' capacity is as in a fresh Ended. Ends move when others
  /// are added.
  Ended& add(RequestId id, Ended::How how);
  /// The same for an answer with these common headers. Where the place had the same ones before,
  /// as thousands have, they are not counted anew: an atomic count waits for all that was stored.
  Ended& add_answered(RequestId id, const std::shared_ptr<const Headers>& common);
  [[nodiscard]] std::span<Ended> all() noexcept { return {items_.data(), count_}; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  void clear() noexcept { count_ = 0; }
  /// Moves everything to the end of `out`.
  void move_to(EndedList& out);

 private:
  Ended& next(RequestId id, Ended::How how);

  std::vector<Ended> items_;
  std::size_t count_ = 0;
};

struct ClientLimits {
  std::uint32_t streams = 100;           ///< At most this many at once, until SETTINGS say less;
                                         ///< FCM's own limit is 100 and exceeding it is fatal.
  std::size_t header_bytes = 64U << 10;  ///< Of one answer, all names and values.
  std::size_t body_bytes = 1U << 20;     ///< Of one answer; more ends the request as unknown.
  std::uint32_t requests = 1U << 30;     ///< Over the session's life, then it drains; no more
                                         ///< stream ids exist (RFC 9113, 5.1.1).
};

class ClientSession {
 public:
  ClientSession() = default;
  virtual ~ClientSession() = default;
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  /// How many requests may be submitted now: the smaller of our and the server's limit, less the
  /// open streams; 0 when draining or dead.
  [[nodiscard]] virtual std::size_t free_streams() const noexcept = 0;
  /// Requests submitted and not ended.
  [[nodiscard]] virtual std::size_t open_streams() const noexcept = 0;

  /// Starts a request; `body` is looked at during the call only. Precondition: free_streams() > 0
  /// and a fresh id.
  virtual void submit(RequestId id, const SharedHead& head, const BodyPieces& body) = 0;
  /// The same for a request that is alone of its kind.
  void submit(RequestId id, const Request& request);

  /// Gives a request up (its deadline passed): RST_STREAM(CANCEL). It ends as `unsent` when it was
  /// not yet written, else as `unknown`. No effect when it has ended.
  virtual void cancel(RequestId id, std::string reason) = 0;

  /// Gives up every request that is not yet written in full, as `unsent`: another connection may
  /// carry it sooner.
  virtual void release_unsent(const std::string& reason) = 0;

  /// Sends a PING; `take_pongs` counts its acknowledgement.
  virtual void ping() = 0;

  /// Feeds bytes that arrived. After a protocol error the session is dead and has ended every
  /// request; the rest of the output (a GOAWAY) should still be written.
  virtual void receive(std::span<const std::uint8_t> bytes) = 0;

  /// The connection is gone: ends every open request (see the drawing above).
  virtual void connection_lost(const std::string& reason) = 0;

  /// Sends GOAWAY(NO_ERROR) and takes no more requests.
  virtual void shut_down() = 0;

  /// Appends what must be written, if anything, in order.
  virtual void take_output(std::string& out) = 0;

  /// Moves the ended requests to the end of `out`, in the order in which they ended. Ask after
  /// every other call, take_output included: a request that can't be written ends there.
  virtual void take_ended(EndedList& out) = 0;

  /// PING acknowledgements since the last call.
  [[nodiscard]] virtual std::size_t take_pongs() noexcept = 0;

  /// A GOAWAY came or shut_down was called: open requests finish, new ones go elsewhere.
  [[nodiscard]] virtual bool draining() const noexcept = 0;
  /// Nothing more will come of this session; close the connection.
  [[nodiscard]] virtual bool dead() const noexcept = 0;
  /// True once the server's first SETTINGS arrived.
  [[nodiscard]] virtual bool settled() const noexcept = 0;
};

/// Who writes and reads the frames.
enum class Http2Engine : std::uint8_t {
  nghttp2,  ///< nghttp2 does.
  frames,   ///< We do, which costs a fraction; nghttp2 only decompresses answers' headers.
};

[[nodiscard]] std::unique_ptr<ClientSession> make_client_session(Http2Engine engine,
                                                                 const ClientLimits& limits = {});

}  // namespace fanfare::http2
