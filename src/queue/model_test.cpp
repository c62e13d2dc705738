// Random deeds, some of them in transactions that fail, against the queue as maps. SEED=N repeats a
// run, STEPS=N says how long it is.
#include "queue/testing/model.h"

#include <cstdlib>
#include <random>

#include "queue/testing/world.h"

namespace fanfare::queue {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class ModelTest : public World {
 protected:
  // Some deeds in one transaction. One in five fails, and then none of them was done.
  void step(Random& random) {
    const bool fails = random.below(5) == 0;
    const Model before = model_;
    const auto done = store_->transact([&] {
      for (std::uint64_t left = 1 + random.below(5); left > 0; --left) {
        const Deed deed = model_.draw(random);
        EXPECT_EQ(perform(deed, *messages_), model_.apply(deed))
            << "kind " << static_cast<int>(deed.kind) << ", message " << deed.id;
      }
      if (fails) throw sqlite::Failure{{Error::Kind::storage, "full", ""}};
    });
    ASSERT_EQ(done.has_value(), !fails);
    if (fails) model_ = before;
  }
  void compare() {
    ASSERT_EQ(picture_of(*messages_, model_.last(), model_.now()), model_.picture());
  }

  Model model_;
};

TEST_F(ModelTest, TheQueueBehavesLikeMaps) {
  const std::uint64_t seed = setting("SEED", std::random_device{}());
  SCOPED_TRACE("repeat with SEED=" + std::to_string(seed));
  Random random(seed);
  store_->database().execute("PRAGMA synchronous = OFF");  // Nothing is killed here.
  for (std::uint64_t i = setting("STEPS", 1'500); i > 0 && !HasFailure(); --i) {
    step(random);
    if (random.below(100) == 0) {
      reopen();
      model_.reopen();
    }
    if (random.below(10) == 0) compare();
  }
  compare();
  EXPECT_EQ(store_->database().integer("SELECT count(*) FROM text WHERE id NOT IN"
                                       " (SELECT text FROM message WHERE text IS NOT NULL)"),
            0);
}

}  // namespace
}  // namespace fanfare::queue
