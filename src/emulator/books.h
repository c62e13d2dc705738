// What happened, in numbers that always add up, and the last messages.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/time_text.h"

namespace fanfare::emulator {

/// Requests of one sort. Counting a request and its answer is one step, so that the sum of the
/// answers is the number of requests at every moment.
class Tally {
 public:
  void add(const std::string& kind) {
    ++requests_;
    ++answers_[kind];
  }
  [[nodiscard]] std::uint64_t requests() const noexcept { return requests_; }
  [[nodiscard]] boost::json::object answers() const;

 private:
  std::uint64_t requests_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> answers_;  // Kinds of answers are few.
};

/// Everything that POST /_emulator/reset sets back to zero.
struct Books {
  Tally sends;       ///< POST …/messages:send.
  Tally tokens;      ///< POST /token.
  Tally neighbours;  ///< Topics, groups and whatever else is served beside messages:send.
  Tally others;      ///< What does not exist; the emulator's own interface is counted nowhere.

  std::uint64_t accepted = 0;      ///< Answered 200, dry runs not counted.
  std::uint64_t dry_runs = 0;      ///< Answered 200 with validate_only.
  std::uint64_t duplicates = 0;    ///< Devices that were accepted more than once.
  std::uint64_t second_sends = 0;  ///< Acceptances beyond the first of each device.
  std::uint64_t reached = 0;       ///< Devices reached by way of topics, conditions and groups.
  std::uint64_t lost = 0;          ///< Requests whose connection died before they were processed.
  std::uint64_t max_in_flight = 0;
  std::uint64_t max_connections = 0;
};

/// Whom a message to a topic, a condition or a group reached.
struct Reached {
  std::vector<std::string> names;  ///< The first thousand.
  std::uint64_t count = 0;
};

struct KeptMessage {
  std::string name;
  SystemTime at;
  std::string request;             ///< JSON, as it came.
  std::optional<Reached> reached;  ///< Absent for a message to one device.

  [[nodiscard]] std::size_t bytes() const noexcept;
};

/// The last messages delivered, bounded in number and in bytes.
class MessageRing {
 public:
  explicit MessageRing(std::size_t max_count) : max_count_(max_count) {}

  void add(KeptMessage message);
  void clear();
  /// Newest last.
  [[nodiscard]] const std::deque<KeptMessage>& messages() const noexcept { return messages_; }

  static constexpr std::size_t max_bytes = 16U << 20;

 private:
  std::size_t max_count_;
  std::size_t bytes_ = 0;
  std::deque<KeptMessage> messages_;
};

}  // namespace fanfare::emulator
