#include "gateway/device_recorder.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "client/testing/attempts.h"
#include "gateway/device_json.h"
#include "registry/testing/temp_store.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;
using registry::day0;
using registry::State;

// Another process that writes to the registry: while it lives nobody else can.
class Lock {
 public:
  explicit Lock(const std::filesystem::path& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { sqlite3_close(database_); }

 private:
  sqlite3* database_ = nullptr;
};

class DeviceRecorderTest : public registry::TempStore {
 protected:
  void SetUp() override {
    TempStore::SetUp();
    registry_.emplace(open());
    ASSERT_TRUE(registry_->upsert(registry::tokens(300), day0));
    registry::OpenOptions impatient;
    impatient.lock_wait = 1ms;
    recorder_ = std::make_unique<DeviceRecorder>(
        open(impatient), "p", registry::BrakeLimits{},
        DeviceRecorder::Hooks{
            .on_brake = [this](const delivery::BrakeAlarm&) { ++alarms_; },
            .on_change = [this](const registry::Receiver& device, State to,
                                const Verdict&) { changes_.emplace_back(device.id, to); }});
    ASSERT_TRUE(recorder_->record(day0));
  }

  void note(const std::string& token, VerdictKind kind) {
    const auto device = recorder_->find({TargetKind::token, token}, day0).value().value();
    client::Delivery result;
    result.attempts = 1;
    result.set_attempt(client::testing::attempt(kind));
    result.verdict.rule = kind == VerdictKind::accepted ? "accepted" : "token.unregistered";
    recorder_->note(device, result, false);
  }
  [[nodiscard]] std::uint64_t count(const std::string& filter) {
    return registry_->count(filter, day0).value().total;
  }

  std::optional<registry::Registry> registry_;
  std::unique_ptr<DeviceRecorder> recorder_;
  int alarms_ = 0;
  std::vector<std::pair<registry::DeviceId, State>> changes_;
};

TEST_F(DeviceRecorderTest, TellsOnceOfADeviceThatTwoMessagesFoundDead) {
  note("token-1", VerdictKind::device_gone);
  note("token-1", VerdictKind::device_gone);
  ASSERT_TRUE(recorder_->record(day0));
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_EQ(changes_[0].second, State::retired);
}

// Another process's import, say, at the moment in which the brake is due.
TEST_F(DeviceRecorderTest, PullsTheBrakeThatItCouldNotPullAtFirst) {
  for (int i = 0; i < 150; ++i) note("token-" + std::to_string(i), VerdictKind::device_gone);
  {
    const Lock lock(path_);
    EXPECT_FALSE(recorder_->record(day0));
    EXPECT_FALSE(recorder_->record(day0));
  }
  ASSERT_TRUE(recorder_->record(day0));
  EXPECT_EQ(alarms_, 1);
  EXPECT_EQ(count("state:retired"), 0U);
  EXPECT_EQ(count("state:suspect"), 150U);
  EXPECT_EQ(changes_.size(), 150U);
}

// What was answered while the registry was locked counts like all else: 30 deaths of 300.
TEST_F(DeviceRecorderTest, CountsEachAnswerOnceAlthoughARecordFails) {
  for (int i = 30; i < 300; ++i) note("token-" + std::to_string(i), VerdictKind::accepted);
  {
    const Lock lock(path_);
    EXPECT_FALSE(recorder_->record(day0));
  }
  for (int i = 0; i < 30; ++i) note("token-" + std::to_string(i), VerdictKind::device_gone);
  ASSERT_TRUE(recorder_->record(day0 + 1s));
  std::uint64_t answers = 0;
  for (const auto& row : registry_->brake_history("p", day0 + 2s).value().window) {
    answers += row.count;
  }
  EXPECT_EQ(answers, 300U);
}

// A platform is whatever an app has called it, and one event must not spoil a webhook's hundred.
TEST(DeviceEvent, IsJsonWhateverThePlatform) {
  const registry::Receiver device{.id = 1,
                                  .registration = {TargetKind::token, "t"},
                                  .platform = "a\"b",
                                  .state = State::active,
                                  .suspected_by = {}};
  Verdict verdict;
  verdict.rule = "token.unregistered";
  const queue::Event event = device_event(device, State::suspect, verdict);
  EXPECT_EQ(event.type, "device.suspect");
  EXPECT_EQ(event.data, R"({"token":"t","platform":"a\"b","rule":"token.unregistered"})");
}

}  // namespace
}  // namespace fanfare::gateway
