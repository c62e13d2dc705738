#include "cli/devices.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"

namespace fanfare::cli {

void add_devices(CLI::App& root, Context& context) {
  CLI::App* devices = root.add_subcommand("devices", "Keep the list of devices you send to");
  devices->group("Devices");
  devices->require_subcommand(0, 1);
  devices->footer(
      "Examples:\n"
      "  fanfare devices import devices.csv\n"
      "  fanfare devices stats\n"
      "  fanfare devices list --filter 'state:retired and platform:ios'\n");
  add_device_import(*devices, context);
  add_device_listing(*devices, context);
  add_device_audience(*devices, context);
  add_device_reports(*devices, context);
  add_device_explain(*devices, context);
  add_device_silence(*devices, context);
  add_device_upkeep(*devices, context);
  add_device_rounds(*devices, context);
  add_device_erase(*devices, context);
  add_device_brake(*devices, context);
  add_device_canary(*devices, context);
}

Result<std::optional<registry::Device>> find_device(Context& context, registry::Registry& store,
                                                    const std::string& value) {
  auto found = store.find(value);
  if (found && !*found) {
    context.log.write(LogLevel::error,
                      fmt::format("{} has no device {}\n  give the whole token or fid, as "
                                  "'fanfare devices list' prints it",
                                  context.globals.store, printable(value)));
  }
  return found;
}

}  // namespace fanfare::cli
