// What the pool decides, as functions of what it sees: which connection takes a request, whether
// another is opened, when a silent connection is asked for a sign of life.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "http2/pool.h"

namespace fanfare::http2 {

using SteadyTime = std::chrono::steady_clock::time_point;

/// One connection, as far as the choice depends on it.
struct ConnectionView {
  std::uint64_t serial = 0;
  std::size_t free_streams = 0;
  std::size_t open_streams = 0;
  bool opening = false;   ///< Not yet settled.
  bool draining = false;  ///< Takes no more requests.
  bool quiet = false;     ///< Has not said anything for a while, though it was asked.
};

/// The index of the connection that takes a request: the one with the most free streams, so that
/// the end of a connection takes the fewest requests with it and a slow one gets few; of equals the
/// oldest. One that is quiet, or has refused this request (`avoid`, 0: none), is taken only when
/// `last_resort`. nullopt: none has room.
[[nodiscard]] std::optional<std::size_t> choose_connection(
    std::span<const ConnectionView> connections, std::uint64_t avoid, bool last_resort);

/// Whether there is room for one more connection. One that drains or is quiet may still finish its
/// requests and does not keep its successor out; they are borne until there are more than
/// `max_connections` of them.
[[nodiscard]] bool may_open(std::span<const ConnectionView> connections,
                            std::size_t max_connections);

/// The index of a connection that is not needed any more: the others would have carried `peak`
/// requests at once with a quarter of their streams to spare. The youngest. nullopt: all are
/// needed.
[[nodiscard]] std::optional<std::size_t> surplus_connection(
    std::span<const ConnectionView> connections, std::size_t peak);

/// Whether a connection is being opened: one at a time, since each adds a hundred streams.
[[nodiscard]] bool is_opening(std::span<const ConnectionView> connections);

/// The pause before the next attempt after `failures` failed ones in a row: 100 ms, doubling to
/// 5 s. Zero failures: none.
[[nodiscard]] std::chrono::milliseconds connect_pause(int failures);

/// When a connection was last known to work, and what is under way on it.
struct Liveness {
  SteadyTime since{};                   ///< Opened, last heard of, last without open streams.
  std::optional<SteadyTime> pinged_at;  ///< An unanswered PING.
  bool open_streams = false;
  int pings = 0;  ///< Sent since an answer to a request came.
};

enum class LifeSign : std::uint8_t { none, send_ping, lost, close_idle };

/// What is to be done for a connection's life now. FCM answers pings that come too often with
/// GOAWAY ENHANCE_YOUR_CALM, so an idle connection is never pinged, and one that answers pings and
/// nothing else is doubted half as often after each.
[[nodiscard]] LifeSign next_life_sign(const Liveness& life, const PoolOptions& options,
                                      SteadyTime now);

/// When next_life_sign changes by itself.
[[nodiscard]] SteadyTime life_sign_due(const Liveness& life, const PoolOptions& options);

/// When a connection becomes quiet by itself; nullopt: not while nothing was asked of it.
[[nodiscard]] std::optional<SteadyTime> quiet_from(const Liveness& life,
                                                   const PoolOptions& options);

}  // namespace fanfare::http2
