// Keys that wait: nothing depends on when they are written, or on whether it ever happens.
#include "registry/keys.h"

#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

class DeferredKeys : public TempStore {
 protected:
  Registry deferred() {
    auto registry = open();
    registry.defer_keys();
    return registry;
  }
  static std::vector<Device> of_user(std::vector<Device> devices, const std::string& user) {
    for (Device& device : devices) device.user = user;
    return devices;
  }
  static std::uint64_t count(Registry& registry, const std::string& filter) {
    return registry.make_audience(filter, 0, "", day0)->count;
  }
};

TEST_F(DeferredKeys, AreNoReasonToStoreADeviceTwice) {
  auto registry = deferred();
  EXPECT_EQ(registry.upsert(tokens(10), day0)->added, 10U);
  EXPECT_EQ(registry.upsert(tokens(12), day0)->added, 2U);
  ASSERT_TRUE(registry.write_keys());
  EXPECT_EQ(registry.upsert(tokens(12), day0)->added, 0U);
  EXPECT_EQ(registry.stats()->total, 12U);
}

TEST_F(DeferredKeys, AnotherProcessFindsDevicesWithoutThem) {
  auto registry = deferred();
  ASSERT_TRUE(registry.upsert(of_user(tokens(10), "u1"), day0));
  auto reader = open({.mode = OpenOptions::Mode::read_only});
  EXPECT_EQ(get(reader, "token-7").id, 8);
  EXPECT_EQ(count(reader, "user:u1"), 10U);
  EXPECT_EQ(reader.find("token-99").value(), std::nullopt);
}

TEST_F(DeferredKeys, TwoProcessesAddNoDeviceTwice) {
  auto one = deferred();
  auto other = deferred();
  ASSERT_TRUE(one.upsert(tokens(10), day0));
  EXPECT_EQ(other.upsert(tokens(15), day0)->added, 5U);
  EXPECT_EQ(one.upsert(tokens(20), day0)->added, 5U);
  EXPECT_EQ(other.upsert(tokens(20), day0)->added, 0U);
  EXPECT_EQ(one.stats()->total, 20U);
}

TEST_F(DeferredKeys, AreFoundAgainAfterTheProcessIsGone) {
  {
    auto registry = deferred();
    ASSERT_TRUE(registry.upsert(of_user(tokens(10), "u1"), day0));
  }
  auto registry = open();
  EXPECT_EQ(registry.upsert(tokens(10), day0)->added, 0U);
  EXPECT_EQ(count(registry, "user:u1"), 10U);
}

TEST_F(DeferredKeys, ADeviceThatIsPurgedIsNew) {
  auto registry = deferred();
  ASSERT_TRUE(registry.upsert(tokens(3), day0));
  ASSERT_TRUE(registry.retire(3, day0));
  EXPECT_EQ(registry.purge(day0 + 1h).value(), 1U);
  EXPECT_EQ(registry.find("token-2").value(), std::nullopt);
  EXPECT_EQ(put(registry, a_token("token-2")).id, 4);
}

}  // namespace
}  // namespace fanfare::registry
