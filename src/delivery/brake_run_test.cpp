// The brake over whole campaigns: waves of UNREGISTERED, and that no living device is lost.
#include <gtest/gtest.h>

#include "delivery/campaign_run.h"
#include "delivery/testing/world.h"

namespace fanfare::delivery {
namespace {

using namespace std::chrono_literals;
using States = std::map<std::string, std::uint64_t>;

// Every second one, wherever it stands in the list.
bool hit(const std::string& token) {
  return token.back() % 2 == 0;
}

class BrakeRun : public World {
 protected:
  Summary send(const FakePort::Script& script) {
    FakePort port(script);
    RunOptions with = options();
    with.clock = [this] { return now_; };
    with.on_brake = [this](const BrakeAlarm& alarm) { alarms_.push_back(alarm); };
    registry::Campaign campaign = new_campaign();
    return run(port, campaign, false, with);
  }
  Summary send_in_a_wave() {
    return send([](const std::string& token, int) {
      return hit(token) || token.starts_with("dead") ? unregistered() : accepted();
    });
  }
  Summary send_after_it() {
    return send([](const std::string& token, int) {
      return token.starts_with("dead") ? unregistered() : accepted();
    });
  }
  std::string state_of(const std::string& token) {
    const auto device = registry_->find(Target{TargetKind::token, token});
    return std::string(to_string(device.value().value().state));
  }
  registry::DeviceId id_of(const std::string& token) {
    return registry_->find(Target{TargetKind::token, token}).value().value().id;
  }

