#include "cli/serve_log.h"

#include <fmt/format.h>

#include "base/json_text.h"

namespace fanfare::cli {
namespace {

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::info:
      return "info";
    case LogLevel::debug:
      return "debug";
  }
  return "";
}

}  // namespace

LogLevel level_of(const gateway::LogEntry& entry) noexcept {
  using Level = gateway::LogEntry::Level;
  switch (entry.level) {
    case Level::error:
      return LogLevel::error;
    case Level::warning:
      return LogLevel::warning;
    case Level::info:
      return LogLevel::info;
    case Level::debug:
      return LogLevel::debug;
  }
  return LogLevel::info;
}

std::string render(const gateway::LogEntry& entry, SystemTime now, bool json) {
  const auto level = name_of(level_of(entry));
  std::string line;
  if (!json) {
    line = fmt::format("{} {} {}", format_rfc3339(now), level, entry.event);
    for (const auto& [name, value] : entry.fields) {
      fmt::format_to(std::back_inserter(line), " {}={}", name, printable(value));
    }
    return line + "\n";
  }
  line = fmt::format(R"({{"time":"{}","level":"{}","event":"{}")", format_rfc3339(now), level,
                     entry.event);
  for (const auto& [name, value] : entry.fields) {
    fmt::format_to(std::back_inserter(line), R"(,"{}":)", name);
    append_json_string(line, value);
  }
  return line + "}\n";
}

}  // namespace fanfare::cli
