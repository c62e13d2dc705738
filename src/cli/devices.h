// What the commands under `fanfare devices` share.
#pragma once

#include <optional>
#include <string>

#include "cli/app.h"
#include "registry/registry.h"

namespace CLI {
class App;
}

namespace fanfare::cli {

void add_device_import(CLI::App& devices, Context& context);
void add_device_listing(CLI::App& devices, Context& context);  ///< list, export
void add_device_reports(CLI::App& devices, Context& context);  ///< show, history, stats
void add_device_upkeep(CLI::App& devices, Context& context);   ///< purge, retire, restore
void add_device_silence(CLI::App& devices, Context& context);  ///< prune, survival
void add_device_rounds(CLI::App& devices, Context& context);   ///< upkeep
void add_device_erase(CLI::App& devices, Context& context);
void add_device_audience(CLI::App& devices, Context& context);  ///< count, sample
void add_device_explain(CLI::App& devices, Context& context);
void add_device_brake(CLI::App& devices, Context& context);
void add_device_canary(CLI::App& devices, Context& context);

/// Finds a registration as a person typed it. Nothing: it is not in the store, which is said on
/// stderr; the command then ends with some_failed.
[[nodiscard]] Result<std::optional<registry::Device>> find_device(Context& context,
                                                                  registry::Registry& store,
                                                                  const std::string& value);

}  // namespace fanfare::cli
