// Whether FCM would take a topic's name and a condition over topics.
#pragma once

#include <string_view>

namespace fanfare::emulator {

/// [a-zA-Z0-9-_.~%]{1,900}, without the "/topics/" of older interfaces.
[[nodiscard]] bool is_topic_name(std::string_view name) noexcept;

/// `'news' in topics` terms joined by && and ||, with ! and parentheses, five topics at most.
[[nodiscard]] bool is_condition(std::string_view text) noexcept;

}  // namespace fanfare::emulator
