// Any text: the filter is refused or compiles, without the standing of a device where it does not
// speak of that; its normal form reads back to itself and means the
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
      "CREATE TABLE dev (id INTEGER PRIMARY KEY, platform, user, installation, tags, locale,"
      " time_zone, app_version, kind, project, last_seen, created, refreshed);"
      "CREATE TABLE standing (dev INTEGER PRIMARY KEY, state, rule);"
      "CREATE VIEW device AS SELECT dev.*, state, rule FROM dev LEFT JOIN standing"
      " ON standing.dev = dev.id;"
      "CREATE TABLE key_user (hash, dev); CREATE TABLE key_installation (hash, dev);"
      "CREATE TABLE keyed (up_to); CREATE TABLE accepted (block, times)",
      nullptr, nullptr, nullptr);
  return database;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void require_compiles(sqlite3* database, const char* devices,
                      const fanfare::registry::SqlCondition& condition) {
  const std::string sql =
      std::string("SELECT count(*) FROM ") + devices + " WHERE " + condition.sql;
  sqlite3_stmt* statement = nullptr;
  require(sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
  require(static_cast<std::size_t>(sqlite3_bind_parameter_count(statement)) ==
          condition.values.size());
  sqlite3_finalize(statement);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static sqlite3* const database = a_database();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const SystemTime now{std::chrono::seconds(1'800'000'000)};
  const auto filter = Filter::parse(text, now);
  if (!filter) return 0;

  const auto condition = filter->sql();
  require_compiles(database, "device", condition);
  if (!filter->names_standing()) require_compiles(database, "dev AS device", condition);
  if (const auto rest = filter->of_not_retired()) {
    require_compiles(database, "dev AS device", rest->sql());
  }

  const auto again =
      Filter::parse(filter->text(), SystemTime{}, fanfare::registry::max_normal_filter_bytes);
  require(again.has_value());
  require(again->text() == filter->text());
  require(again->names_state() == filter->names_state());
  require(again->sql().values == condition.values);
  return 0;
}
