// What is asked of reading a file of registrations, and what comes out of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "registry/device.h"
#include "registry/field_map.h"

namespace fanfare::registry {

/// Of a bad line so many bytes are kept, to be shown and mended.
inline constexpr std::size_t max_kept_line_bytes = 64U << 10;

/// A line that was skipped.
struct BadLine {
  std::uint64_t number = 0;  ///< From 1; of a record over several lines its first.
  std::string what;
  /// As it stands in the file, without its line end; cut to `max_kept_line_bytes`. A row of an SQL
  /// dump is a statement of its own here, so that it can be mended and read alone.
  std::string text;
  std::uint64_t bytes = 0;  ///< Its whole length; more than `text` has: that is cut.
};

/// How a file is read.
struct ReadOptions {
  FieldMap fields{};
  /// The file is an SQL dump and this is the table, maybe with its schema; empty: it is none.
  std::string table{};
  /// What an earlier run has done with: nothing comes of the beginning up to this mark.
  std::uint64_t skip = 0;
  /// Set by a signal: a read that waits for bytes then fails.
  const std::atomic<bool>* interrupt = nullptr;
};

/// What some bytes of a file came to.
struct DeviceBatch {
  std::vector<Device> devices;
  /// For each device where it ends, in rising order: its last line; in an SQL dump, whose rows may
  /// share a line, how many rows of the table that is. What `ReadOptions::skip` takes.
  std::vector<std::uint64_t> marks;
  std::vector<DeviceHistory> histories;  ///< Of the devices that came with one, in their order.
  std::vector<BadLine> bad;
  std::vector<std::uint64_t> bad_marks;  ///< For each bad line, as `marks`.

  void clear() noexcept {
    devices.clear();
    marks.clear();
    histories.clear();
    bad.clear();
    bad_marks.clear();
  }
};

}  // namespace fanfare::registry
