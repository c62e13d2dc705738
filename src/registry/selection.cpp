// Registry: how many devices match a filter, and some of them at random.
#include <fmt/format.h>

#include "registry/registry_impl.h"
#include "registry/sample.h"

namespace fanfare::registry {

using sqlite::guarded;
using sqlite::Statement;

Result<FilterCounts> Registry::count(const std::string& filter, SystemTime now) {
  const auto parsed = Filter::parse(filter, now);
  if (!parsed) return std::unexpected(parsed.error());
  return guarded([&] {
    FilterCounts counts;
    const SqlCondition condition = parsed->sql();
    Statement query(impl_->database, fmt::format("SELECT platform, state, count(*) FROM device"
                                                 " WHERE id > ? AND id <= ? AND ({}) GROUP BY 1, 2",
                                                 condition.sql));
    bind_condition(query, 3, condition);
    const DeviceId last = impl_->last_device();
    for (DeviceId after = 0; after < last; after += id_window) {
      auto rows = query.rows(after, after + id_window);
      while (rows.next()) {
        const auto count = rows.count(2);
        counts.total += count;
        counts.by_platform[rows.text(0)] += count;
        counts.by_state[std::string(to_string(read_state(rows.integer(1))))] += count;
      }
    }
    return counts;
  });
}

Result<std::vector<Device>> Registry::sample(const std::string& filter, std::size_t size,
                                             std::uint64_t seed, SystemTime now) {
  const auto parsed = Filter::parse(filter, now);
  if (!parsed) return std::unexpected(parsed.error());
  return guarded([&] {
    const SqlCondition condition = parsed->sql();
    Statement query(
        impl_->database,
        fmt::format("SELECT id FROM device WHERE id > ? AND id <= ? AND ({})", condition.sql));
    bind_condition(query, 3, condition);
    SampleOfIds sample(size, seed);
    const DeviceId last = impl_->last_device();
    for (DeviceId after = 0; after < last; after += id_window) {
      auto rows = query.rows(after, after + id_window);
      while (rows.next()) sample.offer(rows.integer(0));
    }
    std::vector<Device> devices;
    auto& by_id =
        impl_->database.prepared("SELECT " FANFARE_DEVICE_COLUMNS " FROM device WHERE id = ?");
    for (const DeviceId id : sample.ids()) {
      auto rows = by_id.rows(id);
      if (rows.next()) devices.push_back(read_device(rows));
    }
    return devices;
  });
}

}  // namespace fanfare::registry
