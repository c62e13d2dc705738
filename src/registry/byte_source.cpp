#include "registry/byte_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace fanfare::registry {
namespace {

constexpr std::size_t buffer_bytes = 64U << 10;

std::unexpected<Error> system_failure(const char* deed, const std::filesystem::path& path,
                                      int error) {
  return fail(Error::Kind::input,
              fmt::format("can't {} {}: {}", deed, path.string(), std::strerror(error)),
              error == ENOENT   ? "check the path"
              : error == EACCES ? "check the file's permissions"
              : error == EISDIR ? "name a file in the folder"
                                : "check the disk and the file");
}

// The bytes of a file behind a buffer, so that the first ones can be looked at.
class Buffered {
 public:
  explicit Buffered(FileSource& file) : file_(&file), bytes_(buffer_bytes) {}

  [[nodiscard]] std::string_view view() const { return {bytes_.data() + at_, end_ - at_}; }
  void skip(std::size_t count) { at_ += count; }
  [[nodiscard]] const std::filesystem::path& path() const { return file_->path(); }

  /// Reads more when less than `count` bytes are there; they stay less only at the end.
  [[nodiscard]] Result<void> need(std::size_t count) {
    while (end_ - at_ < count) {
      std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(at_),
                bytes_.begin() + static_cast<std::ptrdiff_t>(end_), bytes_.begin());
      end_ -= std::exchange(at_, 0);
      const auto got = file_->read(std::span(bytes_).subspan(end_));
      if (!got) return std::unexpected(got.error());
      if (*got == 0) return {};
      end_ += *got;
    }
    return {};
  }

  [[nodiscard]] std::unexpected<Error> damaged(std::string_view how) const {
    return fail(Error::Kind::input, fmt::format("{}: the compressed data {}", path().string(), how),
                "the devices before that point were read; fetch the file again");
  }

 private:
  FileSource* file_;
  std::vector<char> bytes_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
};

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(Buffered input) : input_(std::move(input)) {}

  Result<std::size_t> read(std::span<char> out) override {
    if (auto filled = input_.need(1); !filled) return std::unexpected(filled.error());
    const auto part = input_.view().substr(0, out.size());
    std::ranges::copy(part, out.begin());
    input_.skip(part.size());
    return part.size();
  }

 private:
  Buffered input_;
};

// gzip, RFC 1952: members follow one another (2.2); zeros behind the last are padding of tapes.
class GzipSource : public ByteSource {
 public:
  explicit GzipSource(Buffered input) : input_(std::move(input)) {
    // 16: a gzip header and nothing else. Fails only without memory; read reports it then.
    ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;
  ~GzipSource() override {
    if (ready_) inflateEnd(&stream_);
  }

  Result<std::size_t> read(std::span<char> out) override {
    if (!ready_) return input_.damaged("can't be unpacked: no memory");
    while (true) {
      if (auto filled = input_.need(1); !filled) return std::unexpected(filled.error());
      if (between_members_) {
        while (!input_.view().empty() && input_.view().front() == '\0') {
          input_.skip(1);
          if (auto filled = input_.need(1); !filled) return std::unexpected(filled.error());
        }
        if (input_.view().empty()) return 0;
        between_members_ = false;
        inflateReset(&stream_);
      }
      if (input_.view().empty()) return input_.damaged("breaks off: the file was cut");
      const auto step = inflate_some(out);
      if (!step || *step > 0) return step;
    }
  }

 private:
  Result<std::size_t> inflate_some(std::span<char> out) {
    const std::string_view in = input_.view();
    // zlib takes its input through a pointer to non-const, and only reads it.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&stream_, Z_NO_FLUSH);
    input_.skip(in.size() - stream_.avail_in);
    if (code == Z_STREAM_END) {
      between_members_ = true;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return input_.damaged(
          fmt::format("is damaged: {}", stream_.msg == nullptr ? zError(code) : stream_.msg));
    }
    return out.size() - stream_.avail_out;
  }

  Buffered input_;
  z_stream stream_{};
  bool ready_ = false;
  bool between_members_ = false;
};

// zstd, RFC 8878: frames follow one another (3.1); the library skips skippable ones.
class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(Buffered input) : input_(std::move(input)), stream_(ZSTD_createDStream()) {}

  Result<std::size_t> read(std::span<char> out) override {
    if (!stream_) return input_.damaged("can't be unpacked: no memory");
    while (true) {
      if (auto filled = input_.need(1); !filled) return std::unexpected(filled.error());
      const std::string_view view = input_.view();
      if (view.empty() && !inside_frame_) return 0;
      ZSTD_inBuffer in{view.data(), view.size(), 0};
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      const std::size_t code = ZSTD_decompressStream(stream_.get(), &to, &in);
      if (ZSTD_isError(code) != 0U) {
        return input_.damaged(fmt::format("is damaged: {}", ZSTD_getErrorName(code)));
      }
      input_.skip(in.pos);
      inside_frame_ = code != 0;
      if (to.pos > 0) return to.pos;
      if (view.empty()) return input_.damaged("breaks off: the file was cut");
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
  };
  Buffered input_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool inside_frame_ = false;
};

}  // namespace

Result<std::unique_ptr<FileSource>> FileSource::open(const std::filesystem::path& path,
                                                     const std::atomic<bool>* interrupt) {
  const int fd = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_failure("open", path, errno);
  std::unique_ptr<FileSource> file(new FileSource(path, fd));
  file->interrupt_ = interrupt;
  struct stat status{};
  if (::fstat(fd, &status) != 0) return system_failure("read", path, errno);
  if (S_ISDIR(status.st_mode)) return system_failure("read", path, EISDIR);
  if (S_ISREG(status.st_mode)) file->bytes_total_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

FileSource::~FileSource() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

Result<std::size_t> FileSource::read(std::span<char> out) {
  while (true) {
    if (interrupt_ != nullptr && interrupt_->load()) {
      return fail(Error::Kind::input, fmt::format("{}: interrupted", path_.string()));
    }
    const auto count = ::read(fd_, out.data(), out.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure("read", path_, errno);
    bytes_read_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }
}

Result<std::unique_ptr<ByteSource>> unpacked(FileSource& file) {
  Buffered input(file);
  if (auto filled = input.need(4); !filled) return std::unexpected(filled.error());
  const std::string_view first = input.view();
  if (first.starts_with("\x1F\x8B")) return std::make_unique<GzipSource>(std::move(input));
  const bool zstd = first.starts_with("\x28\xB5\x2F\xFD");
  const bool skippable =
      first.size() >= 4 && (first[0] & 0xF0) == 0x50 && first.substr(1).starts_with("\x2A\x4D\x18");
  if (zstd || skippable) return std::make_unique<ZstdSource>(std::move(input));
  return std::make_unique<PlainSource>(std::move(input));
}

}  // namespace fanfare::registry
