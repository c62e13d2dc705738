// The kinds of store that there are.
#include "registry/testing/conformance.h"

namespace fanfare::registry {
namespace {

Result<Registry> open_sqlite(const std::filesystem::path& folder, const OpenOptions& options) {
  return Registry::open(folder / "fanfare.db", options);
}

// As an import does: keys wait until somebody writes them, or for ever.
Result<Registry> open_deferred(const std::filesystem::path& folder, const OpenOptions& options) {
  auto registry = open_sqlite(folder, options);
  if (registry && options.mode != OpenOptions::Mode::read_only) registry->defer_keys();
  return registry;
}

}  // namespace

std::vector<StoreKind> store_kinds() {
  return {{"SqliteFile", open_sqlite}, {"SqliteFileWithDeferredKeys", open_deferred}};
}

}  // namespace fanfare::registry
