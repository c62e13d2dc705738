// The devices the emulator knows, and what happened to each. They come from a file, from a
// generator, or, with neither, are met as requests name them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fanfare/result.h"

#include "emulator/generator.h"
#include "emulator/health.h"

namespace fanfare::emulator {

struct Device {
  std::uint64_t index = 0;  ///< Its place in the book.
  Health health = Health::living;
  Platform platform = Platform::unknown;
};

/// What FCM thinks of a registration, whatever a message to it would meet at the device.
enum class Standing : std::uint8_t { good, unregistered, malformed, wrong_sender };

/// Of one device, since the last reset.
struct DeviceCounts {
  std::uint32_t requests = 0;
  std::uint32_t accepted : 31 = 0;
  std::uint32_t failed_once : 1 = 0;  ///< A flaky device has had its failure; no reset undoes it.
};

/// Whether FCM would take the text for a registration at all: a token with its colon, a device
/// group's key or an installation ID. Lengths vary, so only far too short ones are told apart.
[[nodiscard]] bool looks_like_registration(std::string_view text) noexcept;

class DeviceBook {
 public:
  /// Knows nobody: every text that looks like a registration is a living device.
  DeviceBook() = default;

  explicit DeviceBook(GeneratorOptions options) : generator_(Generator(options)) {}

  /// CSV with a header naming token or fid, and any of platform, health, user and others, which
  /// are not read; or JSON lines with those names. No health is living. Error::Kind::input names
  /// the line.
  [[nodiscard]] static Result<DeviceBook> parse(std::string_view text);

  /// Nothing: the registration belongs to nobody.
  [[nodiscard]] std::optional<Device> find(std::string_view registration);

  /// The same without meeting anybody: nothing for one that only looks like a registration.
  [[nodiscard]] std::optional<Device> known(std::string_view registration) const;

  /// Makes a registration known as a living device, whether or not there is a list; one that is
  /// known keeps what it is. False when no more are remembered.
  bool adopt(const std::string& registration, Platform platform, std::string user = {});

  /// From now on the device is like that, whatever the list says.
  void set_health(std::uint64_t index, Health health);

  /// For everything that is done with a registration but sending to it. APNs is not asked, and
  /// the flaky keep their failure for a message.
  [[nodiscard]] Standing standing(std::string_view registration);

  [[nodiscard]] std::uint64_t size() const noexcept;
  [[nodiscard]] Device at(std::uint64_t index) const;
  [[nodiscard]] std::string registration(std::uint64_t index) const;
  /// Its owner; empty when nobody said.
  [[nodiscard]] std::string user(std::uint64_t index) const;
  [[nodiscard]] DeviceCounts& counts(std::uint64_t index);
  /// How often a message to a topic, a condition or a group reached the device. Counted apart:
  /// it is nobody's second send.
  void note_reached(std::uint64_t index) { ++reached_[index]; }
  [[nodiscard]] std::uint64_t reached(std::uint64_t index) const;

  [[nodiscard]] HealthCounts healths() const;

  void reset_counts();

  /// Those met unlisted are remembered up to here; later ones live too but are not counted.
  static constexpr std::size_t max_met = 100'000;
  static constexpr std::uint64_t uncounted = ~std::uint64_t{0};  ///< The index of such a one.

 private:
  struct Listed {
    std::string registration;
    Health health;
    Platform platform;
    std::string user;
  };

  bool add(Listed device);  ///< False, and not added, when it was there already.

  [[nodiscard]] std::uint64_t generated() const noexcept {
    return generator_ ? generator_->count() : 0;
  }

  std::optional<Generator> generator_;
  bool listed_only_ = false;
  std::size_t met_ = 0;  // Of those listed below, how many no list named.
  // Numbered after the generated ones.
  std::deque<Listed> listed_;  // A deque, since by_registration_ looks into its strings.
  std::unordered_map<std::string_view, std::uint64_t> by_registration_;

  std::unordered_map<std::uint64_t, Health> changed_;         // Of the generated ones.
  std::unordered_map<std::uint64_t, std::uint64_t> reached_;  // Those with topics are few.

  // Made as devices are met: ten million that nobody writes to cost nothing.
  static constexpr std::size_t page_size = 4'096;
  std::vector<std::unique_ptr<DeviceCounts[]>> pages_;
};

}  // namespace fanfare::emulator
