// One JSON object for programs, member by member in the order of the calls.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/json_text.h"

namespace fanfare::cli {

class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value) {
    append_json_string(member(name), value);
    return *this;
  }
  /// null for empty text.
  JsonObject& text_or_null(std::string_view name, std::string_view value) {
    append_json_string_or_null(member(name), value);
    return *this;
  }
  template <std::integral T>
  JsonObject& number(std::string_view name, T value) {
    member(name) += std::to_string(value);
    return *this;
  }
  JsonObject& number_or_null(std::string_view name, const std::optional<double>& value) {
    return json(name, value ? fmt::format("{:g}", *value) : "null");
  }
  JsonObject& boolean(std::string_view name, bool value) {
    return json(name, value ? "true" : "false");
  }
  JsonObject& counts(std::string_view name, const std::map<std::string, std::uint64_t>& value) {
    JsonObject object;
    for (const auto& [key, count] : value) object.number(key, count);
    return json(name, object.str());
  }
  /// A value that is JSON already.
  JsonObject& json(std::string_view name, std::string_view value) {
    member(name) += value;
    return *this;
  }
  [[nodiscard]] std::string str() const { return text_ + "}"; }

 private:
  std::string& member(std::string_view name) {
    if (text_.size() > 1) text_ += ',';
    append_json_string(text_, name);
    return text_ += ':';
  }
  std::string text_ = "{";
};

}  // namespace fanfare::cli
