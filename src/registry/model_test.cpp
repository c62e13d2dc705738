// The registry against the model: what RapidCheck finds it makes as short as it can.
#include "registry/testing/model.h"

#include <rapidcheck.h>
#include <sqlite3.h>

#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

class ModelTest : public TempStore {};

TEST_F(ModelTest, TheRegistryBehavesLikeMapsOfDevices) {
  const Choose choose = [](int low, int high) { return *rc::gen::inRange(low, high); };
  int round = 0;
  EXPECT_TRUE(rc::check("registry equals the model", [&] {
    auto registry = Registry::open(folder_ / ("round-" + std::to_string(round++) + ".db")).value();
    Model model(registry, day0);
    for (int i = 0; i < 60; ++i) {
      const Operation operation = model.random_operation(choose);
      RC_LOG() << to_string(operation) << "\n";
      const std::string done = model.perform(operation, registry);
      RC_ASSERT(done == model.apply(operation));
    }
    RC_ASSERT(model.picture_of(registry) == model.picture());
  }));
}

}  // namespace
}  // namespace fanfare::registry
