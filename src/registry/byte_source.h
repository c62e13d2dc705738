// A file as a stream of bytes, unpacked when it is gzip or zstd. Each step is pulled by its
// reader, so that neither a large file nor an archive of a terabyte of zeros fills the memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "fanfare/result.h"

namespace fanfare::registry {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills the front of `out`, which is not empty; 0 at the end. Error::Kind::input names the file.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<char> out) = 0;
};

/// An open file and how far it has been read.
class FileSource : public ByteSource {
 public:
  /// "-" is standard input. A signal that sets `interrupt` ends a read that waits, with an error.
  [[nodiscard]] static Result<std::unique_ptr<FileSource>> open(
      const std::filesystem::path& path, const std::atomic<bool>* interrupt = nullptr);
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override;

  [[nodiscard]] Result<std::size_t> read(std::span<char> out) override;
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  [[nodiscard]] std::uint64_t bytes_total() const noexcept { return bytes_total_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  FileSource(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::filesystem::path path_;
  int fd_;
  const std::atomic<bool>* interrupt_ = nullptr;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_total_ = 0;
};

/// Looks at the first bytes of `file` and unpacks what they announce. `file` must outlive it.
[[nodiscard]] Result<std::unique_ptr<ByteSource>> unpacked(FileSource& file);

}  // namespace fanfare::registry
