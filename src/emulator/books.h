// What happened, in numbers that always add up, and the last messages.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

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

/// How many messages came in the last minute, at every moment. A minute that begins somewhere
/// within a hundredth of a second is counted from its begin to the end of the last one, so what is
/// told is never too small, and too great by what comes in a hundredth of a second at most.
class Rate {
 public:
  void add(SystemTime now);
  [[nodiscard]] std::uint64_t last_minute(SystemTime now) const;
  /// The most there ever were within any minute.
  [[nodiscard]] std::uint64_t most() const noexcept { return most_; }

 private:
  /// A hundredth of a second each. A minute, ends included, touches one more than fit into it.
  static constexpr std::size_t slots = 6'001;
  using Slot = std::chrono::duration<std::int64_t, std::centi>;

  void move_to(std::int64_t slot);

  std::array<std::uint32_t, slots> counts_{};
  std::int64_t slot_ = 0;  // The one that is being counted, since the epoch.
  std::uint64_t sum_ = 0;
  std::uint64_t most_ = 0;
};

/// One value for each project.
template <class Value>
class OfProject {
 public:
  /// Made when there is none yet.
  [[nodiscard]] Value& at(std::string_view project) {
    auto found = values_.find(project);
    if (found == values_.end()) {
      if (values_.size() >= most_projects) project = "(others)";
      found = values_.try_emplace(std::string(project)).first;
    }
    return found->second;
  }
  [[nodiscard]] auto begin() const noexcept { return values_.begin(); }
  [[nodiscard]] auto end() const noexcept { return values_.end(); }

 private:
  /// More share one value, "(others)": a sender may make up names without end.
  static constexpr std::size_t most_projects = 100;
  std::map<std::string, Value, std::less<>> values_;
};

/// A minute's messages of one project; the minute begins with the first.
class QuotaWindow {
 public:
  /// Whether so many were counted in the window of `now`; begins the next one when that is over.
  [[nodiscard]] bool is_spent(SystemTime now, std::uint64_t limit);
  void count() noexcept { ++spent_; }

 private:
  std::optional<SystemTime> start_;
  std::uint64_t spent_ = 0;
};

/// The messages that FCM counts against the quota, of each project.
class QuotaUse {
 public:
  void add(std::string_view project, SystemTime now) { rates_.at(project).add(now); }
  /// The most that any minute held of one project.
  [[nodiscard]] std::uint64_t most() const noexcept;
  [[nodiscard]] boost::json::object most_by_project() const;

 private:
  OfProject<Rate> rates_;
};

}  // namespace fanfare::emulator
