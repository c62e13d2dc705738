// What every store must do, whatever it is kept in: one suite of tests for all kinds.
//
// A kind says how a fresh store is opened and opened again. The tests know nothing but class
// Registry: what a file, a lock or a damaged page is belongs to the tests of one kind.
//
// A further kind is a line in `store_kinds`, in conformance_kinds_test.cpp; see docs/adr/0012.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "registry/testing/temp_store.h"

namespace fanfare::registry {

struct StoreKind {
  std::string name;  ///< "SqliteFile": letters and digits, for the name of the test.
  /// Opens the store that belongs to this folder; it is made by the first call, unless the mode
  /// forbids it. Each test has a folder of its own.
  std::function<Result<Registry>(const std::filesystem::path& folder, const OpenOptions& options)>
      open;
};

inline std::ostream& operator<<(std::ostream& out, const StoreKind& kind) {
  return out << kind.name;
}

[[nodiscard]] std::vector<StoreKind> store_kinds();

/// A fixture whose `open` opens a store of the kind under test.
class ConformanceTest : public TempStore, public testing::WithParamInterface<StoreKind> {
 protected:
  Registry open(OpenOptions options = {}) {
    auto registry = GetParam().open(folder_, options);
    if (!registry) throw std::runtime_error(registry.error().what);
    return std::move(*registry);
  }
};

[[nodiscard]] inline std::string name_of(const testing::TestParamInfo<StoreKind>& kind) {
  return kind.param.name;
}

/// Runs the tests of a fixture for each kind.
#define FANFARE_FOR_EACH_STORE(FIXTURE) \
  INSTANTIATE_TEST_SUITE_P(Store, FIXTURE, testing::ValuesIn(store_kinds()), name_of)

}  // namespace fanfare::registry
