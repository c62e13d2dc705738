// FieldMap: which column or member of a file is which field of a device, and which fields are the
// same for all lines.
//
// A field that is not mapped is read from the column of its own name. So an empty map reads our own
// files, and a map has to name only what is called otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fanfare/result.h"

namespace fanfare::registry {

/// A field of a device, as files name it.
enum class Field : std::uint8_t {
  token,
  fid,
  user,
  device_id,
  platform,
  locale,
  timezone,
  tags,
  app_version,
  last_seen,
  project,
  state,
  rule,
};
inline constexpr std::size_t field_count = 13;

[[nodiscard]] std::string_view to_string(Field field) noexcept;
/// The exact lower-case name; nullopt for any other.
[[nodiscard]] std::optional<Field> parse_field(std::string_view name) noexcept;

class FieldMap {
 public:
  /// `mapped`: "token=registration_id", several separated by commas; `constants`:
  /// "platform=ios". An empty right side of a mapping reads the field from nowhere.
  /// Error::Kind::usage for an unknown or repeated left side, which lists what there is.
  [[nodiscard]] static Result<FieldMap> make(std::span<const std::string> mapped,
                                             std::span<const std::string> constants);

  /// Their name of it: as mapped, else our own; empty: it is not read.
  [[nodiscard]] std::string_view source(Field field) const noexcept;
  [[nodiscard]] bool is_mapped(Field field) const noexcept;
  /// Whether anything is mapped: then a file without columns can't be read.
  [[nodiscard]] bool any_mapped() const noexcept;
  /// The value of all lines.
  [[nodiscard]] const std::optional<std::string>& constant(Field field) const noexcept;

 private:
  std::array<std::optional<std::string>, field_count> sources_;
  std::array<std::optional<std::string>, field_count> constants_;
};

}  // namespace fanfare::registry
