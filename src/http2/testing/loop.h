// Runs an event loop until a condition holds: what tests have in place of sleeping.
#pragma once

#include <chrono>
#include <concepts>

#include <boost/asio/io_context.hpp>

namespace fanfare::http2::testing {

/// False when `limit` passed first, which only a failing test waits for.
template <std::predicate Condition>
[[nodiscard]] bool run_until(boost::asio::io_context& io, Condition condition,
                             std::chrono::seconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  io.restart();
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    if (io.stopped()) io.restart();
    io.run_one_for(std::chrono::milliseconds(50));
  }
  return true;
}

}  // namespace fanfare::http2::testing
