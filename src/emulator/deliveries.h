// The FCM Data API: how many messages with an analytics label were accepted for Android on a day,
// and what became of them, in per cent of those accepted.
//
//   GET /v1beta1/projects/{p}/androidApps/{app}/deliveryData?pageSize=&pageToken=
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>

#include "base/time_text.h"
#include "emulator/answers.h"
#include "emulator/journal.h"

namespace fanfare::emulator {

/// By day (UTC) and label; bounded.
class DeliveryLog {
 public:
  struct Counts {
    std::uint64_t messages = 0;
    std::uint64_t notifications = 0;  ///< Of those, to be shown and not only data.
    std::uint64_t delivered = 0;
    std::uint64_t delayed = 0;  ///< Of those delivered, at the second attempt.
    /// Not delivered, or not yet. The rest were taken for inactive.
    std::uint64_t pending = 0;
    std::uint64_t collapsed = 0;
    std::uint64_t too_many_pending = 0;
    std::uint64_t ttl_expired = 0;

    /// Counts one message more that had this outcome, or one less.
    void count(Outcome outcome, bool more) noexcept;
  };
  using Key = std::pair<std::chrono::sys_days, std::string>;

  /// A label beyond those of a day that FCM keeps is dropped, as is one that is no label.
  void add(std::string_view label, const Counts& counts, SystemTime now);
  /// A message of that label and time has another outcome now.
  void move(std::string_view label, SystemTime accepted, Outcome from, Outcome to);
  void clear() { counts_.clear(); }
  [[nodiscard]] const std::map<Key, Counts>& counts() const noexcept { return counts_; }

  static constexpr std::size_t max_labels = 100;  ///< Of one day.
  static constexpr std::size_t max_rows = 10'000;

 private:
  std::map<Key, Counts> counts_;
};

/// The analytics label that Android's copy of a message has; empty: none.
[[nodiscard]] std::string_view android_label(const boost::json::object& message);

struct DeliveryPath {
  std::string project;
  std::string app;
};

/// Nothing for a path of something else.
[[nodiscard]] std::optional<DeliveryPath> parse_delivery_path(std::string_view path);

/// Answers a request whose access token and project were good.
[[nodiscard]] Answer list_deliveries(const DeliveryPath& path, std::string_view query,
                                     const DeliveryLog& log);

}  // namespace fanfare::emulator
