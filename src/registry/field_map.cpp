#include "registry/field_map.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "registry/device.h"

namespace fanfare::registry {
namespace {

constexpr std::array<std::string_view, field_count> names = {
    "token", "fid",         "user",      "device_id", "platform", "locale", "timezone",
    "tags",  "app_version", "last_seen", "project",   "state",    "rule"};

constexpr std::size_t index_of(Field field) noexcept {
  return static_cast<std::size_t>(field);
}

std::unexpected<Error> refuse(std::string what) {
  return fail(Error::Kind::usage, std::move(what),
              fmt::format("the left side is one of {}", fmt::join(names, ", ")));
}

struct Assignment {
  Field left;
  std::string_view right;
};

Result<Assignment> parse_assignment(std::string_view option, std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) {
    return refuse(fmt::format("{} {} has no '='", option, text));
  }
  const auto left = trim(text.substr(0, equals));
  const auto field = parse_field(left);
  if (!field) return refuse(fmt::format("{} {}: a device has no {}", option, text, left));
  return Assignment{*field, trim(text.substr(equals + 1))};
}

}  // namespace

std::string_view to_string(Field field) noexcept {
  return names[index_of(field)];
}

std::optional<Field> parse_field(std::string_view name) noexcept {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Field>(found - names.begin());
}

Result<FieldMap> FieldMap::make(std::span<const std::string> mapped,
                                std::span<const std::string> constants) {
  FieldMap map;
  for (std::string_view rest : mapped) {
    for (bool more = true; more;) {
      const auto comma = rest.find(',');
      const auto pair = parse_assignment("--map", rest.substr(0, comma));
      if (!pair) return std::unexpected(pair.error());
      auto& source = map.sources_[index_of(pair->left)];
      if (source) return refuse(fmt::format("--map gives {} twice", to_string(pair->left)));
      source = pair->right;
      more = comma != std::string_view::npos;
      if (more) rest.remove_prefix(comma + 1);
    }
  }
  for (const std::string& text : constants) {
    const auto pair = parse_assignment("--set", text);
    if (!pair) return std::unexpected(pair.error());
    const std::string_view name = to_string(pair->left);
    if (pair->left == Field::token || pair->left == Field::fid) {
      return refuse(fmt::format("--set {}: no two devices have the same {}", text, name));
    }
    if (map.is_mapped(pair->left)) {
      return refuse(fmt::format("{} is given by --map and by --set", name));
    }
    auto& constant = map.constants_[index_of(pair->left)];
    if (constant) return refuse(fmt::format("--set gives {} twice", name));
    constant = pair->right;
  }
  return map;
}

std::string_view FieldMap::source(Field field) const noexcept {
  const auto& mapped = sources_[index_of(field)];
  return mapped ? std::string_view(*mapped) : to_string(field);
}

bool FieldMap::is_mapped(Field field) const noexcept {
  return sources_[index_of(field)].has_value();
}

bool FieldMap::any_mapped() const noexcept {
  return std::ranges::any_of(sources_,
                             [](const auto& source) { return source && !source->empty(); });
}

const std::optional<std::string>& FieldMap::constant(Field field) const noexcept {
  return constants_[index_of(field)];
}

}  // namespace fanfare::registry
