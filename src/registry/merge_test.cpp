#include "registry/merge.h"

#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

Device a_retired_device() {
  Device device = a_token("t");
  device.state = State::retired;
  device.rule = "token.unregistered";
  device.changed = day0;
  device.last_seen = day0 - 24h;
  return device;
}

TEST(Merge, KeepsWhatTheNewOneLeavesEmpty) {
  Device stored = a_token("t");
  stored.user = "u1";
  stored.platform = "ios";
  stored.last_seen = day0;
  Device incoming = a_token("t");
  incoming.user = "u2";
  incoming.last_seen = day0 - 1h;
  const Merged merged = merge(stored, incoming, day0);
  EXPECT_TRUE(merged.differs);
  EXPECT_EQ(merged.device.user, "u2");
  EXPECT_EQ(merged.device.platform, "ios");
  EXPECT_EQ(merged.device.last_seen, day0);
}

TEST(Merge, GivesNobodyTheTagsOfTheOwnerBefore) {
  Device stored = a_token("t");
  stored.user = "u1";
  stored.tags = {"news"};
  Device incoming = a_token("t");
  EXPECT_EQ(merge(stored, incoming, day0).device.tags, stored.tags);
  incoming.user = "u2";
  EXPECT_TRUE(merge(stored, incoming, day0).device.tags.empty());
  incoming.tags = {"sport"};
  EXPECT_EQ(merge(stored, incoming, day0).device.tags, incoming.tags);
}

TEST(Merge, NeedsNoWriteWhenNothingIsNew) {
  EXPECT_FALSE(merge(a_retired_device(), a_token("t"), day0).differs);
}

TEST(Merge, AnOldListDoesNotReviveTheDead) {
  Device incoming = a_token("t");
  incoming.last_seen = day0;
  EXPECT_FALSE(merge(a_retired_device(), incoming, day0 + 1h).revived);
  incoming.last_seen.reset();
  EXPECT_FALSE(merge(a_retired_device(), incoming, day0 + 1h).revived);
}

TEST(Merge, RevivesADeviceThatWasSeenSince) {
  Device incoming = a_token("t");
  incoming.last_seen = day0 + 1ms;
  const Merged merged = merge(a_retired_device(), incoming, day0 + 1h);
  EXPECT_TRUE(merged.revived);
  EXPECT_EQ(merged.device.state, State::active);
  EXPECT_EQ(merged.device.rule, "");
  EXPECT_EQ(merged.device.changed, day0 + 1h);
}

}  // namespace
}  // namespace fanfare::registry
