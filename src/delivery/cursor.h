// Cursor: how far a campaign has come, as a value small enough to store with every batch.
//
// Receivers are taken in the order of their ids and settled in any order. The position is the
// highest id up to which everything taken is settled; the settled ids behind it are listed, so
// that after a crash exactly the unsettled ones are sent again, whatever overtook what.
//
//   taken     1  2  3  4  5  6        position 2, done {4, 6}
//   settled   x  x     x     x        after a crash 3 and 5 are sent again, and 7 onwards
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

#include "registry/device.h"

namespace fanfare::delivery {

using registry::DeviceId;

class Cursor {
 public:
  Cursor() = default;

  /// Restores what position() and done() gave. Error::Kind::storage when `done` is damaged.
  [[nodiscard]] static Result<Cursor> restore(DeviceId position, std::string_view done);

  /// The next receiver of the audience. False: it was settled before a crash and must not be sent
  /// again. Ids must rise.
  [[nodiscard]] bool take(DeviceId id);
  /// Its result is in the same batch as this cursor. Precondition: taken and not settled.
  void settle(DeviceId id);

  [[nodiscard]] DeviceId position() const noexcept { return position_; }
  /// Where to go on reading the audience.
  [[nodiscard]] DeviceId last_taken() const noexcept;
  [[nodiscard]] std::size_t unsettled() const noexcept { return unsettled_; }

  /// The settled ids behind the position: each as its distance to the one before it (the first to
  /// the position), in base 128, low seven bits first, high bit set on all bytes but the last.
  [[nodiscard]] std::string done() const;

 private:
  struct Taken {
    DeviceId id = 0;
    bool settled = false;
  };
  void advance();

  DeviceId position_ = 0;
  std::deque<Taken> taken_;       // Behind the position, rising.
  std::deque<DeviceId> resumed_;  // Settled before a crash and not taken again yet, rising.
  std::size_t unsettled_ = 0;
};

}  // namespace fanfare::delivery
