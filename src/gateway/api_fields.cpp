// Reading a body, field by field.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "fcm/json_document.h"
#include "gateway/api.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

std::unexpected<Refusal> bad_body(std::string message) {
  return std::unexpected(Refusal{.message = std::move(message), .remedy = "send a JSON object"});
}

json::value number(const std::string& text, bool& finite) {
  const auto whole = [&](auto value) -> std::optional<json::value> {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return json::value(value);
  };
  if (auto value = whole(std::int64_t{})) return *std::move(value);
  if (auto value = whole(std::uint64_t{})) return *std::move(value);
  const double value = std::strtod(text.c_str(), nullptr);
  finite = finite && std::isfinite(value);
  return value;
}

// Our own tree, since Boost.JSON's parser takes names that stand twice, rounds decimals, and makes
// an infinity of 1e400 that it then writes as what no reader takes.
json::value to_boost(const fcm::JsonValue& value, bool& finite) {
  switch (value.kind) {
    case fcm::JsonValue::Kind::null:
      return nullptr;
    case fcm::JsonValue::Kind::boolean:
      return value.text == "true";
    case fcm::JsonValue::Kind::number:
      return number(value.text, finite);
    case fcm::JsonValue::Kind::string:
      return json::string(value.text);
    case fcm::JsonValue::Kind::array: {
      json::array array;
      array.reserve(value.members.size());
      for (const auto& member : value.members) array.push_back(to_boost(member.value, finite));
      return array;
    }
    case fcm::JsonValue::Kind::object:
      break;
  }
  json::object object;
  object.reserve(value.members.size());
  for (const auto& [name, member] : value.members) object.emplace(name, to_boost(member, finite));
  return object;
}

}  // namespace

std::expected<json::object, Refusal> read_object(std::string_view text, std::string_view where) {
  if (text.empty()) return bad_body(fmt::format("the {} is empty", where));
  const auto tree = fcm::parse_json(text);
  if (!tree) return bad_body(fmt::format("the {} can't be read: {}", where, tree.error().what));
  if (tree->kind != fcm::JsonValue::Kind::object) {
    return bad_body(fmt::format("the {} is {}, no JSON object", where, fcm::describe(tree->kind)));
  }
  bool finite = true;
  json::value value = to_boost(*tree, finite);
  if (!finite) {
    return std::unexpected(
        Refusal{.message = fmt::format("the {} has a number above 1.8e308", where),
                .remedy = "write a smaller number, or a string"});
  }
  return std::move(value.get_object());
}

std::expected<json::object, Refusal> read_object(const http2::Request& request) {
  return read_object(request.body, "body");
}

Fields::Fields(const json::object& object, std::string prefix)
    : object_(&object), prefix_(std::move(prefix)) {}

const json::value* Fields::take(std::string_view name) {
  asked_.emplace_back(name);
  const json::value* found = object_->if_contains(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

bool Fields::has(std::string_view name) const {
  const json::value* found = object_->if_contains(name);
  return found != nullptr && !found->is_null();
}

bool Fields::is_object(std::string_view name) const {
  const json::value* found = object_->if_contains(name);
  return found != nullptr && found->is_object();
}

void Fields::refuse(std::string_view name, std::string message, std::string remedy) {
  if (refusal_) return;
  refusal_ = Refusal{.message = std::move(message),
                     .remedy = std::move(remedy),
                     .field = prefix_ + std::string(name)};
}

std::optional<std::string> Fields::optional_text(std::string_view name, std::size_t max_bytes) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    refuse(name, "it is not a string", "put it in quotes");
    return std::nullopt;
  }
  if (value->get_string().size() > max_bytes) {
    refuse(name, fmt::format("it is longer than {} bytes", max_bytes), "shorten it");
    return std::nullopt;
  }
  return std::string(value->get_string());
}

std::string Fields::text(std::string_view name, std::size_t max_bytes) {
  return optional_text(name, max_bytes).value_or("");
}

std::string Fields::required_text(std::string_view name, std::size_t max_bytes) {
  auto value = optional_text(name, max_bytes);
  if (!value || value->empty()) refuse(name, "it is missing or empty", "give it");
  return value.value_or("");
}

bool Fields::flag(std::string_view name, bool otherwise) {
  const json::value* value = take(name);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) refuse(name, "it is neither true nor false", "write it without quotes");
  return value->is_bool() ? value->get_bool() : otherwise;
}

std::optional<std::uint64_t> Fields::number(std::string_view name, std::uint64_t max) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->is_number() ? value->to_number<std::uint64_t>(error) : 0;
  if (!value->is_number() || error || number > max) {
    refuse(name, "it is no whole number in range", fmt::format("write 0 to {}", max));
    return std::nullopt;
  }
  return number;
}

std::optional<SystemTime> Fields::time(std::string_view name) {
  const auto text = optional_text(name, 64);
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (!time) refuse(name, "it is no date and time", "write it as 2026-11-26T10:00:00Z (RFC 3339)");
  return time;
}

std::vector<std::string> Fields::texts(std::string_view name, std::size_t max_count) {
  std::vector<std::string> found;
  const json::array* all = array(name);
  if (all == nullptr) return found;
  if (all->size() > max_count) {
    refuse(name, fmt::format("it has more than {} entries", max_count), "split the request");
    return found;
  }
  for (const json::value& each : *all) {
    if (!each.is_string()) {
      refuse(name, "it holds something that is not a string", "put it in quotes");
      return found;
    }
    found.emplace_back(each.get_string());
  }
  return found;
}

const json::object* Fields::object(std::string_view name) {
  const json::value* value = take(name);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) refuse(name, "it is not an object", "write {…}");
  return value->if_object();
}

const json::array* Fields::array(std::string_view name) {
  const json::value* value = take(name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) refuse(name, "it is not a list", "write […]");
  return value->if_array();
}

std::optional<Refusal> Fields::refusal() {
  for (const auto& [name, value] : *object_) {
    if (refusal_ || unknown_allowed_) break;
    if (std::ranges::find(asked_, name) == asked_.end()) {
      refuse(name, "there is no such field here", "check its spelling, or leave it out");
    }
  }
  return refusal_;
}

}  // namespace fanfare::gateway
