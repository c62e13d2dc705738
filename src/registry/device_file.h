// Files of registrations: CSV with a header, JSON lines, plain text or an SQL dump, maybe gzip or
// zstd, read in constant memory. A bad line is reported with its number and skipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fanfare/result.h"

#include "registry/device_batch.h"

namespace fanfare::registry {

class DeviceFile {
 public:
  /// "-" is standard input. Compression is told by the first bytes, the format by the first
  /// content: '{' is JSON lines, a header naming token or fid is CSV, anything else is plain text,
  /// one token a line (blank lines and lines starting with '#' are skipped). Error::Kind::input
  /// when the file is missing or unreadable.
  [[nodiscard]] static Result<DeviceFile> open(const std::filesystem::path& path,
                                               ReadOptions options = {});
  DeviceFile(DeviceFile&&) noexcept;
  DeviceFile& operator=(DeviceFile&&) noexcept;
  ~DeviceFile();

  /// Replaces `batch` by the next devices and bad lines, at most `limit` of each; false at the end.
  /// Error::Kind::input when the file breaks off (damaged compression, read error), and when the
  /// map or the table does not fit the file (Error::Kind::usage); `batch` has what came before.
  [[nodiscard]] Result<bool> read(std::size_t limit, DeviceBatch& batch);
  /// The same, appending.
  [[nodiscard]] Result<bool> read(std::size_t limit, std::vector<Device>& devices,
                                  std::vector<BadLine>& bad);

  /// How far `read` has come, for ReadOptions::skip: all up to here has been handed out.
  [[nodiscard]] std::uint64_t mark() const noexcept;
  /// The first line of a CSV file without its line end; empty: it is none.
  [[nodiscard]] const std::string& csv_header() const noexcept;

  [[nodiscard]] std::uint64_t bytes_read() const noexcept;   ///< Of the file, for progress.
  [[nodiscard]] std::uint64_t bytes_total() const noexcept;  ///< 0: unknown.

 private:
  struct Impl;
  explicit DeviceFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::registry
