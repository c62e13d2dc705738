// Whether FCM would take a topic's name and a condition over topics.
#pragma once

#include <functional>
#include <string_view>

namespace fanfare::emulator {

/// [a-zA-Z0-9-_.~%]{1,900}, without the "/topics/" of older interfaces.
[[nodiscard]] bool is_topic_name(std::string_view name) noexcept;

/// `'news' in topics` terms joined by && and ||, with ! and parentheses, five topics at most.
[[nodiscard]] bool is_condition(std::string_view text);

/// Whether a condition holds for a device, given whether it has a topic. && and || are taken in
/// the order they stand in, without precedence; parentheses go first. False for no condition.
[[nodiscard]] bool holds(std::string_view condition,
                         const std::function<bool(std::string_view)>& has_topic);

}  // namespace fanfare::emulator
