// What the files of class Registry share; for this module only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "registry/accepted_block.h"
#include "registry/filter.h"
#include "registry/keys.h"
#include "registry/registry.h"
#include "sqlite/sqlite.h"

namespace fanfare::registry {

/// Reads and long changes walk over the ids in windows of this many, each a short read or
/// transaction of its own: a long read would keep SQLite from resetting its log.
inline constexpr DeviceId id_window = 50'000;

/// The columns of a Device in the view `device`, in the order in which `read_device` takes them.
#define FANFARE_DEVICE_COLUMNS FANFARE_OWN_COLUMNS ", " FANFARE_ACCEPTED_STAMP
/// Those that need no look into its block of times; with ", NULL" behind them a Device without
/// `last_accepted`.
#define FANFARE_OWN_COLUMNS                                                                  \
  "id, kind, value, project, user, installation, platform, locale, time_zone, app_version, " \
  "tags, last_seen, state, rule, created, refreshed, changed"

[[nodiscard]] Device read_device(const sqlite::Statement::Rows& row);
[[nodiscard]] State read_state(std::int64_t number) noexcept;

/// How many devices each project has more than before, or less.
using FleetChange = std::map<std::string, std::int64_t>;

struct Registry::Impl {
  Impl(const std::filesystem::path& path, int flags) : database(path, flags) {}

  sqlite::Database database;
  Keys keys{database};

  /// The statement that reads an audience, kept with the text it was made from.
  struct AudienceQuery {
    std::string sql;
    sqlite::Statement statement;
  };
  std::optional<AudienceQuery> audience_query;

  void add_event(DeviceId id, const Event& event, std::optional<std::int64_t> campaign);
  /// Of a device that there is.
  void set_state(DeviceId id, State state, std::string_view rule, SystemTime now);
  [[nodiscard]] std::optional<State> state_of(DeviceId id);
  [[nodiscard]] DeviceId last_device();

  /// Within the transaction that adds devices, removes them, or moves them to another project.
  void count_fleet(const FleetChange& change);
  /// Within a transaction: removes the devices in temp.purged with their keys, history and rows,
  /// and empties temp.purged.
  void remove_purged();
  /// Gives a device that was just stored the times and the events it comes with.
  void carry(DeviceId id, const Device& device, const DeviceHistory& history, SystemTime now);
  void write_import_run(const ImportRun& run, SystemTime now);

  /// A person's word about one device. False: the state was `to` already.
  bool change_one(DeviceId id, State to, const char* cause, SystemTime now);
  /// Closes the chosen brakes; their suspects become `to`.
  std::uint64_t close_brakes(State to, const char* word, const BrakeChoice& choice, SystemTime now);
  void add_counts(const std::string& project, const std::vector<AnswerCount>& counts);
  std::optional<Campaign> campaign_of(std::int64_t id);
  /// Without any, `is_braked` is false for every device.
  [[nodiscard]] bool any_brake_or_canary();
  [[nodiscard]] bool is_braked(DeviceId id, const std::string& rule, const Campaign& campaign);
};

/// Binds the values of a filter's condition behind the first `first - 1` parameters.
void bind_condition(sqlite::Statement& statement, int first, const SqlCondition& condition);

}  // namespace fanfare::registry
