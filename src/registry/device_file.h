// Files of registrations: CSV with a header, JSON lines or plain text, maybe gzip or zstd, read
// in constant memory. A bad line is reported with its number and skipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fanfare/result.h"

#include "registry/device.h"

namespace fanfare::registry {

/// A line that was skipped.
struct BadLine {
  std::uint64_t number = 0;  ///< From 1.
  std::string what;
};

class DeviceFile {
 public:
  /// "-" is standard input. Compression is told by the first bytes, the format by the first
  /// content: '{' is JSON lines, a header naming token or fid is CSV, anything else is plain text,
  /// one token a line (blank lines and lines starting with '#' are skipped). Error::Kind::input
  /// when the file is missing or unreadable.
  [[nodiscard]] static Result<DeviceFile> open(const std::filesystem::path& path);
  DeviceFile(DeviceFile&&) noexcept;
  DeviceFile& operator=(DeviceFile&&) noexcept;
  ~DeviceFile();

  /// Appends at most `limit` devices to `devices` and the bad lines met on the way to `bad`; false
  /// at the end. Error::Kind::input when the file breaks off (damaged compression, read error).
  [[nodiscard]] Result<bool> read(std::size_t limit, std::vector<Device>& devices,
                                  std::vector<BadLine>& bad);

  [[nodiscard]] std::uint64_t bytes_read() const noexcept;   ///< Of the file, for progress.
  [[nodiscard]] std::uint64_t bytes_total() const noexcept;  ///< 0: unknown.

 private:
  struct Impl;
  explicit DeviceFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::registry
