// Any text: the filter is refused or compiles; its normal form reads back to itself and means the
// same on another day.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <sqlite3.h>

#include "registry/filter.h"

namespace {

using fanfare::SystemTime;
using fanfare::registry::Filter;

sqlite3* a_database() {
  sqlite3* database = nullptr;
  sqlite3_open(":memory:", &database);
  sqlite3_exec(
      database,
      "CREATE TABLE dev (id INTEGER PRIMARY KEY, state, platform, user, installation, tags, locale,"
      " time_zone, app_version, kind, rule, project, last_seen, created, refreshed);"
      "CREATE TABLE key_user (hash, dev); CREATE TABLE key_installation (hash, dev);"
      "CREATE TABLE keyed (up_to); CREATE TABLE accepted (block, times)",
      nullptr, nullptr, nullptr);
  return database;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static sqlite3* const database = a_database();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const SystemTime now{std::chrono::seconds(1'800'000'000)};
  const auto filter = Filter::parse(text, now);
  if (!filter) return 0;

  const auto condition = filter->sql();
  const std::string sql = "SELECT count(*) FROM dev WHERE " + condition.sql;
  sqlite3_stmt* statement = nullptr;
  require(sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
  require(static_cast<std::size_t>(sqlite3_bind_parameter_count(statement)) ==
          condition.values.size());
  sqlite3_finalize(statement);

  const auto again =
      Filter::parse(filter->text(), SystemTime{}, fanfare::registry::max_normal_filter_bytes);
  require(again.has_value());
  require(again->text() == filter->text());
  require(again->names_state() == filter->names_state());
  require(again->sql().values == condition.values);
  return 0;
}
