// Made-up devices by the million: each follows from the seed and its index, so a list of ten
// million costs no memory, and a token that comes back is recognised by decoding it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "fanfare/result.h"

#include "base/time_text.h"
#include "emulator/health.h"

namespace fanfare::emulator {

struct GeneratorOptions {
  std::uint64_t count = 0;  ///< At most max_generated.
  std::uint64_t seed = 1;
};

/// An index must fit beside its check in a token and a count beside its flags in memory.
inline constexpr std::uint64_t max_generated = 100'000'000;

/// The same seed and count give the same list, on every machine.
class Generator {
 public:
  explicit Generator(GeneratorOptions options);

  [[nodiscard]] std::uint64_t count() const noexcept { return options_.count; }

  /// The token of the device; `index` is below count().
  [[nodiscard]] std::string token(std::uint64_t index) const;
  [[nodiscard]] Health health(std::uint64_t index) const;
  [[nodiscard]] Platform platform(std::uint64_t index) const {
    return platform(index, health(index));
  }
  /// The same for who knows that its health was made up as `health`.
  [[nodiscard]] Platform platform(std::uint64_t index, Health health) const;
  /// Owner; some have two devices.
  [[nodiscard]] std::string user(std::uint64_t index) const;

  /// The device whose token this is. Nothing when one character differs.
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view token) const;

  /// How many devices have this health: exact, not an expectation.
  [[nodiscard]] std::uint64_t count_of(Health health) const noexcept {
    return shares_[static_cast<std::size_t>(health)];
  }

 private:
  [[nodiscard]] std::uint64_t rank(std::uint64_t index) const noexcept;
  [[nodiscard]] std::string broken_token(std::uint64_t index) const;
  [[nodiscard]] std::string good_token(std::uint64_t index) const;

  GeneratorOptions options_;
  HealthCounts shares_{};
};

/// Writes the list as the registry imports it: CSV with token,user,platform,last_seen, the last
/// seen within the 30 days before `newest`. Error::Kind::usage for too many devices, storage when
/// the file can't be written.
[[nodiscard]] Result<void> write_device_list(const std::filesystem::path& path,
                                             GeneratorOptions options, SystemTime newest);

}  // namespace fanfare::emulator
