/// \file
/// A GoogleTest fixture with an FCM of its own. The only header of Fanfare's that needs GoogleTest.
///
///     struct Welcome : fanfare::testing::EmulatorTest {};
///
///     TEST_F(Welcome, GreetsANewUser) {
///       const auto phone = fcm().register_phone("android").value();
///       greet(fcm().endpoint(), phone);
///       ASSERT_EQ(fcm().await(phone).size(), 1);
///     }
#pragma once

#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "fanfare/testing/emulator.h"

namespace fanfare::testing {

/// A fresh emulator for each test.
class EmulatorTest : public ::testing::Test {
 protected:
  /// Override to start it otherwise.
  [[nodiscard]] virtual EmulatorOptions emulator_options() const { return {}; }

  /// Starts the emulator; a fixture that overrides this calls it first.
  void SetUp() override {
    auto started = Emulator::start(emulator_options());
    ASSERT_TRUE(started) << started.error().what << "; " << started.error().remedy;
    fcm_.emplace(*std::move(started));
  }

  /// The emulator of this test.
  [[nodiscard]] Emulator& fcm() { return *fcm_; }

 private:
  std::optional<Emulator> fcm_;
};

}  // namespace fanfare::testing
