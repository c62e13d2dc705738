// Reading one field of a JSON object that may hold anything.
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

namespace fanfare::oauth {

/// Empty when it is absent or not text.
[[nodiscard]] inline std::string_view text_of(const boost::json::object& object,
                                              std::string_view name) {
  const auto* value = object.if_contains(name);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string_view(text->data(), text->size()) : std::string_view();
}

/// Null when it is absent or not an object.
[[nodiscard]] inline const boost::json::object* object_of(const boost::json::object& object,
                                                          std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

}  // namespace fanfare::oauth
