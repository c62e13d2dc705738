// Who has subscribed to which topic. A registration's topics are kept in their order, since lists
// are asked for by the page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time_text.h"

namespace fanfare::emulator {

enum class Subscribed : std::uint8_t {
  added,
  already,
  too_many_topics,  ///< The registration has as many as FCM allows one.
  full,             ///< The emulator remembers no more.
};

class Subscriptions {
 public:
  /// By topic, with the time of the subscription.
  using Topics = std::map<std::string, SystemTime, std::less<>>;

  Subscribed add(const std::string& registration, std::string_view topic, SystemTime now);
  /// Whether there was such a subscription.
  bool remove(const std::string& registration, std::string_view topic);

  [[nodiscard]] std::optional<SystemTime> since(const std::string& registration,
                                                std::string_view topic) const;
  /// Empty for a registration that was never met.
  [[nodiscard]] const Topics& topics_of(const std::string& registration) const;
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

  /// In no order.
  void for_each_subscriber(std::string_view topic,
                           const std::function<void(const std::string&)>& visit) const;
  /// Every registration with at least one topic.
  void for_each(const std::function<void(const std::string&, const Topics&)>& visit) const;

  static constexpr std::size_t max_topics = 2'000;     ///< Of one registration (FCM's limit).
  static constexpr std::size_t max_count = 2'000'000;  ///< Of all registrations (the emulator's).

 private:
  std::unordered_map<std::string, Topics> by_registration_;
  // Views of the keys above, which do not move.
  std::map<std::string, std::set<std::string_view>, std::less<>> by_topic_;
  std::size_t count_ = 0;
};

}  // namespace fanfare::emulator
