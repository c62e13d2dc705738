#include "cli/config.h"

#include <algorithm>

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace fanfare::cli {
namespace {

std::optional<std::string> as_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

}  // namespace

Result<std::vector<ConfigValue>> parse_config(std::string_view text, std::string_view path) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return fail(Error::Kind::input,
                fmt::format("{}:{}: {}", path, parsed.error().source().begin.line,
                            parsed.error().description()),
                "mend the line; the file is TOML, such as: project = \"my-project\"");
  }
  std::vector<ConfigValue> values;
  for (const auto& [key, node] : parsed.table()) {
    const auto line = node.source().begin.line;
    if (node.is_table() || node.is_array_of_tables()) continue;  // A section, of the gateway's.
    auto value = as_text(node);
    if (!value) {
      return fail(Error::Kind::input,
                  fmt::format("{}:{}: {} has no simple value", path, line, key.str()),
                  "give it a string, a whole number, true or false");
    }
    values.push_back({std::string(key.str()), std::move(*value), line});
  }
  // The table is sorted by key; a person reads the file from the top.
  std::ranges::sort(values, {}, &ConfigValue::line);
  return values;
}

}  // namespace fanfare::cli
