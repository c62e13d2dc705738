#include "registry/accepted_block.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace fanfare::registry {
namespace {

constexpr DeviceId block_size = 1'000;  // FANFARE_ACCEPTED_STAMP counts on it, too.
constexpr std::size_t stamp_size = 4;

}  // namespace

AcceptedBlock::AcceptedBlock(std::string stored) : bytes_(std::move(stored)) {
  bytes_.resize(static_cast<std::size_t>(block_size) * stamp_size);
}

DeviceId AcceptedBlock::number_of(DeviceId id) noexcept {
  return id / block_size;
}

bool AcceptedBlock::knows(DeviceId id) const noexcept {
  const auto at_byte = static_cast<std::size_t>(id % block_size) * stamp_size;
  return std::string_view(bytes_).substr(at_byte, stamp_size) != std::string_view("\0\0\0\0", 4);
}

void AcceptedBlock::set(DeviceId id, SystemTime at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
  // Good until 2106; a clock that is set outside of it gives the nearest time that can be kept.
  const auto stamp = static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, UINT32_MAX));
  const auto at_byte = static_cast<std::size_t>(id % block_size) * stamp_size;
  for (std::size_t i = 0; i < stamp_size; ++i) {
    bytes_[at_byte + i] = static_cast<char>(stamp >> (8 * (stamp_size - 1 - i)));
  }
}

std::optional<SystemTime> read_accepted_stamp(std::string_view bytes) noexcept {
  std::uint32_t stamp = 0;
  for (const char byte : bytes) stamp = stamp << 8 | static_cast<unsigned char>(byte);
  if (stamp == 0) return std::nullopt;
  return SystemTime(std::chrono::seconds(stamp));
}

}  // namespace fanfare::registry
