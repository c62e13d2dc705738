#include "registry/device.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

namespace fanfare::registry {
namespace {

constexpr std::string_view blanks = " \t\r\n\f\v";

}  // namespace

std::string_view to_string(State state) noexcept {
  switch (state) {
    case State::active:
      return "active";
    case State::suspect:
      return "suspect";
    case State::retired:
      return "retired";
  }
  return "";
}

std::optional<State> parse_state(std::string_view text) noexcept {
  for (const State state : {State::active, State::suspect, State::retired}) {
    if (text == to_string(state)) return state;
  }
  return std::nullopt;
}

bool is_utf8(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

bool has_control_characters(std::string_view text) noexcept {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::string registration_fault(std::string_view value) {
  if (value.empty()) return "the registration is empty";
  if (value.size() > max_registration_bytes) {
    return fmt::format("the registration is longer than {} bytes", max_registration_bytes);
  }
  if (has_control_characters(value) || value.find(' ') != std::string_view::npos) {
    return "the registration contains blanks or control characters";
  }
  if (!is_utf8(value)) return "the registration is not UTF-8";
  return {};
}

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string> split_tags(std::string_view text) {
  std::vector<std::string> tags;
  while (!text.empty()) {
    const auto end = text.find(';');
    const std::string_view tag = trim(text.substr(0, end));
    if (!tag.empty() && std::ranges::find(tags, tag) == tags.end()) tags.emplace_back(tag);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return tags;
}

std::string join_tags(const std::vector<std::string>& tags) {
  std::string text;
  for (const auto& tag : tags) {
    if (!text.empty()) text += ';';
    text += tag;
  }
  return text;
}

std::string normal_platform(std::string_view text) {
  std::string platform(trim(text));
  std::ranges::transform(platform, platform.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (platform == "webpush" || platform == "chrome") return "web";
  return platform;
}

}  // namespace fanfare::registry
