// JsonLine: one line of a JSON lines file as the fields of a device, and its history if it carries
// one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "registry/device_row.h"
#include "registry/field_map.h"

namespace fanfare::registry {

class JsonLine {
 public:
  JsonLine();
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;
  ~JsonLine();

  /// Sets in `row` the fields that the line has. What is wrong with the line; empty: nothing. The
  /// row's texts live until the next call.
  ///
  /// A mapped field is looked for under its whole name and then, where that has dots, in objects:
  /// push.fcmToken is the member fcmToken of the member push.
  [[nodiscard]] std::string read(std::string_view text, const FieldMap& fields, DeviceRow& row);

  /// After `read`: whether the line has a history, as `devices export --history` writes it.
  [[nodiscard]] bool has_history() const noexcept { return history_.has_value(); }
  /// After `read` of such a line: moves its times into `device` and gives its history.
  [[nodiscard]] DeviceHistory take_history(Device& device);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::array<std::string, field_count> texts_;  // Of members that are no strings.
  std::optional<DeviceHistory> history_;
  Device times_;
};

}  // namespace fanfare::registry
