// AcceptedBlock: when FCM last accepted a message for each of 1,000 devices with neighbouring ids.
//
// A campaign walks a fleet in the order of ids and learns this of nearly every device. In the row
// of the device it would cost a page of the log per message; here the times of a whole batch of
// results are a few rows, each patched and written once.
//
// A block is kept as 4 bytes a device, the most significant first: seconds since 1970, 0 for never.
// 4,000 bytes are what fits into one page of SQLite (4,096) without an overflow page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time_text.h"
#include "registry/device.h"

namespace fanfare::registry {

class AcceptedBlock {
 public:
  /// `stored`: as `bytes` gave them; empty for a block that is not stored yet.
  explicit AcceptedBlock(std::string stored);

  [[nodiscard]] static DeviceId number_of(DeviceId id) noexcept;  ///< The block that `id` is in.

  [[nodiscard]] bool knows(DeviceId id) const noexcept;  ///< Precondition as for `set`.
  void set(DeviceId id, SystemTime at);                  ///< Precondition: `id` is in this block.
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

/// SQL for the 4 bytes of a row of `dev`, NULL without a block.
#define FANFARE_ACCEPTED_STAMP                                       \
  "(SELECT substr(times, device.id % 1000 * 4 + 1, 4) FROM accepted" \
  " WHERE block = device.id / 1000)"

/// What these bytes say; nothing for never or NULL.
[[nodiscard]] std::optional<SystemTime> read_accepted_stamp(std::string_view bytes) noexcept;

}  // namespace fanfare::registry
