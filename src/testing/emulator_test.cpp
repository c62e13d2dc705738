// The fixture as a program of a user's would use it, with the library's own client as the sender.
#include <thread>

#include <gtest/gtest.h>

#include "fanfare/client.h"
#include "fanfare/testing/gtest.h"

namespace {

using fanfare::testing::EmulatorTest;
using namespace std::chrono_literals;

struct Fixture : EmulatorTest {
  fanfare::VerdictKind send(const std::string& token, fanfare::Message message = {}) {
    fanfare::ClientOptions options;
    options.endpoint = fcm().endpoint();
    options.project = "demo";
    options.max_attempts = 1;
    auto client = fanfare::Client::open(options).value();
    return client.send(message, {fanfare::TargetKind::token, token}).verdict.kind;
  }
  static fanfare::Message greeting() {
    fanfare::Message message;
    message.notification = {.title = "Hello", .body = "World"};
    message.data = {{"screen", "home"}};
    return message;
  }
};

TEST_F(Fixture, TellsWhatAPhoneGot) {
  const auto phone = fcm().register_phone("android", "ann").value();
  EXPECT_EQ(send(phone, greeting()), fanfare::VerdictKind::accepted);
  const auto got = fcm().await(phone);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].outcome, "delivered");
  EXPECT_EQ(got[0].title, "Hello");
  EXPECT_EQ(got[0].body, "World");
  EXPECT_EQ(got[0].data.at("screen"), "home");
  EXPECT_TRUE(got[0].shown);
  fcm().reset();
  EXPECT_TRUE(fcm().inbox(phone).empty());
}

TEST_F(Fixture, WaitsNoLongerThanItIsTold) {
  const auto phone = fcm().register_phone("ios").value();
  EXPECT_TRUE(fcm().await(phone, 1, 20ms).empty());
}

TEST_F(Fixture, AwaitsAMessageThatIsStillOnItsWay) {
  const auto phone = fcm().register_phone("ios").value();
  ASSERT_TRUE(fcm().set_faults(R"({"latency_ms":50})"));
  std::thread sender([&] { send(phone, greeting()); });
  EXPECT_EQ(fcm().await(phone).size(), 1U);
  sender.join();
}

TEST_F(Fixture, LetsPhonesLive) {
  const auto phone = fcm().register_phone("android").value();
  ASSERT_TRUE(fcm().act(phone, "offline"));
  EXPECT_EQ(send(phone, greeting()), fanfare::VerdictKind::accepted);
  EXPECT_EQ(fcm().inbox(phone).at(0).outcome, "pending");
  ASSERT_TRUE(fcm().advance(std::chrono::days(271)));
  EXPECT_EQ(send(phone), fanfare::VerdictKind::device_gone);
}

TEST_F(Fixture, RotatesATokenAndTellsTheNewOne) {
  const auto old = fcm().register_phone("android").value();
  const auto fresh = fcm().act(old, "rotate").value();
  EXPECT_EQ(send(old), fanfare::VerdictKind::device_gone);
  EXPECT_EQ(send(fresh), fanfare::VerdictKind::accepted);
}

TEST_F(Fixture, FailsOnDemand) {
  const auto phone = fcm().register_phone("android").value();
  ASSERT_TRUE(fcm().set_faults(R"({"fault":"project_not_found"})"));
  EXPECT_EQ(send(phone), fanfare::VerdictKind::project_blocked);
}

TEST_F(Fixture, SaysWhatIsWrongWithAnOrder) {
  EXPECT_EQ(fcm().register_phone("pager").error().kind, fanfare::Error::Kind::input);
  EXPECT_FALSE(fcm().act("nobody", "offline"));
  EXPECT_FALSE(fcm().set_faults(R"({"fault":"gremlins"})"));
  EXPECT_FALSE(fcm().advance(-1s));
  const auto missing = fanfare::testing::Emulator::start({.devices_file = "/nowhere/devices.csv"});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().what.find("/nowhere/devices.csv"), std::string::npos);
}

}  // namespace
