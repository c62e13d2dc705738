// Erasing a user: nothing of them is left, neither in the store nor in its files.
#include <fstream>
#include <iterator>

#include <sqlite3.h>

#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

// As long as FCM's, and found nowhere by chance.
std::string long_token(const std::string& name) {
  return name + ":APA91b" + std::string(60, 'x') + name + std::string(60, 'y') + name;
}

class EraseTest : public TempStore {
 protected:
  void SetUp() override {
    TempStore::SetUp();
    registry_.emplace(open());
  }
  Device add(const std::string& name, const std::string& user, const std::string& installation = {},
             SystemTime now = day0) {
    Device device = a_token(long_token(name));
    device.user = user;
    device.installation = installation;
    return put(*registry_, device, now);
  }
  /// In any file of the store, its log included.
  bool in_files(const std::string& text) {
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      if (bytes.find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::uint64_t total() { return registry_->stats()->total; }
  std::optional<Registry> registry_;
};

TEST_F(EraseTest, NoFileHoldsTheUserOrTheirRegistrationsAfterwards) {
  add("first", "the-user-to-erase");
  add("second", "the-user-to-erase");
  add("other", "another");
  ASSERT_TRUE(in_files(long_token("first")) && in_files("the-user-to-erase"));
  const EraseCounts counts = registry_->erase_user("the-user-to-erase", false).value();
  EXPECT_EQ(counts.devices, 2U);
  EXPECT_TRUE(counts.log_emptied);
  EXPECT_FALSE(in_files(long_token("first")));
  EXPECT_FALSE(in_files(long_token("second")));
  EXPECT_FALSE(in_files("the-user-to-erase"));
  EXPECT_TRUE(in_files(long_token("other")));
  EXPECT_EQ(total(), 1U);
}

TEST_F(EraseTest, TakesHistoryAndRowsWithIt) {
  const DeviceId id = add("t", "u").id;
  const Campaign campaign = a_campaign(*registry_);
  const auto list = registry_->make_list().value();
  const Device device = get(*registry_, long_token("t"));
  ASSERT_TRUE(registry_->upsert({&device, 1}, day0, list));
  RetryRow row;
  row.receiver.id = id;
  ASSERT_TRUE(registry_->record(
      campaign, {.at = day0,
                 .accepted = {id},
                 .changes = {{id, State::retired, "r", R"({"body":"of-the-answer"})"}},
                 .waiting = {row},
                 .probes = {{id, day0, "r"}}}));
  const EraseCounts counts = registry_->erase_user("u", false).value();
  EXPECT_EQ(counts.events, 1U);
  EXPECT_TRUE(registry_->history(id)->empty());
  EXPECT_EQ(registry_->latest_probe(id).value(), std::nullopt);
  std::vector<RetryRow> waiting;
  ASSERT_TRUE(registry_->next_retries(campaign.id, 0, 9, waiting));
  EXPECT_TRUE(waiting.empty());
  EXPECT_EQ(registry_->make_audience("", list, "")->count, 0U);
  EXPECT_FALSE(in_files("of-the-answer"));
}

TEST_F(EraseTest, ForgetsWhenFcmAcceptedAMessageForThem) {
  const DeviceId id = add("t", "u").id;
  const DeviceId other = add("o", "v").id;
  const Campaign campaign = a_campaign(*registry_);
  ASSERT_TRUE(registry_->record(campaign, {.at = day0, .accepted = {id, other}}));
  const std::string stamp("\x6b\x49\xd2\x00\x6b\x49\xd2\x00", 8);  // Of both, side by side.
  ASSERT_TRUE(in_files(stamp));
  ASSERT_TRUE(registry_->erase_user("u", false));
  EXPECT_FALSE(in_files(stamp));
  EXPECT_EQ(get(*registry_, long_token("o")).last_accepted, day0);
}

TEST_F(EraseTest, ErasesTheUserAsAFormerOwnerAndKeepsTheDevice) {
  add("t", "former-owner");
  add("t", "the-new-owner", {}, day0 + 1h);
  const EraseCounts counts = registry_->erase_user("former-owner", false).value();
  EXPECT_EQ(counts.devices, 0U);
  EXPECT_EQ(counts.mentions, 1U);
  const Device device = get(*registry_, long_token("t"));
  EXPECT_EQ(device.user, "the-new-owner");
  EXPECT_EQ(registry_->history(device.id)->at(0).evidence, R"({"erased":true})");
  EXPECT_FALSE(in_files("former-owner"));
  EXPECT_EQ(registry_->erase_user("former-owner", false)->mentions, 0U);
}

TEST_F(EraseTest, ErasesEarlierRegistrationsOfTheirInstallations) {
  add("early", "", "i-1");
  add("late", "u", "i-1", day0 + 1h);
  const EraseCounts counts = registry_->erase_user("u", false).value();
  EXPECT_EQ(counts.devices, 2U);
  EXPECT_EQ(counts.superseded, 1U);
  EXPECT_EQ(total(), 0U);
  EXPECT_FALSE(in_files(long_token("early")));
}

TEST_F(EraseTest, AnothersEarlierRegistrationStaysWithoutNamingTheErasedOne) {
  add("early", "another", "i-1");
  add("late", "u", "i-1", day0 + 1h);
  const EraseCounts counts = registry_->erase_user("u", false).value();
  EXPECT_EQ(counts.devices, 1U);
  EXPECT_EQ(counts.mentions, 1U) << "by which registration it was replaced";
  EXPECT_EQ(get(*registry_, long_token("early")).user, "another");
  EXPECT_FALSE(in_files(long_token("late")));
}

TEST_F(EraseTest, FindsAndRemovesWhatAnEarlierDeletionLeftInFreeSpace) {
  // A store that a SQLite without secure_delete has used: whole pages are free and not cleared.
  for (int i = 0; i < 100; ++i) add(i == 50 ? "t" : "n" + std::to_string(i), "");
  registry_.reset();
  sqlite3* careless = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &careless), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(careless, "PRAGMA secure_delete = OFF; DELETE FROM dev WHERE user = ''",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(careless);
  ASSERT_TRUE(in_files(long_token("t")));
  registry_.emplace(open());
  add("t", "u", {}, day0 + 2h);
  const EraseCounts counts = registry_->erase_user("u", false).value();
  EXPECT_TRUE(counts.rebuilt);
  EXPECT_FALSE(in_files(long_token("t")));
}

TEST_F(EraseTest, LooksForAFormerOwnerInFreeSpaceToo) {
  add("t", "former-owner");
  add("t", "v", {}, day0 + 1h);
  registry_.reset();
  sqlite3* careless = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &careless), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(careless, "PRAGMA secure_delete = OFF; DELETE FROM event", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(careless);
  ASSERT_TRUE(in_files("former-owner"));
  registry_.emplace(open());
  EXPECT_TRUE(registry_->erase_user("former-owner", false)->rebuilt);
  EXPECT_FALSE(in_files("former-owner"));
}

TEST_F(EraseTest, ADryRunCountsAndChangesNothing) {
  add("t", "u");
  const EraseCounts counts = registry_->erase_user("u", true).value();
  EXPECT_EQ(counts.devices, 1U);
  EXPECT_EQ(total(), 1U);
  EXPECT_TRUE(in_files(long_token("t")));
  EXPECT_EQ(registry_->erase_user("u", false)->devices, 1U);
}

TEST_F(EraseTest, WaitsForAReaderWhoseLogWouldKeepTheBytes) {
  registry_.emplace(open({.lock_wait = 10ms}));
  add("t", "u");
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &reader), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM dev", nullptr, nullptr, nullptr),
            SQLITE_OK);
  add("another", "v");  // Behind what the reader sees.
  const auto refused = registry_->erase_user("u", false);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("nothing was erased"), std::string::npos);
  EXPECT_EQ(total(), 2U);
  sqlite3_close(reader);
  EXPECT_EQ(registry_->erase_user("u", false)->devices, 1U);
  EXPECT_FALSE(in_files(long_token("t")));
}

TEST_F(EraseTest, AnEmptyUserIsNobody) {
  add("t", "");
  EXPECT_EQ(registry_->erase_user("", false).error().kind, Error::Kind::usage);
  EXPECT_EQ(total(), 1U);
}

}  // namespace
}  // namespace fanfare::registry
