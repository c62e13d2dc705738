// How far an import is, and devices that bring their history along.
#include "registry/import_run.h"

#include "base/file.h"
#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

using ImportTest = TempStore;

TEST_F(ImportTest, KeepsHowFarItIsWithEachBatchUntilItEnds) {
  ASSERT_TRUE(write_file(folder_ / "list", "a\nb\n"));
  auto run = describe_import(folder_ / "list", "t").value().value();
  EXPECT_EQ(run.source, (folder_ / "list").string() + " table t");
  EXPECT_EQ(run.size, 4U);
  auto registry = open();
  EXPECT_FALSE(registry.unfinished_import(run.source).value());
  run.mark = 2;
  ASSERT_TRUE(registry.upsert(tokens(2), day0, 0, {.run = &run}));
  // A batch that is not stored moves no mark.
  run.mark = 3;
  EXPECT_FALSE(registry.upsert(std::vector{a_token("")}, day0, 0, {.run = &run}));
  const auto kept = registry.unfinished_import(run.source).value();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->mark, 2U);
  EXPECT_TRUE(can_resume(*kept, folder_ / "list").value());
  ASSERT_TRUE(registry.end_import(run.source));
  EXPECT_FALSE(registry.unfinished_import(run.source).value());
}

TEST_F(ImportTest, ResumesAFileThatGrewAndNoOther) {
  const std::string head(64U << 10, 'x');
  ASSERT_TRUE(write_file(folder_ / "list", head + "a\n"));
  const auto earlier = describe_import(folder_ / "list", "").value().value();
  const auto resumes_with = [&](const std::string& text) {
    EXPECT_TRUE(write_file(folder_ / "list", text));
    return can_resume(earlier, folder_ / "list").value();
  };
  EXPECT_TRUE(resumes_with(head + "a\nb\n"));
  EXPECT_FALSE(resumes_with(head));
  EXPECT_FALSE(resumes_with("y" + head + "a\n"));
  EXPECT_FALSE(describe_import("-", "").value());
  EXPECT_FALSE(describe_import(folder_ / "none", ""));
}

TEST_F(ImportTest, CarriesADeviceWithItsHistoryAndMergesAKnownOne) {
  Device device = a_token("new");
  device.created = day0 - 48h;
  device.changed = day0 - 24h;
  device.last_accepted = day0 - 36h;
  device.state = State::retired;
  device.rule = "token.unregistered";
  const DeviceHistory history{.device = 1,
                              .events = {{day0 - 24h, State::active, State::retired, "verdict",
                                          "token.unregistered", R"({"status":404})"}},
                              .replaces = {{TargetKind::token, "known"}}};
  auto registry = open();
  put(registry, a_token("known"), day0 - 1h);
  const std::vector<Device> both = {a_token("known"), device};
  ASSERT_TRUE(registry.upsert(both, day0, 0, {.histories = {&history, 1}}));
  const Device stored = get(registry, "new");
  EXPECT_EQ(stored.created, device.created);
  EXPECT_EQ(stored.changed, device.changed);
  EXPECT_EQ(stored.last_accepted, device.last_accepted);
  EXPECT_EQ(stored.state, State::retired);
  const auto carried = registry.carried_history(stored.id).value();
  ASSERT_EQ(carried.events.size(), 1U);
  EXPECT_EQ(carried.events[0].evidence, R"({"status":404})");
  EXPECT_EQ(carried.replaces, history.replaces);
  EXPECT_EQ(registry.carried_history(get(registry, "known").id)->replaced_by,
            std::vector{device.registration});
  // Again: it is known now, and nothing is added.
  ASSERT_TRUE(registry.upsert(both, day0, 0, {.histories = {&history, 1}}));
  EXPECT_EQ(registry.history(stored.id)->size(), 1U);
}

}  // namespace
}  // namespace fanfare::registry