  SystemTime now_ = now();
  std::vector<BrakeAlarm> alarms_;
};

TEST_F(BrakeRun, AWaveEndsByItselfAndTakesTheDeadWithIt) {
  add_devices("living", 4'000);
  add_devices("dead", 120);
  const Summary wave = send_in_a_wave();
  ASSERT_EQ(wave.brakes.size(), 1U);
  EXPECT_EQ(wave.brakes[0].suspects, 2'120U);
  EXPECT_EQ(states(), (States{{"active", 2'000}, {"suspect", 2'120}}));
  ASSERT_EQ(alarms_.size(), 1U);
  EXPECT_EQ(alarms_[0].pull.platform, "android");

  now_ += 10min;
  send_in_a_wave();
  EXPECT_EQ(states(), (States{{"active", 2'000}, {"suspect", 2'120}}));

  now_ += 10min;
  const Summary clean = send_after_it();
  EXPECT_TRUE(clean.brakes.empty());
  EXPECT_EQ(states(), (States{{"active", 4'000}, {"retired", 120}}));
  EXPECT_EQ(alarms_.size(), 1U);
}

TEST_F(BrakeRun, AnOutageThatLastsRetiresNobodyHoweverOftenItIsSentTo) {
  add_devices("living", 4'000);
  for (int hour = 0; hour < 23; ++hour) {
    const Summary summary = send_in_a_wave();
    EXPECT_EQ(summary.brakes.size(), 1U);
    ASSERT_EQ(states(), (States{{"active", 2'000}, {"suspect", 2'000}})) << hour;
    now_ += 1h;
  }
  send_after_it();
  EXPECT_EQ(states(), (States{{"active", 4'000}}));
}

TEST_F(BrakeRun, WhatIsStillCalledDeadADayLaterIsDead) {
  add_devices("living", 3'000);
  add_devices("dead", 2'000);
  send_after_it();
  EXPECT_EQ(states(), (States{{"active", 3'000}, {"suspect", 2'000}}));
  now_ += 24h;
  const Summary later = send_after_it();
  EXPECT_EQ(states(), (States{{"active", 3'000}, {"retired", 2'000}}));
  EXPECT_TRUE(later.brakes.empty());
}

TEST_F(BrakeRun, ACanaryKeepsALongOutageFromBeingBelieved) {
  add_devices("living", 4'000);
  ASSERT_TRUE(registry_->add_canary(id_of("living-0")));
  send_in_a_wave();
  for (int day = 0; day < 3; ++day) {
    now_ += 24h;
    send_in_a_wave();
    ASSERT_EQ(states(), (States{{"active", 2'000}, {"suspect", 2'000}})) << day;
  }
}

TEST_F(BrakeRun, ACanaryPullsTheBrakeBeforeAnybodyIsLost) {
  add_devices("living", 1'000);
  ASSERT_TRUE(registry_->add_canary(id_of("living-7")));
  const Summary summary = send([](const std::string& token, int) {
    return token.ends_with("7") && token.size() <= 9 ? unregistered() : accepted();
  });
  EXPECT_EQ(summary.counts.retired, 10U);
  EXPECT_EQ(states(), (States{{"active", 990}, {"suspect", 10}}));
  ASSERT_EQ(summary.brakes.size(), 1U);
  EXPECT_EQ(summary.brakes[0].why.canary, "living-7");
  send_after_it();
  EXPECT_EQ(states(), (States{{"active", 1'000}}));
}

// A hundred answers a minute: the wave is the fortieth to the fiftieth minute of two hours.
TEST_F(BrakeRun, AShortWaveWithinALongRunRetiresNobody) {
  add_devices("living", 12'000);
  std::uint64_t requests = 0;
  std::uint64_t called_dead = 0;
  const auto paced = [&](const std::string& token, int) {
    ++requests;
    if (requests % 100 == 0) now_ += 1min;
    const bool wave = requests >= 4'000 && requests < 5'000;
    if (!wave || !hit(token)) return accepted();
    ++called_dead;
    return unregistered();
  };
  const Summary summary = send(paced);
  EXPECT_GT(called_dead, 450U);
  EXPECT_EQ(states(), (States{{"active", 12'000 - called_dead}, {"suspect", called_dead}}));
  EXPECT_EQ(summary.brakes.size(), 1U);
  send_after_it();
  EXPECT_EQ(states(), (States{{"active", 12'000}}));
}

TEST_F(BrakeRun, ALaterRunThatBeginsInTheWaveSettlesNothing) {
  add_devices("living", 6'000);
  send_in_a_wave();
  now_ += 30min;
  std::uint64_t requests = 0;
  send([&](const std::string& token, int) {
    return ++requests < 1'000 && hit(token) ? unregistered() : accepted();
  });
  EXPECT_EQ(states().contains("retired"), false);
  send_after_it();
  EXPECT_EQ(states(), (States{{"active", 6'000}}));
}

TEST_F(BrakeRun, AWaveThatComesBackInTheNextSendIsStoppedAgain) {
  add_devices("living", 4'000);
  send_in_a_wave();
  now_ += 5min;
  send_after_it();
  EXPECT_EQ(states(), (States{{"active", 4'000}}));
  now_ += 5min;
  send_in_a_wave();
  EXPECT_EQ(states(), (States{{"active", 2'000}, {"suspect", 2'000}}));
  EXPECT_EQ(alarms_.size(), 2U);
}

TEST_F(BrakeRun, SeveralSmallSendsAreOneWave) {
  for (int send_number = 0; send_number < 5; ++send_number) {
    const std::string name(1, static_cast<char>('a' + send_number));
    add_devices(name, 80);
    FakePort port(
        [](const std::string& token, int) { return hit(token) ? unregistered() : accepted(); });
    registry::Campaign campaign = new_campaign();
    campaign.audience.last_id = id_of(name + "-79");
    campaign.cursor = id_of(name + "-0") - 1;
    RunOptions with = options();
    with.clock = [this] { return now_; };
    run(port, campaign, false, with);
    now_ += 10min;
  }
  EXPECT_EQ(states(), (States{{"active", 200}, {"suspect", 200}}));
}

TEST_F(BrakeRun, AReleaseInTheMiddleOfTheWaveLosesNobodyEither) {
  add_devices("living", 6'000);
  std::uint64_t requests = 0;
  send([&](const std::string& token, int) {
    if (++requests == 3'000) {
      EXPECT_GT(registry_->release_brakes(now_).value(), 1'000U);
    }
    return hit(token) ? unregistered() : accepted();
  });
  EXPECT_FALSE(states().contains("retired"));
  EXPECT_GT(states()["suspect"], 1'000U);
  EXPECT_EQ(alarms_.size(), 2U);
}

TEST_F(BrakeRun, StopsOnePlatformAndCleansTheOthers) {
  add_devices("iphone", 2'000, "ios");
  add_devices("pixel", 2'000);
  add_devices("dead", 60);
  const Summary summary = send([](const std::string& token, int) {
    if (token.starts_with("dead")) return unregistered();
    return token.starts_with("iphone") && hit(token) ? unregistered() : accepted();
  });
  ASSERT_EQ(summary.brakes.size(), 1U);
  EXPECT_EQ(summary.brakes[0].platform, "ios");
  EXPECT_EQ(states(), (States{{"active", 3'000}, {"retired", 60}, {"suspect", 1'000}}));
}

TEST_F(BrakeRun, LosesNobodyWhenKilledInTheWave) {
  add_devices("living", 2'000);
  Random random(3);
  new_campaign();
  bool finished = false;
  for (int life = 0; life < 60 && !finished; ++life) {
    FakePort port(
        [](const std::string& token, int) { return hit(token) ? unregistered() : accepted(); });
    port.crash_after(random.below(300));
    RunOptions with = options();
    with.retry.first_window = 40;
    with.retry.max_window = 80;
    try {
      run(port, stored_campaign(), life > 0, with);
      finished = true;
    } catch (const Crash&) {
    }
    open_store();
  }
  ASSERT_TRUE(finished);
  EXPECT_EQ(states(), (States{{"active", 1'000}, {"suspect", 1'000}}));
  send_after_it();
  EXPECT_EQ(states(), (States{{"active", 2'000}}));
}

}  // namespace
}  // namespace fanfare::delivery
