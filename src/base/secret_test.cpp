#include "base/secret.h"

#include <gtest/gtest.h>

namespace fanfare {
namespace {

TEST(Secret, PrintsAsAPlaceholder) {
  EXPECT_EQ(fmt::format("key: {}", Secret("hunter2")), "key: [secret]");
}

TEST(Secret, IsReadOnlyWhenAskedFor) {
  EXPECT_EQ(Secret("hunter2").reveal(), "hunter2");
}

TEST(Secret, MovedFromIsEmpty) {
  Secret from("hunter2");
  const Secret to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is the claim
  EXPECT_EQ(to.reveal(), "hunter2");
}

}  // namespace
}  // namespace fanfare
