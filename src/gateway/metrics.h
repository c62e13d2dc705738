// Metrics: what the gateway knows about itself, in the text format of Prometheus (0.0.4).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/breakers.h"
#include "gateway/histogram.h"
#include "queue/message.h"
#include "registry/brake.h"

namespace fanfare::gateway {

/// One look at everything.
struct MetricsSnapshot {
  struct ProjectPart {
    std::map<std::string, std::uint64_t, std::less<>> by_rule;
    Histogram delivery_seconds;
    std::uint64_t retries = 0;
    std::uint64_t in_hand = 0;
    std::vector<BreakerState> breakers;
    std::vector<registry::BrakeState> brakes;
    std::uint64_t sent = 0;                 ///< Requests to FCM, campaigns included.
    std::uint64_t messages_per_minute = 0;  ///< The limit; 0: none.
    double rate_share = 1;                  ///< Of the limit, how fast it may go now.
  };
  std::map<std::string, ProjectPart> projects;
  std::map<std::string, queue::Books> books;
  double oldest_due_seconds = 0;
  Histogram accept_seconds;
  Histogram commit_seconds;
  std::uint64_t commits = 0;
  std::uint64_t commit_failures = 0;
  std::uint64_t store_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
  std::uint64_t books_mismatches = 0;
  /// By operation and status class ("2xx").
  std::map<std::pair<std::string, std::string>, std::uint64_t> requests;
  std::size_t connections = 0;
  std::map<std::string, std::uint64_t> webhook_lag;  ///< Events behind each webhook's cursor.
  std::map<std::string, std::uint64_t> webhook_dead_letters;
  std::uint64_t resident_bytes = 0;
  double cpu_seconds = 0;
  std::string version;
};

[[nodiscard]] std::string render(const MetricsSnapshot& snapshot);

}  // namespace fanfare::gateway
