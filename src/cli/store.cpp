#include "cli/store.h"

#include <filesystem>

#include <fmt/format.h>

namespace fanfare::cli {

Result<registry::Registry> open_store(const Globals& globals, registry::OpenOptions options) {
  const std::string& path = globals.store;
  if (path.starts_with("postgresql:") || path.starts_with("postgres:")) {
    // The URL may hold a password.
    return fail(Error::Kind::usage, "--store postgresql://… is not in this version yet",
                "name a file instead, such as --store fanfare.db");
  }
  std::error_code error;
  if (options.mode != registry::OpenOptions::Mode::create &&
      !std::filesystem::exists(path, error) && !error) {
    return fail(Error::Kind::storage, fmt::format("there is no store {}", path),
                "name another with --store, or make it with 'fanfare devices import FILE'");
  }
  return registry::Registry::open(path, options);
}

Result<SystemTime> parse_moment(std::string_view option, const std::string& text, SystemTime now) {
  if (const auto time = parse_rfc3339(text)) return *time;
  if (const auto span = parse_span(text)) return now - *span;
  return fail(Error::Kind::usage, fmt::format("can't read {} {}", option, text),
              "write a time such as 2026-11-24T05:44:00Z, or how long ago: 90s, 45m, 2h, 30d, 2w");
}

Result<std::chrono::seconds> parse_age(std::string_view option, const std::string& text) {
  if (const auto span = parse_span(text)) return *span;
  return fail(Error::Kind::usage, fmt::format("can't read {} {}", option, text),
              "write a number and a unit: 90s, 45m, 12h, 30d, 2w");
}

}  // namespace fanfare::cli
