#include "queue/message.h"

#include <charconv>

#include <fmt/format.h>

namespace fanfare::queue {

std::string format_message_id(MessageId id) {
  return fmt::format("m-{}", id);
}

std::optional<MessageId> parse_message_id(std::string_view text) noexcept {
  if (!text.starts_with("m-")) return std::nullopt;
  text.remove_prefix(2);
  MessageId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id <= 0) return std::nullopt;
  return id;
}

std::string_view to_string(State state) noexcept {
  switch (state) {
    case State::waiting:
      return "waiting";
    case State::in_flight:
      return "in_flight";
    case State::delivered:
      return "delivered";
    case State::rejected:
      return "rejected";
    case State::dropped:
      return "dropped";
    case State::expired:
      return "expired";
    case State::cancelled:
      return "cancelled";
    case State::unknown:
      return "unknown";
  }
  return "";
}

}  // namespace fanfare::queue
