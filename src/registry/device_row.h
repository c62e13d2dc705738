// DeviceRow: the fields of one line of a file, before they are checked and become a device.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "registry/device.h"
#include "registry/field_map.h"

namespace fanfare::registry {

/// Of the fields beside the registration, tags together.
inline constexpr std::size_t max_field_bytes = 4096;

/// A time as databases and files write it: RFC 3339; the same with a blank for T, with an offset
/// of hours alone (+00) or without one (UTC); Unix seconds, with a fraction or not; Unix
/// milliseconds, which are told by being 100,000,000,000 or more. nullopt for anything else and
/// outside the years 1970 (numbers) or 1678 to 2261.
[[nodiscard]] std::optional<SystemTime> parse_file_time(std::string_view text);

class DeviceRow {
 public:
  /// The text must outlive the row.
  void set(Field field, std::string_view text) noexcept {
    fields_[static_cast<std::size_t>(field)] = text;
  }
  [[nodiscard]] std::string_view get(Field field) const noexcept {
    return fields_[static_cast<std::size_t>(field)];
  }

  /// What is wrong with it; empty: nothing. `clean`: the texts are known to be printable ASCII.
  [[nodiscard]] std::string fault(bool clean = false);
  /// Only after `fault` found none. `foreign_state`: true and false, t and f, 1 and 0 are states,
  /// too: active and retired.
  [[nodiscard]] Device device(bool foreign_state = false) const;

 private:
  std::array<std::string_view, field_count> fields_;
  std::optional<SystemTime> last_seen_;  // As `fault` read it.
};

}  // namespace fanfare::registry
