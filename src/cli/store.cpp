#include "cli/store.h"

#include <filesystem>

#include <fmt/format.h>

namespace fanfare::cli {

namespace {

Result<void> refuse_url(const std::string& path) {
  if (!path.starts_with("postgresql:") && !path.starts_with("postgres:")) return {};
  // The URL may hold a password.
  return fail(Error::Kind::usage, "--store postgresql://… is not in this version yet",
              "name a file instead, such as --store fanfare.db");
}

Result<void> require_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error) || error) return {};
  return fail(Error::Kind::storage, fmt::format("there is no store {}", path),
              "name another with --store, or make it with 'fanfare devices import FILE'");
}

}  // namespace

Result<std::string> store_file(const Globals& globals) {
  if (auto checked = refuse_url(globals.store); !checked) return std::unexpected(checked.error());
  if (auto checked = require_file(globals.store); !checked) return std::unexpected(checked.error());
  return globals.store;
}

Result<registry::Registry> open_store(const Globals& globals, registry::OpenOptions options) {
  if (auto checked = refuse_url(globals.store); !checked) return std::unexpected(checked.error());
  if (options.mode != registry::OpenOptions::Mode::create) {
    if (auto there = require_file(globals.store); !there) return std::unexpected(there.error());
  }
  return registry::Registry::open(globals.store, options);
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
