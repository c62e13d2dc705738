#include "cli/device_table.h"

namespace fanfare::cli {

Table device_table(bool first) {
  using enum Table::Align;
  const auto title = [&](const char* text) { return std::string(first ? text : ""); };
  return Table({{title("state"), left, 7},
                {title("platform"), left, 8},
                {title("user"), left, 12},
                {title("last seen"), left, 20},
                {title("rule"), left, 18},
                {title("registration"), left}});
}

void add_row(Table& table, const registry::Device& device) {
  table.add({std::string(to_string(device.state)), printable(device.platform),
             shortened(printable(device.user), 24),
             device.last_seen ? format_rfc3339(*device.last_seen) : "", device.rule,
             device.registration.value});
}

}  // namespace fanfare::cli
