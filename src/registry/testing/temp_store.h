// A folder of its own for each test, and short words for what registry tests say often.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "registry/registry.h"

namespace fanfare::registry {

using namespace std::chrono_literals;

/// 2027-01-15T08:00:00Z: the day on which these tests play.
inline const SystemTime day0{std::chrono::seconds(1'800'000'000)};

inline Device a_token(const std::string& value) {
  Device device;
  device.registration = {TargetKind::token, value};
  return device;
}

inline std::vector<Device> tokens(std::size_t count, const std::string& prefix = "token-") {
  std::vector<Device> devices;
  for (std::size_t i = 0; i < count; ++i) devices.push_back(a_token(prefix + std::to_string(i)));
  return devices;
}

class TempStore : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "fanfare-registry-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ / "fanfare.db";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Registry open(OpenOptions options = {}) {
    auto registry = Registry::open(path_, options);
    if (!registry) throw std::runtime_error(registry.error().what);
    return std::move(*registry);
  }
  /// Stores the device and returns it as the registry knows it.
  static Device put(Registry& registry, const Device& device, SystemTime now = day0) {
    if (auto done = registry.upsert({&device, 1}, now); !done) {
      throw std::runtime_error(done.error().what);
    }
    return registry.find(device.registration).value().value();
  }
  static Device get(Registry& registry, const std::string& value) {
    return registry.find(value).value().value();
  }
  static Campaign a_campaign(Registry& registry, const std::string& filter = "") {
    Campaign campaign;
    campaign.project = "p";
    campaign.message = R"({"notification":{"title":"hi"}})";
    campaign.audience = registry.make_audience(filter, 0, "p", day0).value();
    campaign.started = day0;
    if (auto done = registry.add_campaign(campaign); !done) {
      throw std::runtime_error(done.error().what);
    }
    return campaign;
  }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

}  // namespace fanfare::registry
